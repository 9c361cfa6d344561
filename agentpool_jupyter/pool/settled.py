"""Ended turns of a line that are kept elsewhere, and loaded when somebody looks at them.

A document that was restored from snapshots holds by itself only what they do not: turns that were under way where a
stretch ends, and what came last. The rest is :class:`Settled`: blocks that know how many turns they hold, so that a
document of any length is there at once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, overload

from .events import Usage
from .turn import name_parts, turn_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .turn import Entry, Turn


class Block(Protocol):
    """The turns that began and ended in a stretch of one branch; never changes."""

    @property
    def branch(self) -> str:
        """The branch."""

    @property
    def start(self) -> int:
        """Its first offset."""

    @property
    def stop(self) -> int:
        """One past its last offset."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many shown turns it holds, by agent."""

    @property
    def hidden(self) -> int:
        """How many turns it holds that are not shown."""

    @property
    def usage(self) -> Usage:
        """Tokens of all its turns."""

    def load(self) -> Sequence[tuple[str, Entry]]:
        """Return its turns by id, in the order in which they began."""


class Settled:
    """The blocks of a line, oldest first, without overlap; this one holds nothing."""

    blocks: Sequence[Block] = ()

    def knows(self, branch: str, turn: str) -> bool:  # noqa: ARG002 - for those that hold something
        """Return whether a turn is in one of the blocks: what is said of it later was delivered twice."""
        return False

    @property
    def usage(self) -> Usage:
        """Tokens of all turns in the blocks."""
        return sum((block.usage for block in self.blocks), Usage())


NOTHING = Settled()


class _Part:
    """One block with the document's own turns that began within it, or own turns alone."""

    def __init__(self, block: Block | None, own: list[tuple[str, Entry]]) -> None:
        self._block = block
        self.own = own
        """The document's own turns in it, by id."""
        self.counts = Counter(entry.agent for _, entry in own if not entry.hidden)
        self.hidden = sum(entry.hidden for _, entry in own)
        if block is not None:
            self.counts.update(block.counts)
            self.hidden += block.hidden

    @property
    def stretch(self) -> tuple[str, int, int] | None:
        """The branch and the offsets of its block, None where it has none."""
        return (self._block.branch, self._block.start, self._block.stop) if self._block else None

    def entries(self) -> list[tuple[str, Entry]]:
        entries = [*self._block.load(), *self.own] if self._block else self.own
        return sorted(entries, key=lambda item: item[1].first)


class TurnList(Sequence["Turn"]):
    """Turns in the order in which they began: a list that is loaded, part by part, as it is looked at.

    Blocks know how many turns each agent has in them, so that indexes and names are known without loading any. With
    ``you`` three times in a block of the offsets 0 to 9, once in one of 10 to 19, and own turns of ``you`` that began
    at 5 and 50, the parts are::

        part                    index     names           loaded to answer
        block 0 to 9, own 5     0 to 3    you#1 to you#4   [2], "you#3"
        block 10 to 19          4         you#5            [4], "you#5"
        own 50                  5         you#6            nothing: it is here
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        own: Iterable[tuple[str, Entry]],
        show: Callable[[str, Entry, str], Turn],
        *,
        hidden: bool,
    ) -> None:
        self._show = show
        self._hidden = hidden
        self._parts = list(_parts(blocks, sorted(own, key=lambda item: item[1].first)))
        self._starts = [0]
        """The index at which each part begins, and the end."""
        self._numbers: list[Mapping[str, int]] = []
        """How many shown turns of each agent come before each part."""
        self._loaded: dict[int, list[Turn]] = {}
        numbers: Counter[str] = Counter()
        for part in self._parts:
            self._numbers.append(dict(numbers))
            numbers.update(part.counts)
            self._starts.append(self._starts[-1] + part.counts.total() + hidden * part.hidden)

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> Turn: ...
    @overload
    def __getitem__(self, index: slice) -> list[Turn]: ...
    def __getitem__(self, index: int | slice) -> Turn | list[Turn]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            message = f"there are {len(self)} turns, none at {index}"
            raise IndexError(message)
        number = bisect_right(self._starts, place) - 1
        return self._load(number)[place - self._starts[number]]

    def __iter__(self) -> Iterator[Turn]:
        for number in range(len(self._parts)):
            yield from self._load(number)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, list | TurnList) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))

    def named(self, name: str) -> Turn | None:
        """Return the turn of a name such as ``planner#2``, loading only the part that it is in."""
        agent, which = name_parts(name) or ("", 0)
        for number, before in enumerate(self._numbers):
            if 0 < which - before.get(agent, 0) <= self._parts[number].counts[agent]:
                return next(turn for turn in self._load(number) if turn.name == name)
        return None

    def find(self, key: str, begin: int) -> Turn | None:
        """Return the turn of an id, loading only the part in which it has begun, given the offset at which it did."""
        for number, part in enumerate(self._parts):
            _, start, stop = part.stretch or ("", 0, 0)
            if start <= begin < stop or any(key == one for one, _ in part.own):
                return next((turn for turn in self._load(number) if turn.id == key), None)
        return None

    def leading(self, other: Sequence[Turn]) -> Counter[str]:
        """Return how many shown turns of each agent both certainly begin with, loading none.

        ``other`` are turns of the same pool. Blocks of one stretch are the same; there may be more that both have.
        """
        counts: Counter[str] = Counter()
        theirs = other.signs() if isinstance(other, TurnList) else ()
        for part, mine, sign in zip(self._parts, self.signs(), theirs, strict=False):
            if mine != sign:
                break
            counts.update(part.counts)
        return counts

    def signs(self) -> Iterator[object]:
        """Yield, for each part, what says which turns it has, and what has become of them on this line."""
        for part in self._parts:
            said = [(key, entry, "" if entry.end else self._show(key, entry, "").status) for key, entry in part.own]
            yield part.stretch, said

    def _load(self, number: int) -> list[Turn]:
        if number not in self._loaded:
            counts = Counter(self._numbers[number])
            turns = []
            for key, entry in self._parts[number].entries():
                shown = not entry.hidden
                name = turn_name(entry.agent, counts[entry.agent] + 1)
                counts[entry.agent] += shown
                if shown or self._hidden:
                    turns.append(self._show(key, entry, name))
            self._loaded[number] = turns
        return self._loaded[number]


def _parts(blocks: Sequence[Block], own: list[tuple[str, Entry]]) -> Iterable[_Part]:
    """Lay the document's own turns among the blocks, by where they began."""
    begun = [entry.first for _, entry in own]
    place = 0
    for block in blocks:
        inside, after = bisect_left(begun, block.start), bisect_left(begun, block.stop)
        if inside > place:
            yield _Part(None, own[place:inside])
        yield _Part(block, own[inside:after])
        place = after
    if place < len(own) or not blocks:
        yield _Part(None, own[place:])
