"""What the turns of a run share, and how a turn is written into the pool."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.pool.events import Delta, Recall, TurnContinued, TurnFailed, TurnFinished, TurnStarted

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.agents.models.continuation import Way
    from agentpool_jupyter.agents.prompt.context import Context
    from agentpool_jupyter.agents.reminders.lookup import Lookup, Reminders
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Event, Pool
    from agentpool_jupyter.pool.events import Usage

    from .budget import TokenBudget
    from .line import Line
    from .outbox import Outbox


class Stage:
    """What the turns of one run share."""

    def __init__(
        self,
        *,
        pool: Pool,
        run: str,
        team: TeamSpec,
        line: Line,
        outbox: Outbox,
        budget: TokenBudget,
        recalling: Reminders,
    ) -> None:
        self.pool = pool
        self.run = run
        self.team = team
        self.line = line
        self.outbox = outbox
        self.budget = budget
        self.recalling = recalling

    def header(self, agent: str) -> dict[str, Any]:
        """Return the fields that every event of an agent carries."""
        return self.pool.header(self.line.branch, self.run, agent)


class TurnWriter:
    """Writes one attempt at a turn into the pool; text is gathered for a moment into one event."""

    def __init__(self, stage: Stage, agent: str, attempt: int = 1) -> None:
        self._stage = stage
        self._agent = agent
        self._attempt = attempt
        self.turn = stage.pool.new_id()
        self._seq = 0
        self._pieces: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._seen = 0
        self.text = ""

    def start(self, *, model: str, seen: int, context: Context | None = None) -> None:
        """Record that the turn begins, what it has seen and what its prompt is made of."""
        self._put(
            TurnStarted,
            model=model,
            seen=seen,
            digest=context.digest if context else "",
            context=context.record if context else {},
            attempt=self._attempt,
        )

    def go_on(self, context: Context, way: Way, error: str = "") -> None:
        """Record that the turn goes on with a new prompt."""
        self._flush()
        self._seen = context.seen
        self._put(
            TurnContinued,
            seen=context.seen,
            digest=context.digest,
            context=context.record,
            deltas=self._seq,
            chars=len(self.text),
            way=way,
            error=error,
        )

    def recall(self, lookup: Lookup, context: Context) -> None:
        """Record what was recalled and went into a prompt, right behind that prompt's own event."""
        hits = [dict(lookup.reminders[number].reference) for number in context.recalled]
        if hits or lookup.note:
            self._put(Recall, hits=hits, note=lookup.note)

    def add(self, text: str) -> None:
        """Add text; it is written within the team's ``flush`` seconds."""
        if not text:
            return
        self.text += text
        self._pieces.append(text)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._stage.team.flush, self._flush)

    def finish(self, reason: str, usage: Usage | None = None, cost: float | None = None) -> Event:
        """Record that the turn has ended with its text as it is."""
        self._flush()
        return self._put(TurnFinished, reason=reason, usage=usage, cost=cost, deltas=self._seq, seen=self._seen)

    def fail(
        self, error: str, *, kind: str, retriable: bool = False, wait: float = 0.0, usage: Usage | None = None
    ) -> Event:
        """Record that this attempt failed."""
        self._flush()
        return self._put(
            TurnFailed, error=error, kind=kind, retriable=retriable, attempt=self._attempt, wait=wait, usage=usage
        )

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            self._put(Delta, seq=self._seq, text="".join(self._pieces))
            self._seq += 1
            self._pieces.clear()

    def _put(self, event_type: Callable[..., Event], /, **fields: Any) -> Event:
        event = event_type(**self._stage.header(self._agent), turn=self.turn, **fields)
        self._stage.outbox.put(event)
        return event
