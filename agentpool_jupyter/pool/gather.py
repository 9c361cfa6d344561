"""The one fold of a turn's deltas into its text: documents, snapshots, the index and what is shown live all use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .events import Delta


class Gathered(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a turn has said, as far as its deltas are here.

    The text is that of the deltas in the order of their numbers, each number once; in which order they come, how often,
    and in how many stretches of the log, is all the same. A *gap*, a number that is not here, is passed over: what
    stands behind it was said, others have read it, and the number may never come. If it does come, it takes its place::

        comes            text
        0 "Flour "       "Flour "
        2 "salt"         "Flour salt"        1 is not here: a gap
        2 "salt"         "Flour salt"        delivered again
        1 "and "         "Flour and salt"    late

    A delta that a compaction made of several (``folded``) is all of their numbers: its text stands at the first, the
    others are here and empty. Of two that overlap the longer stands, for it says what the shorter says, too::

        1 "and "                     {1: "and "}
        0 to 2 "Flour and salt"      {0: "Flour and salt", 1: "", 2: ""}
        2 "salt"                     {0: "Flour and salt", 1: "", 2: ""}

    Its fields are part of the formats of snapshots and of the index.
    """

    parts: dict[int, str] = {}
    text: str | None = None
    """All parts as one, once they are known to be all."""

    def add(self, delta: Delta) -> bool:
        """Take in a delta; returns whether it says anything new."""
        if delta.folded:
            return self._put(delta.numbers, delta.text)
        if delta.seq in self.parts:
            return False
        self.parts[delta.seq] = delta.text
        return True

    def add_all(self, later: Gathered) -> None:
        """Take in what another stretch of the log, after this one, knows of the same turn; it is not changed."""
        if later.text is not None:  # complete by itself: the earlier parts can only be the same ones
            self.parts, self.text = {}, later.text
        elif self.parts.keys().isdisjoint(later.parts):
            self.parts |= later.parts
        else:
            for numbers, text in later._runs():
                self._put(numbers, text)

    def settle(self, count: int) -> None:
        """Make the parts one text if all of them, ``count``, are here; -1 where nobody counted."""
        if self.text is None and count >= 0 and all(i in self.parts for i in range(count)):
            self.text = "".join(self.parts[i] for i in range(count))
            self.parts = {}

    def so_far(self) -> str:
        """Return the text as far as it is known."""
        return "".join(self.parts[i] for i in sorted(self.parts)) if self.text is None else self.text

    def _put(self, numbers: range, text: str) -> bool:
        if numbers.start in self.parts and not any(self.parts.get(i, "more") for i in numbers[1:]):
            return False  # as long, or longer, is here already
        self.parts |= dict.fromkeys(numbers, "")
        self.parts[numbers.start] = text
        return True

    def _runs(self) -> Iterator[tuple[range, str]]:
        """Yield the parts as they came, each with the empty ones that belong to it."""
        start = stop = 0
        for number in sorted(self.parts):
            if number != stop or self.parts[number]:
                if stop > start:
                    yield range(start, stop), self.parts[start]
                start = number
            stop = number + 1
        if stop > start:
            yield range(start, stop), self.parts[start]


def as_one(deltas: Sequence[Delta]) -> Delta:
    """Return the delta that says the same as neighbours of one turn, with the first's number at the last's place."""
    first, last = deltas[0].numbers, deltas[-1].numbers
    text = "".join(delta.text for delta in deltas)
    return msgspec.structs.replace(deltas[-1], seq=first.start, text=text, folded=last.stop - first.start)
