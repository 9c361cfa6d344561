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
from .events import Decision, EffectDone, EffectFailed, EffectStarted, Event, Proposal, Vote
from .runs import is_dead
from .votes import PERSON, Gate, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    def __init__(self, proposal: Proposal, claims: Claims, reputation: Mapping[str, float]) -> None:
        self.proposal = proposal
        self.gate = gate_of(proposal)
        """Who has to agree; None where nobody has to."""
        self.votes: dict[str, Vote] = {}
        """The votes that count, by voter, in the order in which they came."""
        self.idle: list[tuple[Vote, str]] = []
        """Those that do not, each with the reason."""
        self._claims = claims
        self._reputation = reputation
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
            return "running" if self._is_held(self.started) else "in doubt"
        if self.decision is not None:
            return "approved" if self.decision.accepted else "refused"
        return "waiting"

    def absorb(self, event: Event) -> None:
        """Take in its next event; one that its course does not allow is passed over."""
        match event:
            case Vote():
                self._count(event)
            case Decision() if self.decision is None and self._carried(event):
                self.decision = event
            case EffectStarted() if self._may_start(event):
                self.started = event
            case EffectDone() | EffectFailed() if self._may_end():
                self.ended = event

    def asks(self, voter: str) -> bool:
        """Return whether it waits for a voter."""
        return self.gate is not None and voter not in self.votes and (voter in self.gate.ask or self._instead(voter))

    def _instead(self, voter: str) -> bool:
        """Return whether a voter answers in place of those who do not."""
        return self.gate is not None and self.gate.absent == "ask" and voter == PERSON

    @property
    def deadline(self) -> int | None:
        """From when on, in the log's milliseconds, no vote counts; None where there is no limit."""
        within = self.gate.within if self.gate else None
        return None if within is None else self.proposal.time + int(within * 1000)

    def verdict(self, time: int) -> Verdict:
        """Return what its votes come to at a time of the log's, in milliseconds."""
        if self.gate is None:
            return Verdict(accepted=True, why="nobody has to agree")
        closed = self.deadline is not None and time >= self.deadline
        return judge(self.gate, self.votes, closed=closed, reputation=self._reputation)

    def _count(self, vote: Vote) -> None:
        """Take in a vote, or keep it with the reason for which it does not count."""
        if any(vote.id == known.id for known in (*self.votes.values(), *(idle for idle, _ in self.idle))):
            return  # stored twice
        asked = self.gate.ask if self.gate else ()
        instead = self._instead(vote.agent)
        why = ""
        if vote.agent not in asked and not instead:
            why = "was not asked"
        elif vote.digest != self.proposal.digest:
            why = "is about something else"
        elif vote.agent in self.votes:
            why = "has voted already"
        elif self.decision is not None:
            why = "it was decided"
        elif self.deadline is not None and vote.time >= self.deadline and not instead:
            why = "came too late"
        if why:
            self.idle.append((vote, why))
        else:
            self.votes[vote.agent] = vote

    def _carried(self, decision: Decision) -> bool:
        """Return whether the votes carry a decision; one that only says what would be decided carries all."""
        verdict = self.verdict(decision.time)
        if self.gate is not None and self.gate.shadow:
            return verdict.accepted is not None and decision.accepted
        return verdict.accepted is decision.accepted

    def _is_held(self, started: EffectStarted) -> bool:
        """Return whether who started it may still be at it: in a run its claim says so, else its process does."""
        return self._claims.holds(started) if started.claim else not is_dead(started.owner)

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
        self._records: dict[str, tuple[int, int]] = {}  # of each voter, how often it was right, of how many votes
        self._settled: set[str] = set()
        self.reputation: dict[str, float] = {}
        """How far voters were right before, from 0 to 1: a yes to what was then done, a no to what failed."""

    def absorb(self, event: Event) -> None:
        """Take in the next event of the log, which the claims have taken in already."""
        if is_late(event, self._claims.fences):
            return
        if isinstance(event, Proposal):
            if event.tool and event.proposal not in self and _is_true(event):
                self[event.proposal] = Effect(event, self._claims, self.reputation)
                if event.key:
                    self._by_key.setdefault(event.key, event.proposal)
        elif isinstance(event, Vote | Decision | EffectStarted | EffectDone | EffectFailed) and event.proposal in self:
            self[event.proposal].absorb(event)
            self._learn(self[event.proposal])

    def _learn(self, effect: Effect) -> None:
        """Take in for the reputation of its voters that an effect has ended for certain; once."""
        if effect.status not in ("done", "failed") or effect.id in self._settled:
            return
        self._settled.add(effect.id)
        for voter, vote in effect.votes.items():
            right, votes = self._records.get(voter, (0, 0))
            right, votes = right + (vote.accept is (effect.status == "done")), votes + 1
            self._records[voter] = right, votes
            self.reputation[voter] = (right + 1) / (votes + 2)

    def of_key(self, key: str) -> Effect | None:
        """Return the first effect of a key, None where there is none."""
        return self.get(self._by_key.get(key, ""))


def gate_of(proposal: Proposal) -> Gate | None:
    """Return who has to agree to a proposal, None for nobody; one that cannot be read lets nothing pass."""
    if not proposal.gate:
        return None
    try:
        return msgspec.convert(proposal.gate, Gate)
    except msgspec.ValidationError:
        return Gate(ask=())


def _is_true(event: Proposal) -> bool:
    """Return whether a proposal's digest is that of what it proposes."""
    return event.digest == digest_of_effect(event.tool, event.arguments)
