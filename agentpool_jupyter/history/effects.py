"""What agents did outside the pool: a rollback does not undo it, so it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.effects.files.turn_files import OF_FILES
from agentpool_jupyter.pool.events import Decision, EffectStarted, TurnStarted
from agentpool_jupyter.pool.words import PYTHON

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool, Position


class LeftEffect(msgspec.Struct, frozen=True):
    """Something on a line that was left which may have changed the world."""

    offset: int
    agent: str
    what: str
    id: str = ""
    """That of the effect, where it was a call of a tool."""

    def __str__(self) -> str:
        return f"{self.what} ({self.agent}, offset {self.offset})"


def left_after(pool: Pool, position: Position) -> tuple[int, list[LeftEffect]]:
    """Return how many events of the current line lie after a position, and the effects among them, oldest first.

    Those are calls of Python agents' functions, which may do anything, and of tools; and what the team decided on.
    Files of the pool are no such effects: a rollback takes them back.
    """
    kept = dict(pool.lineage.line(*position))
    here = pool.lineage.line(pool.branch, pool.end - 1)
    line = {branch: last for branch, last in here if last > kept.get(branch, -1)}
    count, found = 0, []
    for event in pool.events(position.at + 1):
        if not kept.get(event.branch, -1) < event.offset <= line.get(event.branch, -1):
            continue
        count += 1
        if isinstance(event, TurnStarted) and event.model.startswith(PYTHON):
            found.append(LeftEffect(event.offset, event.agent, f"{event.model.removeprefix(PYTHON)}() was called"))
        elif isinstance(event, EffectStarted) and (effect := pool.effects.get(event.proposal)):
            if effect.proposal.data == OF_FILES:
                continue
            found.append(LeftEffect(event.offset, event.agent, f"{effect.told}: {effect.status}", effect.id))
        elif isinstance(event, Decision) and event.accepted and event.proposal not in pool.effects:
            found.append(LeftEffect(event.offset, event.agent, f"decided: {event.text or event.proposal}"))
    return count, found


def effects_after(pool: Pool, position: Position) -> list[LeftEffect]:
    """Return the effects on the current line that lie after a position, oldest first; see :func:`left_after`."""
    return left_after(pool, position)[1]
