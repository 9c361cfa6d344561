"""Summaries: folds of windows of one branch, in a form that can be stored, and merged into larger ones.

A window of level 0 is :attr:`Scale.window` neighbouring offsets, aligned; one of level ``n`` is :attr:`Scale.fan`
windows of the level below. Windows that are full never change, so neither do their summaries. A turn that begins and
ends in a window is kept once, in the smallest window that has it whole; what else is known of turns is *open*, and
larger windows join it. Any stretch of a branch is a few large windows, then smaller ones: as many as the logarithm of
its length, times ``fan - 1`` (as the digits of a number; compare the log-structured merge-tree, O'Neil et al. 1996).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.log import Record
from agentpool_jupyter.pool.codec import encode
from agentpool_jupyter.pool.document import Document
from agentpool_jupyter.pool.events import (
    Claim,
    Decision,
    EffectDone,
    EffectFailed,
    EffectStarted,
    Event,
    File,
    Fork,
    GateEdited,
    Grant,
    GrantRevoked,
    Head,
    Heartbeat,
    Proposal,
    Release,
    RunFinished,
    RunStarted,
    StopAsked,
    Tag,
    TurnFailed,
    Usage,
    Vote,
)
from agentpool_jupyter.pool.files.entry import FileEntry  # noqa: TC001 - msgspec reads annotations at run time
from agentpool_jupyter.pool.turn import Entry  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BRANCHES = (Fork, Head, Tag)
_RUNS = (RunStarted, RunFinished, Claim, Heartbeat, Release, StopAsked)
_CALLS = (Proposal, Vote, GateEdited, Decision, Grant, GrantRevoked, EffectStarted, EffectDone, EffectFailed)
_BASIS = (File, TurnFailed)  # what proposals rest on
_FACTS = (*_BRANCHES, *_RUNS, *_CALLS, *_BASIS)


@dataclass(frozen=True)
class Scale:
    """How large windows are; raises ValueError for what never ends."""

    window: int = 1024
    """Offsets of a window of level 0, 1 at least."""
    fan: int = 8
    """Windows of one level that make one of the next, 2 at least."""

    def __post_init__(self) -> None:
        if self.window < 1 or self.fan < 2:  # noqa: PLR2004 - said above
            message = f"a window of {self.window} offsets, {self.fan} of which make a larger one: use 1 and 2 at least"
            raise ValueError(message)

    def span(self, level: int) -> int:
        """Return how many offsets a window of a level has."""
        return self.window * int(self.fan**level)

    def offsets(self, level: int, window: int) -> range:
        """Return the offsets of a window."""
        return range(window * self.span(level), (window + 1) * self.span(level))

    def full(self, end: int) -> int:
        """Return where the last window of level 0 ends that is full in a log of ``end`` records."""
        return end // self.window * self.window


SCALE = Scale()


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One record of the log as it is."""

    offset: int
    time: int
    value: str


class Piece(msgspec.Struct, omit_defaults=True):
    """The fold of a part of a level-0 window, as a mapper makes it."""

    start: int
    """Offset of its first event."""
    entries: dict[str, Entry] = {}
    unreadable: int = 0
    facts: list[Kept] = []
    """The records that branches, runs and calls are folded from."""
    signs: dict[str, Kept] = {}
    """The last record of each run, which says when it was last alive."""
    files: dict[str, FileEntry] = {}
    """The version of each path that counts, of those that stand in it."""


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The fold of one full window of a branch."""

    branch: str
    level: int
    window: int
    """Which window of its level, from 0."""
    counts: dict[str, int] = {}
    """Shown turns that lie in it whole, by agent."""
    hidden: int = 0
    """Turns that lie in it whole and are not shown."""
    usage: Usage = Usage()
    """Tokens of the turns that lie in it whole."""
    unreadable: int = 0
    open: dict[str, Entry] = {}
    """Turns of which it has only a part, in the order in which they first appear."""
    settled: dict[str, Entry] = {}
    """Turns that lie in it whole, but in no smaller window, in the order in which they began."""
    files: dict[str, FileEntry] = {}
    """The version of each path that counts, of those that stand in it: without contents, in the order of paths."""
    chronicle: list[Kept] = []
    """At level 0: facts and signs, see :class:`Piece`."""

    @property
    def light(self) -> Summary:
        """Itself without the texts, which larger windows do not need."""
        return msgspec.structs.replace(self, settled={}, chronicle=[])


class Folding:
    """Folds the records of one branch in one window, or in a part of it, as they come."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._document = Document()
        self._facts: list[Record] = []
        self._signs: dict[str, Record] = {}

    def absorb(self, event: Event, record: Record) -> None:
        """Take in the next record, with the event that it holds."""
        self._document.absorb(event)
        if isinstance(event, File):  # its contents stay in the log
            bare = msgspec.structs.replace(event, text="", data="", pieces=())
            record = Record(record.offset, record.time, encode(bare))
        if isinstance(event, _FACTS):
            self._facts.append(record)
        if event.run:
            self._signs[event.run] = record

    def piece(self) -> Piece:
        """Return what was taken in."""
        return Piece(
            self._start,
            self._document.entries,
            self._document.unreadable,
            [_kept(record) for record in self._facts],
            {run: _kept(record) for run, record in self._signs.items()},
            dict(self._document.files.entries),
        )


def summarise(branch: str, window: int, pieces: Iterable[Piece]) -> Summary:
    """Return the summary of a level-0 window whose records the pieces hold, in any order."""
    document = Document()
    facts: dict[int, Kept] = {}
    signs: dict[str, Kept] = {}
    for piece in sorted(pieces, key=lambda piece: piece.start):
        document.join(piece.entries, piece.unreadable, piece.files)
        facts |= {kept.offset: kept for kept in piece.facts}
        signs |= piece.signs
    facts |= {kept.offset: kept for kept in signs.values()}
    summary = Summary(branch=branch, level=0, window=window, chronicle=[facts[offset] for offset in sorted(facts)])
    return _split(summary, document)


def climb(window: int, children: Sequence[Summary]) -> Summary:
    """Return the summary of the window of the next level that these, all that are not empty, make up."""
    document = Document()
    summary = Summary(branch=children[0].branch, level=children[0].level + 1, window=window)
    counts: Counter[str] = Counter()
    for child in sorted(children, key=lambda child: child.window):
        document.join(child.open, child.unreadable, child.files)
        counts.update(child.counts)
        summary.hidden += child.hidden
        summary.usage += child.usage
    summary.counts = dict(counts)
    return _split(summary, document)


def _split(summary: Summary, document: Document) -> Summary:
    """Part a window's turns into those that are whole and those that are open."""
    counts = Counter(summary.counts)
    entries = sorted(document.entries.items(), key=lambda item: item[1].first)
    for _, entry in entries:  # in the same order, however the window was split among mappers
        entry.parts = dict(sorted(entry.parts.items()))
    summary.settled = {key: entry for key, entry in entries if entry.whole}
    summary.open = {key: entry for key, entry in entries if not entry.whole}
    summary.unreadable = document.unreadable
    summary.files = dict(sorted(document.files.entries.items()))
    for entry in summary.settled.values():
        counts[entry.agent] += not entry.hidden
        summary.hidden += entry.hidden
        summary.usage += entry.usage or Usage()
    summary.counts = {agent: count for agent, count in sorted(counts.items()) if count}
    return summary


def _kept(record: Record) -> Kept:
    return Kept(record.offset, record.time, record.value.decode(errors="replace"))
