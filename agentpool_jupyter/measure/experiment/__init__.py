"""Experiments: the same work at several team sizes and ways of coordination, one row a run.

In reading order::

    tasks       pieces of work, and what says whether each is done
    board       who does which: dealt out, chosen by claims, or left to everyone
    trials      which runs are made, and the team of each
    experiment  the way in: ``experiment(team, tasks=[…])``
    findings    the rows, and how they are displayed
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .experiment import experiment
    from .findings import Experiment
    from .tasks import Task

__all__ = ["Experiment", "Task", "experiment"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "experiment": ["experiment"],
        "findings": ["Experiment"],
        "tasks": ["Task"],
    },
)
