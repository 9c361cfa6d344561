"""MapReduce: engines that run jobs, and what a job is made of.

The modules, in reading order::

    step       Step, which a job is made of; a few lines need no more
    job        Job, which a job is written with; only workers and the child process import it
    records    a log as a job's input
    backlog    work_off(): a job over what is new in several logs
    run        run_job(): starts the child, hears what it tells, cleans up after it
    messages   what parent and child process say to each other, progress among it
    child      the child process: the only place where mrjob's runners are used
    runners    mrjob's runners of this machine, and how far a job is, as they and mrjob's log tell
    engines    what each engine needs and how mrjob is told
    hadoop     a Hadoop's own commands: which applications run, their logs, their end
    code       where a job's code is, and how it reaches the workers
    joblog     the kept logs, and the line in them that says why
    scratch    temporary files: claimed, swept, and under plain names
    processes  all processes of one job, also those that left its session
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .engines import ENGINES
    from .messages import Progress
    from .run import JobResult, run_job

__all__ = ["ENGINES", "JobResult", "Progress", "run_job"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "engines": ["ENGINES"],
        "messages": ["Progress"],
        "run": ["JobResult", "run_job"],
    },
)
