"""The MapReduce job that makes an index: logs in; passages, their signatures and the buckets of those out.

Step 1 brings the records of each turn together, wherever in the log they stand, and its reducer folds them into the
turn's passages. In step 2 a mapper signs, and a reducer makes buckets. A mapper sends sorted arrays of postings, one
for each of 64 ranges of keys, and not a line for each of some hundred keys of a text (combining in the mapper: Lin and
Dyer, *Data-Intensive Text Processing with MapReduce*, 2010, section 3.1). Folding and signing are those of the index
that follows a pool: :mod:`agentpool_jupyter.recall.turns` and :mod:`agentpool_jupyter.recall.text.signatures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agentpool_jupyter.jobs.job import Job
from agentpool_jupyter.jobs.records import RecordLine, encode
from agentpool_jupyter.jobs.step import Step
from agentpool_jupyter.pool.codec import decode
from agentpool_jupyter.pool.events import Delta, Message, TurnFailed, TurnFinished, TurnStarted
from agentpool_jupyter.recall.text.signatures import sign_texts
from agentpool_jupyter.recall.turns import Mark, TurnCollector

from .lines import BucketsLine, EndedLine, OpenLine, PassageLine, read_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from agentpool_jupyter.jobs.step import Pairs
    from agentpool_jupyter.recall.text.signatures import Signed

_BATCH = 500  # passages signed together
_HELD = 4000  # passages whose keys a mapper holds
_SHARD = np.uint32(26)  # bits of a key that are not the shard's


class IndexJob(Job):
    """Turns the logs of pools into signed passages and buckets; see the module."""

    def chain(self) -> list[Step]:
        """Return the two steps."""
        signing = Step(begin=self.begin, mapper=self.sign, end=self.end, reducer=self.bucket)
        return [Step(mapper=self.route, reducer=self.fold), signing]

    # Step 1 ------------------------------------------------------------------------------------------------

    def route(self, line: bytes) -> Pairs:
        """Send what belongs to one turn to one place, and nothing else."""
        given = read_line(line)
        match decode(given.record) if isinstance(given, RecordLine) else given:
            case (
                Message(id=turn)
                | TurnStarted(turn=turn)
                | Delta(turn=turn)
                | TurnFinished(turn=turn)
                | TurnFailed(turn=turn)
                | EndedLine(turn=turn)
                | OpenLine(turn=turn)
            ):
                yield encode((given.source, turn)), line

    def fold(self, _: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Make passages of a turn."""
        given = list(map(read_line, lines))
        source = given[0].source
        ended = [line.turn for line in given if isinstance(line, EndedLine)]
        records = {line.offset: line.record for line in given if isinstance(line, RecordLine)}
        known = {line.turn: line.begun for line in given if isinstance(line, OpenLine)}
        turns = TurnCollector("", Mark(open=known, closed=[*ended]))
        for offset in sorted(records):
            for item in turns.absorb(decode(records[offset])):
                yield encode(PassageLine(source, item))
            if len(turns.mark.closed) > len(ended):
                ended = list(turns.mark.closed)
                yield encode(EndedLine(source, ended[-1], offset))
        for turn, begun in turns.mark.open.items():
            yield encode(OpenLine(source, turn, begun))

    # Step 2 ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start a mapper."""
        self._waiting: list[PassageLine] = []
        self._signed: list[tuple[PassageLine, Signed]] = []

    def sign(self, line: bytes) -> Pairs:
        """Sign passages, many at a time, and pass the rest on."""
        given = read_line(line)
        if not isinstance(given, PassageLine):
            yield None, line
            return
        self._waiting.append(given)
        if len(self._waiting) == _BATCH:
            yield from self._sign()
        if len(self._signed) >= _HELD:
            yield from self._spill()

    def end(self) -> Pairs:
        """Pass on what is left."""
        yield from self._sign()
        yield from self._spill()

    def _sign(self) -> Pairs:
        keys = sign_texts([line.item.text for line in self._waiting])
        for line, signed in zip(self._waiting, keys, strict=True):
            if signed is not None:
                line.hashes = signed.hashes.astype("<u8").tobytes()
                self._signed.append((line, signed))
                yield None, encode(line)
        self._waiting.clear()

    def _spill(self) -> Pairs:
        for source in sorted({line.source for line, _ in self._signed}):
            mine = [(line.place, signed) for line, signed in self._signed if line.source == source]
            places = np.array([place for place, _ in mine], dtype=np.uint64)
            for kind in ("bands", "shingles"):
                parts = [getattr(signed, kind) for _, signed in mine]
                owners = np.repeat(places, [len(part) for part in parts])
                for line in _shards(source, kind, np.concatenate(parts), owners):
                    yield encode((source, kind, line.shard)), encode(line)
        self._signed.clear()

    def bucket(self, _: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Gather the buckets of a shard, sorted by key and then by place."""
        found = [line for line in map(read_line, lines) if isinstance(line, BucketsLine)]
        keys, places = (b"".join(part) for part in zip(*((one.keys, one.places) for one in found), strict=True))
        whole = np.frombuffer(keys, "<u4"), np.frombuffer(places, "<u8")
        for line in _shards(found[0].source, found[0].kind, *whole):
            yield encode(line)


def _shards(source: int, kind: str, keys: NDArray[np.uint32], places: NDArray[np.uint64]) -> Iterator[BucketsLine]:
    """Yield buckets, sorted, cut where the highest bits of keys change."""
    order = np.lexsort((places, keys))
    keys, places = keys[order].astype("<u4"), places[order].astype("<u8")
    shards, begins = np.unique(keys >> _SHARD, return_index=True)
    for shard, begin, end in zip(shards, begins, [*begins[1:], len(keys)], strict=True):
        yield BucketsLine(source, kind, int(shard), keys[begin:end].tobytes(), places[begin:end].tobytes())
