"""The MapReduce job that makes snapshots: logs in, summaries of windows at all levels out.

Step 1 folds: a mapper folds the records that it is given, window by window (combining in the mapper: Lin and Dyer,
*Data-Intensive Text Processing with MapReduce*, 2010, section 3.1), a reducer merges what belongs to one window. Each
further step climbs up to ``_REACH`` levels: its reducers merge windows into larger ones. Both call what the live
document is folded and merged with, :mod:`agentpool_jupyter.snapshots.summary`.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
from mrjob.job import MRJob
from mrjob.protocol import BytesProtocol, BytesValueProtocol
from mrjob.step import MRStep

from agentpool_jupyter.pool.codec import decode

from .lines import RecordLine, SummaryLine, encode, read_input, read_line
from .node import pack
from .summary import SCALE, Folding, Piece, Scale, Summary, climb, summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_REACH = 3
_HELD = 64  # windows that a mapper folds at the same time

_Pair = tuple[bytes, bytes]
_ALONE = "alone"
_CLIMB = "climb"


class _Key(msgspec.Struct, array_like=True, frozen=True):
    """What a reducer gets together: a window's pieces, all that a larger window is made of, or just one line."""

    what: str
    pool: int
    branch: str
    level: int
    window: int


_keys = msgspec.json.Decoder(_Key)
_pieces = msgspec.json.Decoder(Piece)


class Snapshots(MRJob):  # type: ignore[misc]  # mrjob has no types
    """Turns the logs of pools into nodes; see the module."""

    INPUT_PROTOCOL = BytesValueProtocol
    INTERNAL_PROTOCOL = BytesProtocol
    OUTPUT_PROTOCOL = BytesValueProtocol

    def configure_args(self) -> None:
        """Add the job's own options."""
        super().configure_args()
        self.add_passthru_arg("--window", type=int, default=SCALE.window, help="offsets of a window of level 0")
        self.add_passthru_arg("--fan", type=int, default=SCALE.fan, help="windows that make one of the next level")
        self.add_passthru_arg("--until", action="append", default=[], help="where each pool's summaries are to end")

    def steps(self) -> list[Any]:
        """Return as many steps as the longest pool needs."""
        longest = max(map(int, self.options.until), default=0)
        climbs: list[Any] = []
        while self.scale.span(len(climbs) * _REACH + 1) <= longest:
            route = partial(self.route, len(climbs) * _REACH)
            climbs.append(MRStep(mapper=route, reducer=self.climb))
        return [MRStep(mapper_init=self.begin, mapper=self.take, mapper_final=self.end, reducer=self.gather), *climbs]

    @property
    def scale(self) -> Scale:
        """How large windows are."""
        return Scale(self.options.window, self.options.fan)

    # Step 1 ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start a mapper."""
        self._foldings: dict[_Key, Folding] = {}

    def take(self, _: object, line: bytes) -> Iterator[_Pair]:
        """Fold a record, or pass an earlier summary on."""
        match read_input(line):
            case RecordLine(pool=pool) as given:
                record = given.record
                event = decode(record)
                key = _Key("", pool, event.branch, 0, record.offset // self.scale.window)
                folding = self._foldings.get(key)
                if folding is None:
                    if len(self._foldings) >= _HELD:
                        yield from self.end()
                    folding = self._foldings[key] = Folding(record.offset)
                folding.absorb(event, record)
            case SummaryLine() as given:
                yield _alone(given), line

    def end(self) -> Iterator[_Pair]:
        """Pass on what was folded."""
        for key, folding in self._foldings.items():
            yield encode(key), encode(folding.piece())
        self._foldings.clear()

    def gather(self, key: bytes, values: Iterable[bytes]) -> Iterator[_Pair]:
        """Merge the pieces of a window."""
        place = _keys.decode(key)
        if place.what == _ALONE:
            yield from ((key, value) for value in values)
        else:
            summary = summarise(place.branch, place.window, map(_pieces.decode, values))
            yield key, encode(SummaryLine(place.pool, summary.light, pack(summary)))

    # Further steps -----------------------------------------------------------------------------------------

    def route(self, lowest: int, _: object, line: bytes) -> Iterator[_Pair]:
        """Bring together the summaries from level ``lowest`` on that make one window ``_REACH`` levels above it."""
        given = read_line(line)
        light = given.light
        top = lowest + _REACH
        if lowest <= light.level < top:
            block = light.window // self.scale.fan ** (top - light.level)
            yield encode(_Key(_CLIMB, given.pool, light.branch, top, block)), line
        else:
            yield _alone(given), line

    def climb(self, key: bytes, values: Iterable[bytes]) -> Iterator[_Pair]:
        """Merge windows into larger ones, as far as those are full."""
        place = _keys.decode(key)
        known: dict[int, dict[int, Summary]] = {}
        for value in values:
            yield key, value
            if place.what == _CLIMB:
                light = read_line(value).light
                known.setdefault(light.level, {})[light.window] = light
        for level in range(place.level - _REACH, place.level) if known else ():
            for window, children in _families(known.get(level, {}), self.scale.fan):
                if self.scale.offsets(level + 1, window).stop <= int(self.options.until[place.pool]):
                    parent = climb(window, children)
                    known.setdefault(level + 1, {})[window] = parent.light
                    yield key, encode(SummaryLine(place.pool, parent.light, pack(parent)))


def _alone(line: SummaryLine) -> bytes:
    """Return a key that no other line has."""
    return encode(_Key(_ALONE, line.pool, line.light.branch, line.light.level, line.light.window))


def _families(windows: dict[int, Summary], fan: int) -> Iterator[tuple[int, list[Summary]]]:
    """Yield the larger windows that windows of one level belong to, each with those that it is made of."""
    for window, numbers in groupby(sorted(windows), key=lambda number: number // fan):
        yield window, [windows[number] for number in numbers]


if __name__ == "__main__":
    Snapshots.run()
