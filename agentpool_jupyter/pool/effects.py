"""Effects, folded from the log: what agents asked to be done, what became of it, and what nobody can know.

An effect is one call of a tool. It is proposed, decided, started and ended, each by an event, and the first event of
each kind counts. Whoever starts it uses its approval up, so that it is done at most once, whatever crashes; one that
was started by a holder who is gone, and has no end, is *in doubt*.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .claims import is_late
from .events import Decision, EffectDone, EffectFailed, EffectStarted, Event, Proposal

if TYPE_CHECKING:
    from .claims import Claims

EffectStatus = Literal["waiting", "refused", "approved", "running", "done", "failed", "in doubt"]
"""Nobody has decided; it was decided so; it is being done; it ended; it was started and nobody knows its end."""


_SHOWN = 100  # characters of the arguments that are told in a line


def canonical(value: Any) -> bytes:
    """Return plain data as JSON that is the same for the same data: keys sorted, no spaces."""
    return msgspec.json.encode(value, order="sorted")


def digest_of_effect(tool: str, arguments: dict[str, Any]) -> str:
    """Return the SHA-256 by which an effect is agreed on."""
    return hashlib.sha256(canonical([tool, arguments])).hexdigest()


class Effect:
    """One call of a tool as the log has it."""

    def __init__(self, proposal: Proposal, claims: Claims) -> None:
        self.proposal = proposal
        self._claims = claims
        self.decision: Decision | None = None
        self.started: EffectStarted | None = None
        self.ended: EffectDone | EffectFailed | None = None

    @property
    def id(self) -> str:
        """The proposal's id."""
        return self.proposal.proposal

    @property
    def told(self) -> str:
        """The call in a line, for people."""
        arguments = ", ".join(f"{name}={canonical(value).decode()}" for name, value in self.proposal.arguments.items())
        shown = arguments if len(arguments) <= _SHOWN else f"{arguments[:_SHOWN]}…"
        return f"{self.proposal.tool}({shown})"

    @property
    def status(self) -> EffectStatus:
        """What became of it."""
        if isinstance(self.ended, EffectDone):
            return "done"
        if self.ended is not None:
            return "in doubt" if self.ended.doubt else "failed"
        if self.started is not None:
            return "running" if self._claims.holds(self.started) else "in doubt"
        if self.decision is not None:
            return "approved" if self.decision.accepted else "refused"
        return "waiting"

    def absorb(self, event: Event) -> None:
        """Take in its next event; one that its course does not allow is passed over."""
        match event:
            case Decision() if self.decision is None:
                self.decision = event
            case EffectStarted() if self._may_start(event):
                self.started = event
            case EffectDone() | EffectFailed() if self._may_end():
                self.ended = event

    def _may_start(self, event: EffectStarted) -> bool:
        agreed = self.decision is not None and self.decision.accepted and event.digest == self.proposal.digest
        return agreed and self.started is None

    def _may_end(self) -> bool:
        """Return whether it can end now: once, or again where its end left it in doubt."""
        if self.started is None:
            return False
        return self.ended is None or (isinstance(self.ended, EffectFailed) and self.ended.doubt)


class Effects(dict[str, Effect]):
    """The effects of a pool by id, oldest first, folded from its events."""

    def __init__(self, claims: Claims) -> None:
        super().__init__()
        self._claims = claims
        self._by_key: dict[str, str] = {}

    def absorb(self, event: Event) -> None:
        """Take in the next event of the log, which the claims have taken in already."""
        if is_late(event, self._claims.fences):
            return
        if isinstance(event, Proposal):
            if event.tool and event.proposal not in self and _is_true(event):
                self[event.proposal] = Effect(event, self._claims)
                self._by_key.setdefault(event.key, event.proposal)
        elif isinstance(event, Decision | EffectStarted | EffectDone | EffectFailed) and event.proposal in self:
            self[event.proposal].absorb(event)

    def of_key(self, key: str) -> Effect | None:
        """Return the first effect of a key, None where there is none."""
        return self.get(self._by_key.get(key, ""))


def _is_true(event: Proposal) -> bool:
    """Return whether a proposal's digest is that of what it proposes."""
    return event.digest == digest_of_effect(event.tool, event.arguments)
