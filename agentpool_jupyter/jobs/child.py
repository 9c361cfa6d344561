"""The child process that runs one job: ``python -m agentpool_jupyter.jobs.child``, started by :mod:`.run`.

mrjob changes the directory, the streams and the environment of its process, so it gets one of its own. The request
comes on standard input, whose end means *stop*; answers go to standard output; all else is the job's log.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
from collections import Counter, defaultdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
from mrjob.step import StepFailedException
from mrjob.util import to_lines

from . import hadoop, processes
from .code import find
from .messages import Counters, Done, Request, Told
from .runners import READER, InlineRunner, LocalRunner, SparkRunner

if TYPE_CHECKING:
    from collections.abc import Iterable

STOPPED = 130
"""Exit code of a job that was told to stop."""
_PATIENCE = 3.0
_RUNNERS = {"inline": InlineRunner, "local": LocalRunner, "spark": SparkRunner}
_log = logging.getLogger(__name__)


def main() -> int:
    """Run the job that standard input asks for and return the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # an idle kernel is deaf, and so are its children
    control, answers = _take_streams()
    request = msgspec.json.decode(control.readline(), type=Request)
    threading.Thread(target=_await_stop, args=(control,), daemon=True).start()

    def tell(message: Told) -> None:
        answers.write(msgspec.json.encode(message) + b"\n")

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    READER.attach(tell)
    try:
        counters = _run(request)
    except KeyboardInterrupt:
        _log.warning("told to stop")
        return STOPPED
    except StepFailedException as error:  # its traceback says nothing; what its tasks said stands above
        _log.error("%s", error)
        return 1
    except Exception:  # noqa: BLE001 - whatever a user's job raises
        _log.exception("the job failed")
        return 1
    tell(Done(counters=counters))
    return 0


def _take_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return the pipes to and from the parent; whoever reads or prints from now on meets nothing, or the log."""
    control, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return control, answers


def _await_stop(control: IO[bytes]) -> None:
    control.read()
    # Sent to the main thread, the signal also wakes it from waiting for a process or a pipe.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _run(request: Request) -> Counters:
    job = _job_class(request)(request.arguments)
    runner = job.make_runner()
    try:
        runner.run()
        if request.draft:
            _fetch(runner, Path(request.draft))
        return _total(runner.counters())
    except BaseException as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing stops the clearing up but the parent's patience
        processes.end(request.key, patience=_PATIENCE)
        if request.engine == "hadoop":
            if isinstance(error, StepFailedException):
                hadoop.keep_logs(request.key, sys.stderr.buffer)
                sys.stderr.flush()
            hadoop.end(request.key)
        raise
    finally:
        runner.cleanup()
        if request.engine == "hadoop":
            hadoop.remove(request.key)


def _job_class(request: Request) -> Any:
    """Return the job's class, made to use our launcher as its script and our runners."""
    code = find(request.job)
    base = getattr(importlib.import_module(code.module), code.name)
    launcher = str(code.write_launcher(Path(request.scratch)))
    members: dict[str, Any] = {"mr_job_script": classmethod(lambda _: launcher)}
    if runner := _RUNNERS.get(request.engine):
        members["_runner_class"] = lambda _: runner
    return type(base.__name__, (base,), members)


def _fetch(runner: Any, folder: Path) -> None:
    """Bring the output of a cluster to a local folder, file by file."""
    # Hadoop streaming ends a line that has no tab with one, which the other engines do not: it goes.
    parts: Iterable[str] = sorted(runner.fs.ls(runner.get_output_dir()))
    folder.mkdir()
    for part in parts:
        name = part.rpartition("/")[2]
        if not name.startswith(("_", ".")):
            with (folder / name).open("wb") as file:
                for line in to_lines(runner.fs.cat(part)):
                    file.write(line[:-2] + b"\n" if line.endswith(b"\t\n") else line)


def _total(steps: Iterable[dict[str, dict[str, int]]]) -> Counters:
    total: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for step in steps:
        for group, counters in step.items():
            total[group].update(counters)
    return total


if __name__ == "__main__":
    sys.exit(main())
