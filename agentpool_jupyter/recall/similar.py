"""``similar``: what has been said, or stands in the library, that resembles a text or contains it."""

from __future__ import annotations

import functools
import re
import weakref
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.display.table import clip
from agentpool_jupyter.errors import AgentPoolError, PositionError, UserError
from agentpool_jupyter.pool import Document, Pool, Position, Turn
from agentpool_jupyter.pool.settled import TurnList

from .index import RecallIndex
from .matches import Matches, Search, match_of
from .pools import OpenPools
from .text.passages import passages
from .text.shingles import shingles, tokens
from .text.thoughts import around

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .backends.items import Item
    from .matches import Found, Match, Question

    _Name = Callable[[Item], str | None]

THRESHOLD = 0.5
"""The score from which on something counts as alike, if nobody says otherwise."""

_TURN = re.compile(r"[\w.-]+#\d+")
_EXCERPT = 160  # characters of a match that a table shows
_NEAR = 80  # and of what was nearest
_QUESTIONS = ("resembles", "contained", "both")
_PLACES = ("pool", "all", "pools", "library")

_lines: weakref.WeakKeyDictionary[Pool, dict[str | None, tuple[int, _Name]]] = weakref.WeakKeyDictionary()
"""What names the turns on a pool's lines, each with the pool's end then: making them takes longer than to search."""
_indexes: weakref.WeakKeyDictionary[Pool, RecallIndex] = weakref.WeakKeyDictionary()


def similar(
    pool: Pool,
    query: str | Turn | Document,
    k: int = 5,
    *,
    threshold: float = THRESHOLD,
    question: Question = "both",
    agents: str | Iterable[str] | None = None,
    since: int | str | Position | datetime | None = None,
    until: int | str | Position | datetime | None = None,
    branch: str | None = None,
    over: str | Iterable[str] = "pool",
    index: RecallIndex | None = None,
) -> Matches:
    """Return the ``k`` passages that are most alike, best first; never the query's own turn.

    Args:
        pool: where to look, and whose store has the other pools and the library.
        query: a text, a turn's name (``planner#2``), a Turn, or a Document, of which every turn is looked up.
        k: how many matches at most.
        threshold: the least score, above 0 and up to 1.
        question: ``resembles`` (Jaccard), ``contained`` (how much of the query stands in the passage) or ``both``.
        agents: only turns of these agents.
        since: only turns that began after this position of the pool, or time.
        until: only turns that had ended by this position of the pool, or time.
        branch: only turns on the line of this branch; without it, what was rolled back is found too.
        over: ``pool``, ``all`` (the pools of the store; ``pools`` is the same), ``library``, or several of them. The
            other filters are about turns and leave documents alone.
        index: an open index; without one, the store's own is opened and kept for as long as the pool is used.

    Scores are exact. Notes tell of pools and documents that cannot be read, and what was nearest where nothing is alike
    enough. Raises PositionError for a turn or branch that is not there, UserError for options that mean
    nothing, IndexUnavailableError when the index is away, ExtraMissingError where an optional part is missing.
    """
    places = _places(over)
    _check(k, threshold, question)
    texts, own = _query(pool, query)
    index = index or _index(pool)
    names = {pool.name} if places & {"pool", "all"} else set()
    if "all" in places:
        names.update(pool.store.names())
        index.forget_deleted(names)
    with OpenPools(pool) as pools:
        wanted = _Wanted(
            agents={agents} if isinstance(agents, str) else None if agents is None else set(agents),
            since=_bound(pool, since),
            until=_bound(pool, until),
            line=None if branch is None else _line(pool, pools, branch),
            own=own,
            here=pool.name,
        )

        def keep(item: Item) -> bool:
            return item.pool in names and wanted.takes(item) if item.pool else "library" in places

        look = Search(question, threshold, k, keep)
        visit = functools.partial(pools.visit, names)
        return _found(index, texts, look, _Names(pools, branch), visit=visit, library="library" in places)


def similar_documents(
    index: RecallIndex, query: str, k: int = 5, *, threshold: float = THRESHOLD, question: Question = "both"
) -> Matches:
    """Return the ``k`` passages of an index's library that are most alike, as :func:`similar` does; needs no pool."""
    _check(k, threshold, question)
    texts = [part.text for part in passages(query)]
    return _found(index, texts, Search(question, threshold, k, lambda item: not item.pool), str, library=True)


def _found(index: RecallIndex, texts: list[str], search: Search, name: Callable[[Item], str], **where: Any) -> Matches:
    found, notes = index.search(texts, search, **where)
    alike = frozenset[str]().union(*map(shingles, texts))

    def match(one: Found) -> Match:
        excerpt = around(one.item.text, alike, _EXCERPT)
        return match_of(one, name, excerpt.text, excerpt.line)

    if [len(tokens(text)) for text in texts] == [1]:
        notes.append("a query of one word finds only texts of that one word: give two words or more")
    elif not found and (near := index.nearest(texts, search.keep)):
        notes.append(_below(match(near), search.threshold))
    return Matches(list(map(match, found)), [*index.take_notes(), *notes])


def _below(near: Match, threshold: float) -> str:
    """Say what was nearest, where nothing is near enough."""
    scores = f"{near.contained:.2f} contained, {near.resembles:.2f} alike, threshold {threshold:g}"
    return f"nearest is {near.source} ({scores}): {clip(near.excerpt, _NEAR)}"


