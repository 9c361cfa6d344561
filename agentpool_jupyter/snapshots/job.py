"""The MapReduce job that makes snapshots; what it does is in :mod:`.steps`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from agentpool_jupyter.jobs.job import Job

from .steps import Summarising
from .summary import SCALE, Scale

if TYPE_CHECKING:
    from agentpool_jupyter.jobs.step import Step


class SnapshotJob(Job):
    """Turns the logs of pools into nodes."""

    OWN_OPTIONS: ClassVar = {
        "--window": {"type": int, "default": SCALE.window, "help": "offsets of a window of level 0"},
        "--fan": {"type": int, "default": SCALE.fan, "help": "windows that make one of the next level"},
        "--until": {"action": "append", "default": [], "help": "where the summaries of each log are to end"},
    }

    def chain(self) -> list[Step]:
        """Return as many steps as the longest log needs."""
        scale = Scale(self.options.window, self.options.fan)
        return Summarising(scale, list(map(int, self.options.until))).chain()
