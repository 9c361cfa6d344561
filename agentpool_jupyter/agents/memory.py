"""What a run can remember: the index of its store, and the pools of it, as one thread at a time asks them."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from agentpool_jupyter.errors import AgentPoolError, LogError
from agentpool_jupyter.pool import Pool
from agentpool_jupyter.recall import Match, RecallIndex
from agentpool_jupyter.recall.search import Search
from agentpool_jupyter.recall.shingles import shingles

from .context import Recalled
from .thoughts import around

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.recall.items import Item
    from agentpool_jupyter.recall.ranking import Found

    from .spec import RecallSpec
    from .thoughts import Excerpt

EXCERPT = 600
"""Characters of a hit that are read, about the place that is alike: reading is what large teams pay for."""
_MORE = 8  # hits that are asked for beyond those wanted, and then so many times more
_FRESH = 5.0  # seconds for which the library's files are not looked at again


class Wish(NamedTuple):
    """What somebody would be reminded of."""

    spec: RecallSpec
    texts: tuple[str, ...]
    """What earlier reasoning is to resemble, or to contain."""
    known: str
    """What stands in the prompt already, and what is being said: it is not to be said twice."""
    besides: frozenset[str] = frozenset()
    """Turns that are not wanted, by id, in whatever pool."""
    unheard: frozenset[str] = frozenset()
    """Agents whose turns in the run's own pool are not wanted."""
    seen: int = 0
    """One past the last offset of the run's own pool that counts: what came later is read, not recalled."""


class Hit(NamedTuple):
    """A piece of earlier reasoning, and where exactly it is from."""

    recalled: Recalled
    reference: dict[str, Any]
    """As a ``recall`` event carries it."""


class Memory:
    """The index of a pool's store; opened when it is first asked. Its methods are for one thread at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._index: RecallIndex | None = None
        self._pools = {pool.name: pool}
        self._names: dict[tuple[str, str], str] = {}
        self._looked = float("-inf")

    def recall(self, wish: Wish) -> tuple[list[Hit], list[str]]:
        """Return at most ``k`` hits, best first, none of which says what is known or what another says, and notes.

        Raises what the index raises.
        """
        index = self._index = self._index or RecallIndex(self._pool.store)
        notes: list[str] = []
        pools = self._wanted(wish.spec.sources, index, notes)
        query = frozenset().union(*map(shingles, wish.texts))
        most = wish.spec.k + _MORE
        while True:
            found = self._ask(index, pools, wish, most, notes)
            hits = list(itertools.islice(self._fresh(found, query, wish), wish.spec.k))
            if len(hits) == wish.spec.k or len(found) < most:
                return hits, [*index.take_notes(), *notes]
            most *= _MORE

    def _ask(self, index: RecallIndex, pools: dict[str, Pool], wish: Wish, most: int, notes: list[str]) -> list[Found]:
        spec, own = wish.spec, self._pool.name
        library = "library" in spec.sources

        def keep(item: Item) -> bool:
            if not item.pool:
                return library
            if item.pool not in pools or item.key in wish.besides:
                return False
            return item.pool != own or (item.end < wish.seen and item.agent not in wish.unheard)

        stale = library and time.monotonic() - self._looked > _FRESH
        search = Search("both", spec.threshold, most, keep)
        try:
            found, told = index.search(pools.values(), wish.texts, search, library=stale)
        except LogError:  # of one pool, which is not to stand in the way of the others
            readable = list(self._readable(index, pools, notes))
            found, told = index.search(readable, wish.texts, search, library=stale)
        if stale:
            self._looked = time.monotonic()
        notes += told
        return found

    def _readable(self, index: RecallIndex, pools: dict[str, Pool], notes: list[str]) -> Iterator[Pool]:
        for name, pool in pools.items():
            try:
                index.follow(pool)
            except LogError as error:
                notes.append(f"what was said last in pool {name!r} is not found: {error}")
                if pool is not self._pool:
                    self._pools.pop(name).close()
            else:
                yield pool

    def _wanted(self, sources: tuple[str, ...], index: RecallIndex, notes: list[str]) -> dict[str, Pool]:
        """Return the pools that are looked through, open; those that are gone are forgotten."""
        if "pools" not in sources:
            return {self._pool.name: self._pool} if "pool" in sources else {}
        store = self._pool.store
        names = store.names()
        gone = self._pools.keys() - {*names, self._pool.name}
        for name in gone:
            self._pools.pop(name).close()
        if gone:
            index.forget_deleted(names)
        for name in names:
            if name not in self._pools:
                try:
                    self._pools[name] = Pool(store.open(name, create=False), store)
                except AgentPoolError as error:
                    notes.append(f"pool {name!r} is left out: {error}")
        return dict(self._pools)

    # What is found -----------------------------------------------------------------------------------------

    def _fresh(self, found: list[Found], query: frozenset[str], wish: Wish) -> Iterator[Hit]:
        """Yield what says something that is not known, each thing once."""
        known = set(shingles(wish.known))
        for one in found:
            excerpt = around(one.item.text, query, EXCERPT)
            said = shingles(excerpt.text)
            if said <= known:
                continue
            known |= said
            match = self._match(one, excerpt)
            yield Hit(Recalled(excerpt.text, _source(match)), _reference(match, one.item.start + excerpt.start))

    def _match(self, found: Found, excerpt: Excerpt) -> Match:
        item = found.item
        paged = item.place.startswith("page")  # its line is the page's number
        return Match(
            text=excerpt.text,
            score=found.score,
            question=found.question,
            resembles=found.resembles,
            contained=found.contained,
            pool=item.pool,
            turn=self._name(item) if item.pool else "",
            id=item.key if item.pool else "",
            agent=item.agent,
            branch=item.branch,
            offset=item.begin if item.pool else None,
            end=item.end if item.pool else None,
            file=item.file,
            line=item.line if paged else item.line + item.text.count("\n", 0, excerpt.start),
            place=item.place,
            time=item.time,
        )

    def _name(self, item: Item) -> str:
        """Return a turn's name on its pool's current line; its agent and position where it is not on that."""
        key = (item.pool, item.key)
        if key not in self._names and item.pool in self._pools:
            with suppress(LogError):  # the index has what the pool can no longer say
                turns = self._pools[item.pool].document().turns
                self._names |= {(item.pool, turn.id): turn.name for turn in turns if turn.status != "running"}
        return self._names.get(key, f"{item.agent} at {item.begin} of branch {item.branch}")

    def close(self) -> None:
        """Let go of the index and of the pools that it opened; closing twice is fine."""
        if self._index is not None:
            self._index.close()
        for name, pool in self._pools.items():
            if name != self._pool.name:
                pool.close()


def _source(match: Match) -> str:
    """Return where a hit is from as a model reads it: of a document the name, for its folder is nobody's business."""
    return msgspec.structs.replace(match, file=Path(match.file).name).source if match.file else match.source


def _reference(match: Match, start: int) -> dict[str, Any]:
    """Return where a hit is from, as a ``recall`` event carries it.

    With its text where that is not in a pool: files change.
    """
    scores = {"score": round(match.score, 4), "question": match.question, "source": _source(match)}
    if match.file:
        place = {"place": match.place} if match.place else {}
        return {**scores, "file": match.file, "line": match.line, **place, "text": match.text}
    return {
        **scores,
        "pool": match.pool,
        "turn": match.id,
        "name": match.turn,
        "agent": match.agent,
        "branch": match.branch,
        "offset": match.offset,
        "end": match.end,
        "start": start,
        "line": match.line,
    }
