"""How far a job is, read from what mrjob, Spark and Hadoop log. Used by the child process only."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from .messages import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP = re.compile(r"Running steps? (\d+)(?:-\d+)? of (\d+)")
_SPARK_TASK = re.compile(r"Finished task \S+ in stage (\d+)\.\d+ .*\((\d+)/(\d+)\)")
_HADOOP = re.compile(r"map (\d+)% reduce (\d+)%")


class ProgressReader(logging.Handler):
    """Where the job stands; hears mrjob's log, in which the clients of Spark and Hadoop are heard too."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = ""
        self._step, self._steps = 0, 0
        self._tell: Callable[[Progress], None] = lambda _: None

    def attach(self, tell: Callable[[Progress], None]) -> None:
        """From now on hear mrjob's log, and tell what changes."""
        self._tell = tell
        logging.getLogger("mrjob").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of the log."""
        said = record.getMessage()
        if match := _STEP.search(said):
            self._step, self._steps, self.phase = int(match[1]), int(match[2]), ""
            self.tasks(0, 0)
        elif match := _SPARK_TASK.search(said):
            self.phase = f"stage {match[1]}"
            self.tasks(int(match[2]), int(match[3]))
        elif match := _HADOOP.search(said):
            mapped, reduced = int(match[1]), int(match[2])
            mapping = mapped < 100  # noqa: PLR2004 - percent
            self.phase = "map" if mapping else "reduce"
            self.tasks(mapped if mapping else reduced, 100)

    def tasks(self, done: int, total: int) -> None:
        """Tell that so many tasks of the phase are done."""
        self._tell(Progress(step=self._step, steps=self._steps, phase=self.phase, done=done, total=total))


READER = ProgressReader()
"""Of this child process, which runs one job: mrjob makes the runners and takes nothing for them from us."""
