"""Branches: which events belong to a line of history, and where the head is.

Forks and heads are events like any other; nothing is ever rewritten. Where two writers want the same name at the
same moment, the log's order decides: the first fork of a name makes the branch, a later one of that name is void, and
so is one that leaves a branch which is not there.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.errors import PositionError, UserError

from .events import MAIN, Event, Fork, Head, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST = 80  # characters of a name


class Position(NamedTuple):
    """A place in the pool: right after the event at ``at``, seen from ``branch``; -1 is before everything."""

    branch: str
    at: int


class Segment(NamedTuple):
    """The part of a line that lies on one branch: its events with offsets up to and including ``last``."""

    branch: str
    last: int


class Branches:
    """All forks, heads and tags of a pool, folded from its events."""

    def __init__(self) -> None:
        self.forks: dict[str, Fork] = {}
        self.tags: dict[str, Tag] = {}
        self._heads: list[Head] = []
        self._seen: set[str] = set()

    def absorb(self, event: Event) -> None:
        """Take in the next event of the log; most are no concern of branches."""
        match event:
            case Fork() if event.name not in self and event.parent in self:
                self.forks[event.name] = event
            case Tag() if event.branch in self:
                self.tags.setdefault(event.name, event)
            case Head() if event.id not in self._seen:
                self._seen.add(event.id)
                # A stack: undo takes back the move that stands on top. Two people who undo the same move at the same
                # moment undo it once, because the second no longer finds it there.
                if event.undoes is None and event.to in self:
                    self._heads.append(event)
                elif self._heads and self._heads[-1].offset == event.undoes:
                    self._heads.pop()

    @property
    def head(self) -> str:
        """The current branch."""
        return self._heads[-1].to if self._heads else MAIN

    @property
    def last_move(self) -> Head | None:
        """The move of the head that ``undo`` would take back."""
        return self._heads[-1] if self._heads else None

    @property
    def head_before(self) -> str:
        """The branch that ``undo`` would make current."""
        return self._heads[-2].to if len(self._heads) > 1 else MAIN

    def __contains__(self, name: object) -> bool:
        return name == MAIN or name in self.forks

    def __iter__(self) -> Iterator[str]:
        yield MAIN
        yield from list(self.forks)  # another thread may take in a fork meanwhile

    def line(self, branch: str, at: int) -> list[Segment]:
        """Return the segments of a line, oldest first, up to and including offset ``at``."""
        segments = []
        while True:
            segments.append(Segment(branch, at))
            fork = self.forks.get(branch)
            if fork is None:
                break
            branch, at = fork.parent, min(at, fork.at)
        return segments[::-1]

    def on_line(self, events: Iterable[Event], position: Position) -> Iterator[Event]:
        """Yield those events, in log order, that stand on the line ending at a position."""
        last = dict(self.line(*position))
        for event in events:
            if event.offset <= last.get(event.branch, -1):
                yield event

    def free_name(self, base: str) -> str:
        """Return a branch name after ``base`` that is not taken: ``main-2``, ``main-3`` and so on."""
        stem, _, number = base.rpartition("-")
        root = stem if stem and number.isdigit() else base
        count = 2
        while f"{root}-{count}" in self or f"{root}-{count}" in self.tags:
            count += 1
        return f"{root}-{count}"

    def check_free(self, name: str) -> None:
        """Raise UserError where a name cannot be given to a new branch or tag."""
        if not _is_name(name):
            message = (
                f"{name!r} cannot name a branch or tag: start with a letter, then letters, digits, '_', '.' or '-', "
                f"{_LONGEST} in all"
            )
            raise UserError(message)
        if name in self or name in self.tags:
            message = f"{name!r} is taken: choose another name"
            raise UserError(message)

    def known(self, name: str) -> str:
        """Return the name of the branch or tag that is meant: an accent may be typed as a character of its own."""
        return name if name in self or name in self.tags else composed(name)

    def check(self, name: str) -> str:
        """Return a branch's name; raises PositionError for one that does not exist."""
        if (name := self.known(name)) not in self:
            message = f"no branch {name!r}; there are: {', '.join(self)}"
            raise PositionError(message)
        return name


def composed(name: str) -> str:
    """Return a name in the one form (NFC) in which names are kept, however a keyboard or a file wrote it."""
    return unicodedata.normalize("NFC", name)


def _is_name(text: str) -> bool:
    """Return whether a text can be a name, in any alphabet: nothing that is read as an offset, a time, a turn."""
    return (
        0 < len(text) <= _LONGEST
        and (text[0].isalpha() or text[0] == "_")
        and all(one.isalnum() or one in "_.-" or unicodedata.category(one).startswith("M") for one in text)
    )
