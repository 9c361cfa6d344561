"""The steps by which snapshots are made: logs in, summaries of windows at all levels out.

Step 1 folds: a mapper folds the records that it is given, window by window (combining in the mapper: Lin and Dyer,
*Data-Intensive Text Processing with MapReduce*, 2010, section 3.1), a reducer merges what belongs to one window. Each
further step climbs up to ``_REACH`` levels: its reducers merge windows into larger ones. Both call what the live
document is folded and merged with, :mod:`agentpool_jupyter.snapshots.summary`.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.jobs.records import RecordLine, encode
from agentpool_jupyter.jobs.step import Step
from agentpool_jupyter.pool.codec import decode

from .lines import SummaryLine, read_line
from .node import pack
from .summary import Folding, Piece, Summary, climb, summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agentpool_jupyter.jobs.step import Pairs

    from .summary import Scale

_REACH = 3
_HELD = 64  # windows that a mapper folds at the same time


class _Key(msgspec.Struct, array_like=True, frozen=True):
    """What a reducer gets together: the pieces of a window, or all that a larger window is made of."""

    source: int
    branch: str
    level: int
    window: int


_input = msgspec.json.Decoder(RecordLine | SummaryLine)
_keys = msgspec.json.Decoder(_Key)
_pieces = msgspec.json.Decoder(Piece)


class Summarising:
    """Turns the logs of pools into nodes; see the module."""

    def __init__(self, scale: Scale, until: Sequence[int]) -> None:
        self._scale = scale
        self._until = until
        """Where the summaries of each log are to end."""
        self._foldings: dict[_Key, Folding] = {}

    def chain(self) -> list[Step]:
        """Return as many steps as the longest log needs."""
        longest = max(self._until, default=0)
        chain = [Step(begin=self.begin, mapper=self.take, end=self.end, reducer=self.gather)]
        lowest = 0
        while self._scale.span(lowest + 1) <= longest:
            chain.append(Step(mapper=partial(self.route, lowest), reducer=self.climb))
            lowest += _REACH
        return chain

    # Step 1 ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start a mapper."""
        self._foldings.clear()

    def take(self, line: bytes) -> Pairs:
        """Fold a record, or pass an earlier summary on."""
        given = _input.decode(line)
        if isinstance(given, SummaryLine):
            yield None, line
            return
        record = given.record
        event = decode(record)
        key = _Key(given.source, event.branch, 0, record.offset // self._scale.window)
        folding = self._foldings.get(key)
        if folding is None:
            if len(self._foldings) >= _HELD:
                yield from self.end()
            folding = self._foldings[key] = Folding(record.offset)
        folding.absorb(event, record)

    def end(self) -> Pairs:
        """Pass on what was folded."""
        for key, folding in self._foldings.items():
            yield encode(key), encode(folding.piece())
        self._foldings.clear()

    def gather(self, key: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Merge the pieces of a window."""
        place = _keys.decode(key)
        summary = summarise(place.branch, place.window, map(_pieces.decode, lines))
        yield encode(SummaryLine(place.source, summary.light, pack(summary)))

    # Further steps -----------------------------------------------------------------------------------------

    def route(self, lowest: int, line: bytes) -> Pairs:
        """Bring together the summaries from level ``lowest`` on that make one window ``_REACH`` levels above it."""
        given = read_line(line)
        light = given.light
        top = lowest + _REACH
        if lowest <= light.level < top:
            block = light.window // self._scale.fan ** (top - light.level)
            yield encode(_Key(given.source, light.branch, top, block)), line
        else:
            yield None, line

    def climb(self, key: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Merge windows into larger ones, as far as those are full."""
        place = _keys.decode(key)
        known: dict[int, dict[int, Summary]] = {}
        for line in lines:
            yield line
            light = read_line(line).light
            known.setdefault(light.level, {})[light.window] = light
        for level in range(place.level - _REACH, place.level):
            for window, children in _families(known.get(level, {}), self._scale.fan):
                if self._scale.offsets(level + 1, window).stop <= self._until[place.source]:
                    parent = climb(window, children)
                    known.setdefault(level + 1, {})[window] = parent.light
                    yield encode(SummaryLine(place.source, parent.light, pack(parent)))


def _families(windows: dict[int, Summary], fan: int) -> Iterator[tuple[int, list[Summary]]]:
    """Yield the larger windows that windows of one level belong to, each with those that it is made of."""
    for window, numbers in groupby(sorted(windows), key=lambda number: number // fan):
        yield window, [windows[number] for number in numbers]
