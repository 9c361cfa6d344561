"""A step of a MapReduce job: a mapper and a reducer, which take lines of bytes and give such; it needs no engine."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Pairs = Iterable[tuple[bytes | None, bytes]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step; its functions are methods of the job."""

    mapper: Callable[[bytes], Pairs]
    """Takes a line and gives pairs of a key and a line; None for a key sends the line past the reducer, as it is."""
    reducer: Callable[[bytes, Iterable[bytes]], Iterable[bytes]]
    """Takes a key and all lines that were given with it, and gives lines: of the next step, or of the output."""
    begin: Callable[[], None] | None = None
    """Called before the first line of a mapper's share."""
    end: Callable[[], Pairs] | None = None
    """Called after the last line of a mapper's share; gives what a mapper gives."""


def take(steps: Sequence[Step], lines: Iterable[bytes]) -> list[bytes]:
    """Take steps over lines in this thread, all in memory: for few lines, which are done before a process has begun."""
    for step in steps:
        if step.begin:
            step.begin()
        pairs = chain(chain.from_iterable(map(step.mapper, lines)), step.end() if step.end else ())
        past: list[bytes] = []
        groups: dict[bytes, list[bytes]] = {}
        for key, line in pairs:
            (past if key is None else groups.setdefault(key, [])).append(line)
        lines = past + [made for key, group in groups.items() for made in step.reducer(key, group)]
    return list(lines)