def _index(pool: Pool) -> RecallIndex:
    if pool not in _indexes:
        _indexes[pool] = index = RecallIndex(pool.store)
        weakref.finalize(pool, index.close)
    return _indexes[pool]


def _places(over: str | Iterable[str]) -> set[str]:
    places = {over} if isinstance(over, str) else set(over)
    if unknown := places.difference(_PLACES):
        message = f"cannot look over {', '.join(sorted(unknown))}: use pool, all, library, or several of them"
        raise UserError(message)
    return {"all" if place == "pools" else place for place in places}


def _check(k: int, threshold: float, question: str) -> None:
    for wrong, message in (
        (question not in _QUESTIONS, f"question is {question!r}: use {', '.join(_QUESTIONS)}"),
        (not 0 < threshold <= 1, f"threshold is {threshold}: use a score above 0 and up to 1"),
        (k < 1, f"k is {k}: ask for one match or more"),
    ):
        if wrong:
            raise UserError(message)


def _query(pool: Pool, query: str | Turn | Document) -> tuple[list[str], frozenset[str]]:
    """Return the passages of a query, and the ids of the turns that it is itself."""
    if isinstance(query, str) and _TURN.fullmatch(name := query.strip()):
        turn = pool.document().turn(name)
        if turn is None:
            message = f"no turn {name!r} on the current line of pool {pool.name!r}"
            raise PositionError(message)
        query = turn
    turns = query.turns if isinstance(query, Document) else [query] if isinstance(query, Turn) else []
    texts = [query] if isinstance(query, str) else [turn.text for turn in turns]
    return [part.text for text in texts for part in passages(text)], frozenset(turn.id for turn in turns)


class _Bound(NamedTuple):
    """A position in the pool that was asked, and the time it stands for, in milliseconds since the epoch."""

    at: int | None
    time: int

    def before(self, item: Item, *, here: bool) -> bool:
        return item.begin > self.at if here and self.at is not None else item.time >= self.time

    def after(self, item: Item, *, here: bool) -> bool:
        return item.end <= self.at if here and self.at is not None else item.time <= self.time


class _Wanted(NamedTuple):
    """Which turns are wanted."""

    agents: set[str] | None
    since: _Bound | None
    until: _Bound | None
    line: Callable[[str], dict[str, int]] | None
    """In a pool, the last offset of each branch that belongs to the line."""
    own: frozenset[str]
    here: str

    def takes(self, item: Item) -> bool:
        if item.key in self.own or (self.agents is not None and item.agent not in self.agents):
            return False
        if self.since is not None and not self.since.before(item, here=item.pool == self.here):
            return False
        if self.until is not None and not self.until.after(item, here=item.pool == self.here):
            return False
        return self.line is None or item.end <= self.line(item.pool).get(item.branch, -1)


def _bound(pool: Pool, where: int | str | Position | datetime | None) -> _Bound | None:
    if where is None:
        return None
    if isinstance(where, datetime):
        return _Bound(None, int(where.timestamp() * 1000))
    at = pool.position(where).at
    return _Bound(at, next((event.time for event in pool.events(max(at, 0), at + 1)), 0))


def _line(pool: Pool, pools: OpenPools, branch: str) -> Callable[[str], dict[str, int]]:
    """Return what tells the line of a branch in a pool, nothing where it has none; PositionError where ours has not."""
    pool.lineage.check(branch)

    @functools.cache
    def line(name: str) -> dict[str, int]:
        with suppress(AgentPoolError), pools.opened(name) as one:
            if branch in one.lineage:
                return dict(one.lineage.line(branch, one.end))
        return {}

    return line


class _Names:
    """The names of turns: on the line that was asked for, else on the line on which a turn was said."""

    def __init__(self, pools: OpenPools, branch: str | None) -> None:
        self._pools = pools
        self._branch = branch
        self._lines: dict[tuple[str, str | None], _Name] = {}

    def __call__(self, item: Item) -> str:
        return self._name(item, self._branch) or self._name(item, item.branch) or item.agent

    def _name(self, item: Item, branch: str | None) -> str | None:
        line = item.pool, branch
        if line not in self._lines:
            self._lines[line] = lambda _: None
            with suppress(AgentPoolError), self._pools.opened(item.pool) as pool:  # else the index has it all the same
                self._lines[line] = _names_on(pool, branch, lazily=pool is self._pools.asked)
        return self._lines[line](item)


def _names_on(pool: Pool, branch: str | None, *, lazily: bool) -> _Name:
    """Return what names turns on a line as it is now: what did so the last time, if nothing has been said since."""
    lines, end = _lines.setdefault(pool, {}), pool.end
    if branch not in lines or lines[branch][0] != end:
        known = branch is None or branch in pool.lineage
        turns = pool.document(branch and Position(branch, end - 1)).turns if known else []
        if lazily and isinstance(turns, TurnList):
            lines[branch] = end, lambda item: turn.name if (turn := turns.find(item.key, item.begin)) else None
        else:
            names = {turn.id: turn.name for turn in turns}
            lines[branch] = end, lambda item: names.get(item.key)
    return lines[branch][1]
