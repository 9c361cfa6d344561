"""What a run has taken so far, on all lines of history: a rollback takes words back, and no tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.agents.turns.budget import parts_bound, text_bound
from agentpool_jupyter.pool.events import Delta, TurnContinued, TurnFailed, TurnFinished, TurnStarted

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool


def spent(pool: Pool, run: str) -> int:
    """Return the tokens that a run has taken, as its servers counted them.

    A turn that has no count, because its process died, is taken for what it may have cost at most, as far as the log
    tells: its prompts and its text in bytes.
    """
    counted: dict[str, int] = {}
    said: dict[str, int] = {}
    most: dict[str, int] = {}
    seen: set[str] = set()  # an event that is stored twice counts once
    for event in pool.events(pool.runs[run].start):
        if event.run != run or event.id in seen:
            continue
        seen.add(event.id)
        match event:
            case TurnStarted() | TurnContinued():
                prompt = parts_bound(event.context.get("sizes", {}))  # a function has no prompt
                most[event.turn] = most.get(event.turn, 0) + prompt + said.get(event.turn, 0)
            case Delta(turn=turn, text=text):
                said[turn] = said.get(turn, 0) + text_bound(text)
            case TurnFinished(turn=turn, usage=usage) | TurnFailed(turn=turn, usage=usage) if usage is not None:
                counted[turn] = usage.total
            case TurnFinished(turn=turn):
                counted.setdefault(turn, 0)
            case TurnFailed(turn=turn, kind=kind) if kind != "lost":
                counted.setdefault(turn, 0)
            case _:
                pass
    return sum(counted.get(turn, bound + said.get(turn, 0)) for turn, bound in most.items())
