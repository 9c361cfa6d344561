"""All processes of one job: told by a mark in their environment, which children inherit.

Neither the process group nor the tree would do: mrjob starts Hadoop's and Spark's clients in sessions of their own,
and a child whose parent was killed has left the tree.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "AGENTPOOL_JOB"
"""The environment variable that holds the job's key."""


def of(key: str) -> Iterator[psutil.Process]:
    """Yield the processes of a job, without the calling one."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == key:
                yield process


def end(key: str, *, patience: float) -> None:
    """End the processes of a job: ask them, and after ``patience`` seconds kill them."""
    asked = list(of(key))
    for process in asked:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(asked, timeout=patience)
    # Anew each time: what is being ended may have started something.
    while left := list(of(key)):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=patience)
