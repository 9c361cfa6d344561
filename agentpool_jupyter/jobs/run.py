"""Running a job: a child process is started, heard, and cleared up after."""

from __future__ import annotations

import glob
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import JobCancelledError, JobError, UserError
from agentpool_jupyter.log.files import own
from agentpool_jupyter.services.processes import without_keys

from . import code, engines, hadoop, joblog, processes
from .messages import Counters, Done, Progress, Request, Told
from .scratch import Links, claim, temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_GRACE_SECONDS = 20.0  # for which a child may clear up after it was told to stop
_GLANCE_SECONDS = 0.05
_KILL_SECONDS = 2.0
_CLUSTERS = ("AWS_", "AZURE_", "GOOGLE_", "HADOOP_", "SPARK_")  # variables by which a cluster is logged in to
# mrjob imports distutils. Where Python still has its own, that of setuptools would double what starting a task takes.
_QUICK_START = {"SETUPTOOLS_USE_DISTUTILS": "stdlib"} if sys.version_info < (3, 12) else {}

# What people set for their own programs: mrjob and Spark warn of much, and a child must not wait for somebody to type.
_QUIET = dict.fromkeys(("PYTHONWARNINGS", "PYTHONINSPECT"))
_DRAFT = ".agentpool-job-"  # output that is not whole yet, beside where it goes at last


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What a job that ended well has left."""

    outputs: list[Path]
    """The files of its output, sorted; empty where ``output`` was an address."""
    log: Path
    """What it said."""
    counters: Counters = field(default_factory=dict)
    """Counters of all steps added up, by group and name; Hadoop's own among them."""


