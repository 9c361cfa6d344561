"""From a cue to reminders: the index of a store and its pools, as one thread at a time asks them."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.agents.prompt.build import Reminder
from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.recall import RecallIndex
from agentpool_jupyter.recall.file_names import stored_name
from agentpool_jupyter.recall.matches import Search, match_of
from agentpool_jupyter.recall.pools import OpenPools
from agentpool_jupyter.recall.text.shingles import shingles
from agentpool_jupyter.recall.text.thoughts import around

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.recall import Match
    from agentpool_jupyter.recall.backends.items import Item
    from agentpool_jupyter.recall.matches import Found

    from .cue import Cue

EXCERPT = 600
"""Characters of a reminder that are read, about the place that is alike: reading is what large teams pay for."""
_MORE = 8  # matches that are asked for beyond those wanted, and then so many times more: for 3 reminders 11, 88, 704
_ROUNDS = 3  # where so many say what is known there is little else
_FRESH = 5.0  # seconds for which the library's files are not looked at again


class ReminderSearch:
    """The index of a pool's store; opened when it is first asked. Its methods are for one thread at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._index: RecallIndex | None = None
        self._pools = OpenPools(pool)
        self._names: dict[tuple[str, str], str] = {}
        self._looked = float("-inf")

    def find(self, cue: Cue) -> tuple[list[Reminder], list[str]]:
        """Return at most ``k`` reminders, best first, none of which says what is known or another says, and notes."""
        index = self._index = self._index or RecallIndex(self._pool.store)
        notes: list[str] = []
        pools = self._wanted(cue.spec.sources, index)
        self._pools.follow(index, pools, notes)
        query = frozenset().union(*map(shingles, cue.texts))
        known, keep = shingles(cue.known), self._filter(cue, pools)
        reminders: list[Reminder] = []
        for number in range(_ROUNDS):
            most = (cue.spec.k + _MORE) * _MORE**number
            found = self._ask(index, pools, cue, Search("both", cue.spec.threshold, most, keep), notes)
            reminders = list(itertools.islice(self._fresh(found, query, known), cue.spec.k))
            if len(reminders) == cue.spec.k or len(found) < most:
                break
        return reminders, notes

    def _ask(
        self, index: RecallIndex, pools: AbstractSet[str], cue: Cue, search: Search, notes: list[str]
    ) -> list[Found]:
        while True:
            stale = "library" in cue.spec.sources and time.monotonic() - self._looked > _FRESH
            found, told = index.search(cue.texts, search, library=stale)
            if stale:
                self._looked = time.monotonic()
            happened = set(index.take_notes()).difference(notes)
            notes += [*told, *sorted(happened)]
            if not happened:
                return found
            # It may have been made anew: the pools that were taken in before that are to be taken in again.
            self._pools.follow(index, pools, notes, all_of_them=True)

    def _filter(self, cue: Cue, pools: AbstractSet[str]) -> Callable[[Item], bool]:
        """Return what says whether an item may be a reminder: what is known, or said twice, takes nobody's place."""
        own, library = self._pool.name, "library" in cue.spec.sources
        first: dict[str, tuple[str, str, int]] = {}

        def keep(item: Item) -> bool:
            if not item.pool:
                wanted = library
            elif item.pool not in pools or item.key in cue.besides:
                wanted = False
            else:
                wanted = item.pool != own or (item.end < cue.seen and item.agent not in cue.unheard)
            if not wanted or item.text.strip() in cue.known:
                return False
            place = (item.source, item.key, item.part)
            return first.setdefault(item.text, place) == place

        return keep

    def _wanted(self, sources: tuple[str, ...], index: RecallIndex) -> AbstractSet[str]:
        """Return the names of the pools that are looked through; those that are gone are forgotten."""
        own = self._pool.name
        if "pools" not in sources:
            return {own} if "pool" in sources else set()
        names = {own, *self._pool.store.names()}
        if self._pools.forget_deleted(names):
            index.forget_deleted(names)
        return names

    # What is found -----------------------------------------------------------------------------------------

    def _fresh(self, found: list[Found], query: frozenset[str], prompt: frozenset[str]) -> Iterator[Reminder]:
        """Yield what says something that is not known, each thing once."""
        known = set(prompt)
        for one in found:
            excerpt = around(one.item.text, query, EXCERPT)
            said = shingles(excerpt.text)
            if said <= known:
                continue
            known |= said
            line = one.item.text.count("\n", 0, excerpt.start)
            match = msgspec.structs.replace(match_of(one, self._name, line=line), text=excerpt.text)
            yield Reminder(excerpt.text, _source(match), _reference(match, one.item.start + excerpt.start))

    def _name(self, item: Item) -> str:
        """Return a turn's name on its pool's current line; its agent and position where it is not on that."""
        key, elsewhere = (item.pool, item.key), f"{item.agent} at {item.begin} of branch {item.branch}"
        if key not in self._names:
            with suppress(AgentPoolError), self._pools.opened(item.pool) as pool:  # else what the index has is left
                turns = pool.document().turns
                self._names |= {(item.pool, turn.id): turn.name for turn in turns if turn.status != "running"}
                self._names.setdefault(key, elsewhere)
        return self._names.get(key, elsewhere)

    def close(self) -> None:
        """Let go of the index and of the pools that it opened; closing twice is fine."""
        if self._index is not None:
            self._index.close()
        self._pools.close()


def _source(match: Match) -> str:
    """Return where a match is from as a model reads it: of a document the name, for its folder is nobody's business."""
    return msgspec.structs.replace(match, file=Path(match.file).name).source if match.file else match.source


def _reference(match: Match, start: int) -> dict[str, Any]:
    """Return where a match is from, as a ``recall`` event carries it."""
    scores = {"score": round(match.score, 4), "question": match.question, "source": _source(match)}
    if match.file:
        place = {"place": match.place} if match.place else {}
        # With its text, which is not in a pool: files change.
        return {**scores, "file": stored_name(match.file), "line": match.line, **place, "text": match.text}
    turn = {"pool": match.pool, "turn": match.id, "name": match.turn, "agent": match.agent, "branch": match.branch}
    return {**scores, **turn, "offset": match.offset, "end": match.end, "start": start, "line": match.line}
