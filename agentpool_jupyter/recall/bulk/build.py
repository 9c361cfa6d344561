"""Indexing in bulk: what is new in logs goes through the MapReduce job, and what it makes into the index of recall."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agentpool_jupyter.errors import IndexUnavailableError, UserError
from agentpool_jupyter.jobs import engines
from agentpool_jupyter.jobs.backlog import Backlog, Outcome, work_off
from agentpool_jupyter.recall import RecallIndex
from agentpool_jupyter.recall.backends.backend import Bulk
from agentpool_jupyter.recall.backends.buckets import postings
from agentpool_jupyter.recall.backends.items import pool_source
from agentpool_jupyter.recall.index import checksum
from agentpool_jupyter.recall.turns import Mark, decode_mark, encode_mark, latest

from .lines import BucketsLine, EndedLine, IndexLine, OpenLine, PassageLine, read_line

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from agentpool_jupyter.jobs.engines import OptionValue
    from agentpool_jupyter.jobs.messages import Progress
    from agentpool_jupyter.jobs.records import SourceLine
    from agentpool_jupyter.log import Record
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.recall.backends.buckets import Postings

JOB = "agentpool_jupyter.recall.bulk.job:IndexJob"


@dataclass(kw_only=True)
class Indexed(Outcome):
    """What was indexed of one pool; displays itself."""

    passages: int = 0
    """How many passages of turns were found."""

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

    ``engine`` to ``cancel`` are those of :func:`agentpool_jupyter.jobs.run_job`; without an open ``index`` the store's
    own is opened. What another process takes in meanwhile is no trouble.

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
        work = [plan for plan in plans if plan.start < plan.end]
        log = work_off(work, JOB, engine, read=read_line, options=options, progress=progress, cancel=cancel)
        return [plan.told(engine, time.monotonic() - begun, log) for plan in plans]


class _Plan(Backlog[IndexLine]):
    """What is to be done for one pool."""

    def __init__(self, pool: Pool, index: RecallIndex) -> None:
        self._mark = index.mark(pool)
        super().__init__(pool.log, self._mark.next, max(pool.end, self._mark.next))
        self._pool = pool
        self._index = index
        self._passages = 0

    def records(self, start: int, stop: int) -> Iterator[Record]:
        """Yield records without what came too late for its claim."""
        return self._pool.unfenced(start, stop)

    def known(self, source: int) -> Iterator[SourceLine]:
        """Yield the turns that are under way, and those of which the index knows that they ended."""
        for turn in self._mark.closed:
            yield EndedLine(source, turn)
        for turn, begun in self._mark.open.items():
            yield OpenLine(source, turn, begun)

    def take_in(self, made: Sequence[IndexLine]) -> None:
        """Put what the job made into the index."""
        source = pool_source(self._pool.name)
        passages = sorted((line for line in made if isinstance(line, PassageLine)), key=lambda line: line.place)
        buckets = [line for line in made if isinstance(line, BucketsLine)]
        places = np.array([line.place for line in passages], dtype=np.uint64)
        ended = sorted((line for line in made if isinstance(line, EndedLine)), key=lambda line: line.offset)
        begun = sorted((line for line in made if isinstance(line, OpenLine)), key=lambda line: line.begun.begin)
        mark = Mark(
            next=self.end,
            last=checksum(self._pool, self.end),
            open={line.turn: line.begun for line in begun},
            closed=latest([*self._mark.closed, *(line.turn for line in ended)]),
        )
        self._passages = len(passages)
        self._index.put_bulk(
            Bulk(
                source=source,
                items=[msgspec.structs.replace(line.item, source=source) for line in passages],
                hashes=[np.frombuffer(line.hashes, "<u8") for line in passages],
                bands=_postings(buckets, "bands", places),
                shingles=_postings(buckets, "shingles", places),
                settle=partial(_settle, self._mark, mark, self._index.backend.url),
            )
        )

    def told(self, engine: str, seconds: float, log: Path | None) -> Indexed:
        """Return what is to be told of it."""
        return Indexed(**self.facts(self._pool.name, engine, seconds, log), passages=self._passages)


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
