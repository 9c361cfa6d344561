"""Indexing in bulk: what is new in logs goes through the MapReduce job, and what it makes into the index of recall."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agentpool_jupyter.errors import IndexUnavailableError, UserError
from agentpool_jupyter.jobs import engines
from agentpool_jupyter.jobs.run import run_job
from agentpool_jupyter.recall import RecallIndex
from agentpool_jupyter.recall.backends.backend import Bulk
from agentpool_jupyter.recall.backends.buckets import postings
from agentpool_jupyter.recall.backends.items import pool_source
from agentpool_jupyter.recall.index import checksum
from agentpool_jupyter.recall.turns import Mark, decode_mark, encode_mark, latest
from agentpool_jupyter.snapshots.lines import write_records

from .lines import BucketsLine, EndedLine, OpenLine, PassageLine, encode, read

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from agentpool_jupyter.jobs.engines import OptionValue
    from agentpool_jupyter.jobs.messages import Progress
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.recall.backends.buckets import Postings

JOB = "agentpool_jupyter.recall.bulk.job:Index"


@dataclass(kw_only=True)
class Indexed:
    """What was indexed of one pool; displays itself."""

    pool: str
    engine: str
    start: int
    """The first offset that was read."""
    end: int
    """One past the last offset that the index covers now."""
    passages: int = 0
    """How many passages of turns were found."""
    seconds: float = 0.0
    log: Path | None = None
    """What the job said; None where there was nothing to do."""

    @property
    def events(self) -> int:
        """How many events were read."""
        return self.end - self.start

    def __repr__(self) -> str:
        if not self.events:
            return f"pool {self.pool!r}: nothing to do, the index reaches offset {self.end:,}"
        return (
            f"pool {self.pool!r}: {self.events:,} events in {self.seconds:.1f} s on {self.engine}; {self.passages:,} "
            f"passages; the index reaches offset {self.end:,}"
        )


def index_pools(
    pools: Sequence[Pool],
    engine: str = "local",
    *,
    options: Mapping[str, OptionValue] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    index: RecallIndex | None = None,
) -> list[Indexed]:
    """Bring the index of several pools of a store up to date in one job, and return what was found in each.

    Only what is new is read, and the index follows the pools on from there. It holds what following them event by
    event gives, and is opened ten times as quickly. One machine is sooner done following (``RecallIndex.follow``: three
    times, in ``tests/benchmarks/bench_recall.py``); a job is for a cluster, and for many pools.

    ``engine``, ``options``, ``progress`` and ``cancel`` are those of :func:`agentpool_jupyter.jobs.run_job`; ``index``
    is an open index, without which the store's own is opened. What another process takes in meanwhile is no trouble.

    Raises EngineError, JobError, JobCancelledError, LogError, UserError, ExtraMissingError and IndexUnavailableError;
    in the index, each pool is then as it was, or complete.
    """
    engines.find(engine).check()
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        if index is None:
            if len({pool.store.url for pool in pools}) > 1:
                message = "pools of several stores: index those of each store by themselves, or name an index"
                raise UserError(message)
            if not pools:
                return []
            index = stack.enter_context(RecallIndex(pools[0].store))
        plans = [_Plan(pool, index) for pool in pools]
        work = [plan for plan in plans if plan.start.next < plan.end]
        log = None
        if work:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agentpool-index-")))
            inputs = scratch / "in"
            inputs.mkdir()
            for number, plan in enumerate(work):
                plan.write(inputs, number)
            result = run_job(
                JOB, [inputs], output=scratch / "out", engine=engine, options=options, progress=progress, cancel=cancel
            )
            log = result.log
            for made, plan in zip(_read(result.outputs, len(work)), work, strict=True):
                plan.take_in(made)
        return [plan.told(engine, time.monotonic() - begun, log) for plan in plans]


@dataclass
class _Made:
    """What the job made of one pool."""

    ended: list[EndedLine] = field(default_factory=list)
    open: list[OpenLine] = field(default_factory=list)
    passages: list[PassageLine] = field(default_factory=list)
    buckets: list[BucketsLine] = field(default_factory=list)


class _Plan:
    """What is to be done for one pool."""

    def __init__(self, pool: Pool, index: RecallIndex) -> None:
        self._pool = pool
        self._index = index
        self.start = index.mark(pool)
        self.end = max(pool.end, self.start.next)
        self._passages = 0

    def write(self, folder: Path, number: int) -> None:
        """Write the job's input for this pool."""
        write_records(folder, number, self._pool.log, self.start.next, self.end)
        with (folder / f"{number}-before.jsonl").open("wb") as out:
            for turn in self.start.closed:
                out.write(encode(EndedLine(number, turn)) + b"\n")
            for turn, speech in self.start.open.items():
                out.write(encode(OpenLine(number, turn, speech)) + b"\n")

    def take_in(self, made: _Made) -> None:
        """Put what the job made into the index."""
        source = pool_source(self._pool.name)
        passages = sorted(made.passages, key=lambda line: line.place)
        places = np.array([line.place for line in passages], dtype=np.uint64)
        ended = [line.turn for line in sorted(made.ended, key=lambda line: line.offset)]
        begun = sorted(made.open, key=lambda line: line.speech.begin)
        mark = Mark(
            next=self.end,
            last=checksum(self._pool, self.end),
            open={line.turn: line.speech for line in begun},
            closed=latest([*self.start.closed, *ended]),
        )
        self._passages = len(passages)
        self._index.put_bulk(
            Bulk(
                source=source,
                items=[msgspec.structs.replace(line.item, source=source) for line in passages],
                hashes=[np.frombuffer(line.hashes, "<u8") for line in passages],
                bands=_postings(made.buckets, "bands", places),
                shingles=_postings(made.buckets, "shingles", places),
                settle=partial(_settle, self.start, mark, self._index.backend.url),
            )
        )

    def told(self, engine: str, seconds: float, log: Path | None) -> Indexed:
        """Return what is to be told of it."""
        done = self.start.next < self.end
        return Indexed(
            pool=self._pool.name,
            engine=engine,
            start=self.start.next,
            end=self.end,
            passages=self._passages,
            seconds=seconds,
            log=log if done else None,
        )


def _postings(lines: Sequence[BucketsLine], kind: str, places: NDArray[np.uint64]) -> Postings:
    """Return the buckets of a kind, sorted, with the rank of a passage instead of its place."""
    shards = sorted((line for line in lines if line.kind == kind), key=lambda line: line.shard)
    keys = np.frombuffer(b"".join(line.keys for line in shards), "<u4")
    ranks = np.searchsorted(places, np.frombuffer(b"".join(line.places for line in shards), "<u8"))
    return postings(keys, ranks.astype(np.uint32))


def _settle(start: Mark, mark: Mark, url: str, found: bytes | None) -> bytes:
    """Return the mark that goes further: ours, or that of who followed the pool meanwhile."""
    there = decode_mark(found)
    if there.next < start.next:
        message = f"the index {url} was emptied while the job ran: index again"
        raise IndexUnavailableError(message)
    return encode_mark(mark) if there.next < mark.next else found or b""


def _read(outputs: Sequence[Path], count: int) -> list[_Made]:
    """Return what the job made, by the number of the pool."""
    made = [_Made() for _ in range(count)]
    for path in outputs:
        with path.open("rb") as lines:
            for line in lines:
                match read(line):
                    case EndedLine() as given:
                        made[given.source].ended.append(given)
                    case OpenLine() as given:
                        made[given.source].open.append(given)
                    case PassageLine() as given:
                        made[given.source].passages.append(given)
                    case BucketsLine() as given:
                        made[given.source].buckets.append(given)
    return made
