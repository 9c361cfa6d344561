"""Keeping something up to date with logs by a job: what is new in each goes in, and what the job makes is handed back.

Snapshots are kept so, and the index of recall. The job gets the records that are new, and with them what it made
before and has to go on from. For example, with summaries of 64 records: a log has 200 records, and there are summaries
up to offset 128. The backlog is the records 128 to 191; what is known are the two summaries that there are, because a
larger one may be made of them and of the new one. Records 192 to 199 wait for the next time.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .records import SourceLine, encode, record_line, write_records
from .run import run_job
from .scratch import temporary
from .step import take

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from agentpool_jupyter.log import Log, Record

    from .engines import OptionValue
    from .messages import Progress
    from .step import Step

FEW = 16_384
"""Records that are worked off in this process sooner than another is started."""

Made = TypeVar("Made", bound=SourceLine)


@dataclass(kw_only=True)
class Outcome:
    """What became of one pool."""

    pool: str
    engine: str
    start: int
    """The first offset that was read."""
    end: int
    """One past the last offset that is covered now."""
    seconds: float = 0.0
    log: Path | None = None
    """What the job said; None where there was nothing to do."""

    @property
    def events(self) -> int:
        """How many events were read."""
        return self.end - self.start


class Backlog(ABC, Generic[Made]):
    """What of one log a job has not read yet: the records from ``start`` on and before ``end``, none if those equal."""

    def __init__(self, log: Log, start: int, end: int) -> None:
        self.log = log
        self.start = start
        self.end = end

    def records(self, start: int, stop: int) -> Iterable[Record]:
        """Yield records of the log as the job is to read them."""
        return self.log.read(start, stop)

    def facts(self, pool: str, engine: str, seconds: float, log: Path | None) -> dict[str, Any]:
        """Return what every :class:`Outcome` has."""
        log = log if self.start < self.end else None
        return {"pool": pool, "engine": engine, "start": self.start, "end": self.end, "seconds": seconds, "log": log}

    @abstractmethod
    def known(self, source: int) -> Iterable[SourceLine]:
        """Yield what was made before and is needed now, as lines of the log of that number."""

    @abstractmethod
    def take_in(self, made: Sequence[Made]) -> None:
        """Put what the job made where it belongs."""


def work_off(
    backlogs: Sequence[Backlog[Made]],
    job: str,
    engine: str,
    *,
    read: Callable[[bytes], Made],
    options: Mapping[str, OptionValue] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Path | None:
    """Run a job over backlogs, none of them empty, let each take in what was made of it, and return the job's log.

    Without backlogs no job is run. ``read`` decodes a line of output; the rest is as for :func:`.run_job`.
    """
    if not backlogs:
        return None
    with temporary("agentpool-backlog-", secrets.token_hex(4)) as scratch:
        inputs, output = scratch.bulk / "in", scratch.bulk / "out"
        inputs.mkdir()
        for source, backlog in enumerate(backlogs):
            write_records(inputs, source, backlog.records, backlog.start, backlog.end)
            with (inputs / f"{source}-known.jsonl").open("wb") as out:
                out.writelines(encode(line) + b"\n" for line in backlog.known(source))
        result = run_job(job, [inputs], output=output, engine=engine, options=options, progress=progress, cancel=cancel)
        made: list[Made] = []
        for path in result.outputs:
            with path.open("rb") as lines:
                made += map(read, lines)
    _hand_out(backlogs, made)
    return result.log


def work_off_few(backlogs: Sequence[Backlog[Made]], steps: Sequence[Step], read: Callable[[bytes], Made]) -> None:
    """Take a job's steps over backlogs of few records in this thread, and let each take in what was made of it."""
    _hand_out(backlogs, map(read, take(steps, _lines(backlogs))))


def _lines(backlogs: Sequence[Backlog[Made]]) -> Iterator[bytes]:
    for source, backlog in enumerate(backlogs):
        yield from (record_line(source, record) for record in backlog.log.read(backlog.start, backlog.end))
        yield from map(encode, backlog.known(source))


def _hand_out(backlogs: Sequence[Backlog[Made]], lines: Iterable[Made]) -> None:
    made: list[list[Made]] = [[] for _ in backlogs]
    for line in lines:
        made[line.source].append(line)
    for backlog, own in zip(backlogs, made, strict=True):
        backlog.take_in(own)
