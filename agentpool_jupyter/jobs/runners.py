"""mrjob's runners, and how far a job is: as they tell, and as Spark and Hadoop log. For the child process only."""

from __future__ import annotations

import logging
import re
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrjob.inline import InlineMRJobRunner
from mrjob.local import LocalMRJobRunner
from mrjob.parse import is_uri
from mrjob.spark.runner import SparkMRJobRunner

from .messages import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LEAST = 1_000_000
"""Bytes of input that are worth a process of their own, which takes a third of a second to start."""
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


class _Phases:
    """Knows which kind of tasks runs, and tells when one of them has ended."""

    def _run_mappers_and_combiners(self, step_num: int, map_splits: Any) -> None:
        READER.phase = "map"
        super()._run_mappers_and_combiners(step_num, map_splits)  # type: ignore[misc]  # a mixin

    def _run_reducers(self, step_num: int, num_reducer_tasks: int) -> None:
        READER.phase = "reduce"
        super()._run_reducers(step_num, num_reducer_tasks)  # type: ignore[misc]  # a mixin


class InlineRunner(_Phases, InlineMRJobRunner):  # type: ignore[misc]  # mrjob has no types
    """Runs tasks in this process."""

    def _run_multiple(self, funcs: Iterable[Callable[[], None]], num_processes: int | None = None) -> None:
        del num_processes
        tasks = list(funcs)
        READER.tasks(0, len(tasks))
        for done, task in enumerate(tasks, 1):
            task()
            READER.tasks(done, len(tasks))


class LocalRunner(_Phases, LocalMRJobRunner):  # type: ignore[misc]  # mrjob has no types
    """Runs each task in a process of its own.

    mrjob has a pool of processes wait for those processes, and when one of the pool is killed it waits for ever.
    mrjob also makes twice as many tasks as there are cores, and more where a file is empty or larger than others,
    however little there is to do; with a few megabytes of input nearly all time goes into starting them.
    """

    def _split_mapper_input(self, input_paths: Iterable[str], step_num: int) -> Any:
        paths = list(input_paths)
        filled = [path for path in paths if Path(path).stat().st_size]
        return super()._split_mapper_input(filled or paths[:1], step_num)

    def _pick_mapper_split_size(self, input_paths: list[str], step_num: int) -> int:
        sizes = [Path(path).stat().st_size for path in input_paths]
        # What an earlier step has made is shared out already.
        return -(-sum(sizes) // self._tasks(sum(sizes))) if step_num == 0 else max(sizes)

    def _num_reducers(self, step_num: int) -> float:
        size = Path(self._sorted_reducer_input_path(step_num)).stat().st_size
        return self._tasks(size) / 2  # mrjob doubles it

    def _tasks(self, size: int) -> int:
        """Return how many tasks are to share so many bytes."""
        return max(1, min(int(self._num_cores()), size // _LEAST))

    def _run_multiple(self, funcs: Iterable[Callable[[], None]], num_processes: int | None = None) -> None:
        del num_processes
        executor = ThreadPoolExecutor(self._num_cores())
        try:
            running = {executor.submit(task) for task in funcs}
            total, done = len(running), 0
            READER.tasks(0, total)
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for task in ended:
                    task.result()
                done += len(ended)
                READER.tasks(done, total)
        finally:
            # After a failure the child ends the processes that the other threads wait for.
            executor.shutdown(wait=False, cancel_futures=True)


class SparkRunner(SparkMRJobRunner):  # type: ignore[misc]  # mrjob has no types
    """Runs a job on Spark, whose counters come back through a folder that mrjob forgets to make."""

    def _counter_output_dir(self, step_num: int) -> str:
        folder = str(super()._counter_output_dir(step_num))
        if not is_uri(folder):
            Path(folder).parent.mkdir(parents=True, exist_ok=True)
        return folder
