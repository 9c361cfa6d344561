"""MapReduce jobs over pools, and the engines that run them.

:func:`run_job` is the one way in: it runs an mrjob job in a child process on the engine that it is told. The
modules, lowest last::

    snapshots  the job that makes snapshots (with ``lines``); history/snapshots runs it
    indexing   index_pools: bulk indexing for recall, by the job of ``index`` (with ``index_lines``)
    run        run_job: starts the child, hears what it tells, cleans up after it
    child      the child process: the only place where mrjob's runners are used (with ``runners``, ``progress``)
    engines    what each engine needs and how mrjob is told
    hadoop     a Hadoop's own commands: which applications run, their logs, their end
    code       where a job's code is, and how it reaches the workers
    joblog     the kept logs, and the line in them that says why
    processes  all processes of one job, also those that left its session
    messages   what parent and child say to each other
"""

from __future__ import annotations

from .engines import ENGINES
from .messages import Progress
from .run import JobResult, run_job

__all__ = ["ENGINES", "JobResult", "Progress", "run_job"]
