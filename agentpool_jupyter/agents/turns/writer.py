"""How an attempt at a turn becomes events, and what all turns of a run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.pool.events import Delta, Recall, TurnContinued, TurnFailed, TurnFinished, TurnStarted

from .logger import logger_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agentpool_jupyter.agents.models.continuation import Way
    from agentpool_jupyter.agents.prompt.build import Prompt
    from agentpool_jupyter.agents.reminders.lookup import Lookup, Reminders
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.effects import Tool
    from agentpool_jupyter.effects.voters import Voter
    from agentpool_jupyter.pool import Event, Pool
    from agentpool_jupyter.pool.events import Claim, Usage
    from agentpool_jupyter.privacy.redaction.redactor import Redactor

    from .budget import TokenBudget
    from .live_document import LiveDocument
    from .outbox import Outbox


@dataclass(kw_only=True)
class RunResources:
    """What the turns of one run share."""

    pool: Pool
    claim: Claim
    """By which the run is held here."""
    team: TeamSpec
    live: LiveDocument
    outbox: Outbox
    budget: TokenBudget
    reminders: Reminders
    tools: Mapping[str, Sequence[Tool]] = field(default_factory=dict)
    """What agents may call, by the entry of ``tools`` that names it; which of them may, its team says."""
    voters: dict[str, Voter] = field(default_factory=dict)
    """Agents and functions that gates may ask, by name."""
    redactor: Redactor | None = None
    """What all texts go through before a model or the pool has them; None where the team redacts nothing."""

    def header(self, agent: str) -> dict[str, Any]:
        """Return the fields that every event of an agent carries."""
        return self.pool.header(self.live.branch, self.claim.run, agent, self.claim.id)


class AttemptWriter:
    """Writes one attempt at a turn into the pool; text is gathered for a moment into one event."""

    def __init__(self, resources: RunResources, agent: str, attempt: int = 1) -> None:
        self._resources = resources
        self._agent = agent
        self._attempt = attempt
        self.turn = resources.pool.new_id()
        """The attempt's own id in the log."""
        self.log = logger_of(resources.claim.run, agent, self.turn)
        self._seq = 0
        self._pieces: list[str] = []
        self._due = False
        self._seen = 0
        self._waiting = resources.redactor.stream() if resources.redactor else None
        self.text = ""
        """All that was added so far and is certain: where the team redacts, what may be half an identifier waits."""

    def start(self, *, model: str, seen: int, prompt: Prompt | None = None) -> None:
        """Record that the attempt begins, what it has seen and what its prompt is made of."""
        self._put(
            TurnStarted,
            model=model,
            seen=seen,
            digest=prompt.digest if prompt else "",
            context=prompt.record if prompt else {},
            attempt=self._attempt,
        )

    def go_on(self, prompt: Prompt, way: Way, error: str = "", exchange: Sequence[Mapping[str, Any]] = ()) -> None:
        """Record that the attempt goes on with a new prompt, and ``error`` where the call before broke off.

        ``exchange`` are the calls of tools, and their answers, that this prompt has and the one before it had not.
        """
        self.flush()
        self._seen = prompt.seen
        self._put(
            TurnContinued,
            seen=prompt.seen,
            digest=prompt.digest,
            context=prompt.record,
            deltas=self._seq,
            chars=len(self.text),
            way=way,
            error=error,
            exchange=[dict(message) for message in exchange],
        )

    def record_recalled(self, lookup: Lookup, prompt: Prompt) -> None:
        """Record what was recalled and went into a prompt, right behind that prompt's own event."""
        # With the text as it went in: files change, other pools are deleted, and this prompt is to be rebuilt for ever.
        hits = [{**lookup.reminders[number].reference, "text": text} for number, text in prompt.recalled.items()]
        if hits or lookup.note:
            self._put(Recall, hits=hits, note=lookup.note)

    def add(self, text: str) -> None:
        """Add text; it is written within the team's ``flush`` seconds."""
        self._add(self._waiting.feed(text) if self._waiting else text)

    def settle(self) -> None:
        """Add what waits: nothing is said that goes on with it."""
        if self._waiting:
            self._add(self._waiting.close())

    def leave(self) -> None:
        """Pass over what waits: the next call goes on before it, so that no call's end cuts an identifier in two."""
        if self._waiting:
            self._waiting.held = ""

    def _add(self, text: str) -> None:
        if not text:
            return
        self.text += text
        self._pieces.append(text)
        if not self._due:
            self._due = True
            self._resources.outbox.soon(self.flush, self._resources.team.flush)

    def finish(self, reason: str, usage: Usage | None = None, cost: float | None = None) -> Event:
        """Record that the attempt, and with it the turn, has ended with its text as it is."""
        self.settle()
        self.flush()
        return self._put(TurnFinished, reason=reason, usage=usage, cost=cost, deltas=self._seq, seen=self._seen)

    def fail(
        self,
        error: str,
        *,
        kind: str,
        retriable: bool = False,
        wait: float = 0.0,
        usage: Usage | None = None,
        cost: float | None = None,
    ) -> Event:
        """Record that the attempt failed."""
        self.settle()
        self.flush()
        redactor = self._resources.redactor
        return self._put(
            TurnFailed,
            error=redactor.text(error) if redactor else error,
            kind=kind,
            retriable=retriable,
            attempt=self._attempt,
            wait=wait,
            usage=usage,
            cost=cost,
        )

    def flush(self) -> None:
        """Write at once what was gathered."""
        self._due = False
        if self._pieces:
            self._put(Delta, seq=self._seq, text="".join(self._pieces))
            self._seq += 1
            self._pieces.clear()

    def _put(self, event_type: Callable[..., Event], /, **fields: Any) -> Event:
        event = event_type(**self._resources.header(self._agent), turn=self.turn, **fields)
        self._resources.outbox.put(event)
        match event:
            case TurnStarted():
                self.log.info("%s begins attempt %d, having read below %d", self._agent, event.attempt, event.seen)
            case TurnContinued():
                self.log.debug("%s goes on (%s), having read below %d", self._agent, event.way, event.seen)
            case TurnFinished():
                self.log.info("%s ends: %s, %d characters", self._agent, event.reason, len(self.text))
            case TurnFailed():
                again = f"; tried again in {event.wait:.1f} s" if event.retriable else ""
                self.log.warning("%s failed (%s): %s%s", self._agent, event.kind, event.error, again)
        return event