def run_job(
    job: str,
    inputs: Sequence[Path | str],
    *,
    output: Path | str,
    engine: str = "local",
    options: Mapping[str, engines.OptionValue] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> JobResult:
    """Run the job ``module:Class`` (a :class:`.job.Job`, or any MRJob) on an engine and return what it left.

    ``inputs`` are files, folders or patterns, or addresses (``hdfs://…``) that the engine can read. ``output`` is a
    new folder, which appears all at once when the job has ended well, or an address, to which the engine writes
    itself. ``options`` are mrjob's and the job's own, by their long names (``num_cores``, ``spark_master``,
    ``python_bin``, ``jobconf``); see :mod:`.engines`. ``progress`` is called in this thread. Setting ``cancel``, or an
    interrupt, ends all that was started, here and on a cluster; so does the end of this process. Every engine gives the
    same lines, in another order and other files, if no reducer depends on the order of its values.

    Raises EngineError (unknown, not installed, not set up), UserError (inputs, output, the job's name), JobError
    (it failed; names the log) and JobCancelledError.
    """
    chosen = engines.find(engine)
    chosen.check()
    environment = chosen.environment(options or {})
    found = code.find(job)
    given = [_input(path) for path in inputs]
    if not given:
        message = f"the job {job} has no input"
        raise UserError(message)
    address = output if isinstance(output, str) and "://" in output else ""
    target = Path() if address else Path(output).absolute()
    if not address and target.exists():
        message = f"the output {output} exists already: name a new folder, or remove it"
        raise UserError(message)
    target.parent.mkdir(parents=True, exist_ok=True)
    key = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
    log = joblog.new(key)
    with ExitStack() as stack:
        scratch = stack.enter_context(temporary("agentpool-job-", key))
        links, place = Links(scratch.folder), scratch.bulk if address else target.parent
        scratch.claims.append(stack.enter_context(claim(place, _DRAFT, key)))
        paths = [_plain_pattern(path, links) for path in given]
        draft = links.plain(place) / f"{_DRAFT}{key}"
        arguments = chosen.arguments(options or {}, key=key, code=found, scratch=scratch, draft=draft)
        if address or not chosen.own_files:
            arguments.append(f"--output-dir={address or draft}")
        request = Request(
            job=job,
            key=key,
            engine=engine,
            arguments=[*arguments, *paths],
            scratch=str(scratch.folder),
            draft=str(draft) if chosen.own_files and not address else "",
        )
        folders = os.pathsep.join(filter(None, [*found.roots, os.environ.get("PYTHONPATH", "")]))
        variables = {**environment, **_QUICK_START, **_QUIET, processes.MARK: key, "PYTHONPATH": folders}
        with _started(request, variables, log, scratch.claims) as child:
            counters = _hear(child, key, progress, cancel)
        if child.returncode or counters is None:
            if engine == "hadoop" and child.returncode < 0:  # killed before it could clear up
                hadoop.end(key)
                hadoop.remove(key)
            raise _failure(job, engine, child.returncode, log, cancelled=cancel is not None and cancel.is_set())
        if not address:
            draft.rename(target)
    outputs = [] if address else sorted(target.glob("part-*"))
    return JobResult(outputs=outputs, log=log, counters=counters)


def _input(path: Path | str) -> str:
    if isinstance(path, str) and "://" in path:
        return path
    if not _is_pattern(path) and not Path(path).exists():
        message = f"no input {path}: name files or folders that exist"
        raise UserError(message)
    return str(Path(path).absolute())


def _is_pattern(path: Path | str) -> bool:
    return isinstance(path, str) and glob.has_magic(path) and not Path(path).exists()


def _plain_pattern(path: str, links: Links) -> str:
    """Return an input whose path is plain, up to its pattern where it is one."""
    if "://" in path:
        return path
    if not _is_pattern(path):
        return str(links.plain(Path(path)))
    parts = Path(path).parts
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return str(links.plain(Path(*parts[:first])).joinpath(*parts[first:]))


@contextmanager
def _started(
    request: Request, variables: Mapping[str, str | None], log: Path, claims: Sequence[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the running child, and make sure that nothing of it is left; variables that are None are taken away."""
    inherited = without_keys(keep=_CLUSTERS if request.engine in ("spark", "hadoop") else ())
    environment = {name: value for name, value in (inherited | dict(variables)).items() if value is not None}
    with open(log, "ab", opener=own) as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "agentpool_jupyter.jobs.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
            pass_fds=claims,
            start_new_session=True,  # an interrupt at the terminal is for the parent, which then stops the child
        )
    try:
        if child.stdin is not None:
            with suppress(BrokenPipeError):  # it died at once; its log says why
                child.stdin.write(msgspec.json.encode(request) + b"\n")
                child.stdin.flush()
        yield child
    finally:
        _stop(child)
        processes.end(request.key, patience=_KILL_SECONDS)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Tell the child to stop, and wait while it clears up, but not for ever."""
    if child.stdin is not None:
        with suppress(BrokenPipeError):
            child.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_SECONDS)


def _hear(
    child: subprocess.Popen[bytes],
    key: str,
    progress: Callable[[Progress], None] | None,
    cancel: threading.Event | None,
) -> Counters | None:
    """Pass on what the child tells until it ends; return its counters, or None if it did not end well."""
    over = threading.Event()

    def heed_cancel() -> None:
        while cancel is not None and not over.wait(_GLANCE_SECONDS):
            if cancel.is_set():
                _stop(child)
                processes.end(key, patience=_KILL_SECONDS)
                return

    watch = threading.Thread(target=heed_cancel, daemon=True)
    watch.start()
    counters = None
    decoder: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)
    try:
        for told in map(decoder.decode, child.stdout or ()):
            if isinstance(told, Done):
                counters = told.counters
            elif progress is not None:
                progress(told)
        child.wait()
    finally:
        over.set()
        watch.join()
    return counters


def _failure(job: str, engine: str, returncode: int, log: Path, *, cancelled: bool) -> JobError:
    if cancelled:
        return JobCancelledError(f"the job {job} on {engine} was told to stop; its log is {log}", log=log)
    why = f"its process was killed ({signal.Signals(-returncode).name})" if returncode < 0 else joblog.why(log)
    return JobError(f"the job {job} failed on {engine}: {why}; see its log {log}", log=log)
