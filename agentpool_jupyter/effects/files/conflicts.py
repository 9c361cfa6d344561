"""Writes of files over one another: how many were refused, how many of those were repaired, and how many rewrote."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.pool.events import EffectDone

from .turn_files import REFUSED

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from agentpool_jupyter.pool.effects import Effect

_WRITES = ("write_file", "edit_file")


class Conflicts(NamedTuple):
    """Counts by agent."""

    concurrent: Counter[str]
    """Writes that were refused, because somebody else had written a version that their writer had not read."""
    repaired: Counter[str]
    """Writes by which an agent has then written the same file after all."""
    rewrites: Counter[str]
    """Writes over a version that one of these turns had written, whoever did."""


def conflicts_of(effects: Iterable[Effect], turns: Container[str]) -> Conflicts:
    """Return the conflicts of some turns, by their ids; the effects are those of their pool, oldest first."""
    found, open_, written = Conflicts(Counter(), Counter(), Counter()), set(), set()
    for effect in effects:
        if effect.proposal.tool not in _WRITES or effect.proposal.turn not in turns:
            continue
        result = effect.ended.result if isinstance(effect.ended, EffectDone) else None
        if not isinstance(result, dict):
            continue
        agent = effect.proposal.agent
        place = agent, result.get("path")
        if REFUSED in result:
            found.concurrent[agent] += 1
            open_.add(place)
            continue
        found.rewrites[agent] += result.get("path") in written
        written.add(result.get("path"))
        if place in open_:
            found.repaired[agent] += 1
            open_.discard(place)
    return found
