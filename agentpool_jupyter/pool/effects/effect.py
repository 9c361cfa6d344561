"""One call of a tool as the log has it: who voted, what was decided, and what became of it.

It is proposed, decided, started and ended, each by an event, and the first event of each kind counts. Whoever starts it
uses its approval up, so that it is done at most once, whatever crashes; one that was started by a holder who is gone,
and has no end, is *in doubt*.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from agentpool_jupyter.pool.events import (
    Decision,
    EffectDone,
    EffectFailed,
    EffectStarted,
    Event,
    GateEdited,
    Proposal,
    Vote,
)
from agentpool_jupyter.pool.runs import is_dead
from agentpool_jupyter.pool.votes import PERSON, Gate, Verdict, judge

from .basis import Change
from .grants import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.pool.claims import Claims

    from .grants import Grants, StandingGrant

EffectStatus = Literal["waiting", "refused", "approved", "running", "done", "failed", "in doubt"]
"""Nobody has decided; it was decided so; it is being done; it ended; it was started and nobody knows its end."""


OF_ANSWERS = {"of": "answers"}
"""What the proposal of a question to a person says: what is answered is its result, so that each wants its own."""
_SHOWN = 100  # characters of the arguments that are told in a line
_SHOWN_VOTES = 5
_GATE_EDITED = "its gate was edited"


def canonical(value: Any) -> bytes:
    """Return plain data as JSON that is the same for the same data: keys sorted, no spaces."""
    return msgspec.json.encode(value, order="sorted")


def digest_of_effect(tool: str, arguments: dict[str, Any]) -> str:
    """Return the SHA-256 by which an effect is agreed on."""
    return hashlib.sha256(canonical([tool, arguments])).hexdigest()


def digest_of_gate(gate: Gate) -> str:
    """Return the SHA-256 by which an edit of a gate is noticed; what its functions do is not part of it."""
    return hashlib.sha256(canonical(msgspec.to_builtins(gate))).hexdigest()


class Effect:
    """One call of a tool as the log has it."""

    def __init__(self, proposal: Proposal, claims: Claims, reputation: Mapping[str, float], grants: Grants) -> None:
        self.proposal = proposal
        self.gate = gate_of(proposal)
        """Who has to agree, by the gate as it is now; None where nobody has to."""
        self._guards = proposal.guards
        self.votes: dict[str, Vote] = {}
        """The votes that count, by voter, in the order in which they came."""
        self.idle: list[tuple[Vote, str]] = []
        """Those that do not, each with the reason."""
        self.changes: list[Change] = []
        """What changed, of all that it rests on, before it was carried out."""
        self.left = False
        """Whether the head is on a line that does not have it, having moved there after it was proposed."""
        self._claims = claims
        self._reputation = reputation
        self._grants = grants
        self.granted: StandingGrant | None = None
        """The grant by which it was decided, where a person was not asked."""
        self.decision: Decision | None = None
        self._lenient = ""
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
    def is_question(self) -> bool:
        """Whether its result is what the person answers: a grant, or an answer to others, cannot stand for that."""
        return self.proposal.data == OF_ANSWERS

    @property
    def rests_on(self) -> str:
        """What may change until it is decided, for people: what its agent had read."""
        rests = self.proposal.rests
        turns = f"{len(rests.turns)} unfinished turn{'s' if len(rests.turns) > 1 else ''}" if rests.turns else ""
        files = [f"{path} (version {number})" for path, number in rests.files.items()]
        said = f"what was said up to offset {self.proposal.seen - 1}" if self.proposal.seen else ""
        return ", ".join(filter(None, [said, turns, *files]))

    @property
    def asked_again(self) -> str:
        """Why its voters were asked again, the last time that they were; empty where they were not."""
        return self.changes[-1].why if self.changes and self._asks_when_stale else ""

    @property
    def uncounted(self) -> str:
        """The latest votes that do not count, each with the reason, for people; empty where all do."""
        return ", ".join(f"{vote.agent} {why}" for vote, why in self.idle[-_SHOWN_VOTES:])

    @property
    def let_pass(self) -> str:
        """Why it was let pass where a gate that fails closed would have kept it; empty where none would."""
        if self.decision is None or not self.decision.accepted:
            return ""
        stale = f"{self.changes[-1].why}, and stale: ok" if self.changes and not self._asks_when_stale else ""
        return "; ".join(filter(None, [self._lenient, stale]))

    @property
    def since(self) -> int:
        """One past the offset of what a voter has to know: the proposal, or the last change of what it rests on."""
        return (self.changes[-1].offset if self.changes else self.proposal.offset) + 1

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

    @property
    def is_open(self) -> bool:
        """Whether what it rests on still matters: somebody has to agree, and it was neither refused nor started."""
        return bool(self.proposal.gate_digest) and self.status in ("waiting", "approved")

    def absorb(self, event: Event) -> None:
        """Take in its next event; one that its course does not allow is passed over."""
        match event:
            case Vote():
                self._count(event)
            case GateEdited() if self.is_open and event.run == self.proposal.run:
                self._edit(event)
            case Decision() if self.decision is None:
                self._decide(event)
            case EffectStarted() if self._may_start(event):
                self.started = event
            case EffectDone() | EffectFailed() if self._may_end():
                self.ended = event

    def change(self, change: Change) -> None:
        """Take note that something it rests on has changed: votes from before carry no more, unless its gate says so.

        Neither does an approval that is not used up; what was refused stays so.
        """
        if not self.is_open:
            return
        self.changes.append(change)
        if self._asks_when_stale:
            self.decision = self.granted = None
            self._grants.give_back(self.id)
            self.idle += [(vote, f"was cast before {change.why}") for vote in self.votes.values()]
            self.votes = {}

    def asks(self, voter: str) -> bool:
        """Return whether it waits for a voter: functions are asked first, others once these have not decided it.

        A person who answers in place of those who do not is asked from the beginning.
        """
        if self.gate is None or voter in self.votes or (self.left and self._asks_when_stale):
            return False
        guards = self._open_guards
        return (voter in self.gate.ask and (not guards or voter in guards)) or self._instead(voter)

    @property
    def _open_guards(self) -> list[str]:
        """The functions that have not voted yet."""
        asked = self.gate.ask if self.gate else ()
        return [voter for voter in self._guards if voter in asked and voter not in self.votes]

    @property
    def waits_for_person(self) -> bool:
        """Whether a person is asked: it is not decided by those who voted, and no grant stands for the answer."""
        is_open = self.status == "waiting" and self.asks(PERSON) and self._grant(0) is None
        return is_open and self.verdict(0).accepted is None

    def _grant(self, time: int) -> StandingGrant | None:
        return self._grants.find(self.proposal, time) if self.asks(PERSON) and not self.is_question else None

    def _instead(self, voter: str) -> bool:
        """Return whether a voter answers in place of those who do not."""
        return self.gate is not None and self.gate.absent == "ask" and voter == PERSON

    @property
    def _asks_when_stale(self) -> bool:
        return bool(self.proposal.gate_digest) and self.gate is not None and self.gate.stale == "ask"

    @property
    def deadline(self) -> int | None:
        """From when on, in the log's milliseconds, no vote counts; None where there is no limit."""
        within = self.gate.within if self.gate else None
        return None if within is None else self.proposal.time + int(within * 1000)

    def verdict(self, time: int) -> Verdict:
        """Return what its votes, and the grants that stand for some, come to at a time of the log's (ms)."""
        return self._judge(time)[0]

    def _judge(self, time: int) -> tuple[Verdict, StandingGrant | None]:
        """Return the verdict, and the grant without which it would be open."""
        if self.gate is None:
            return Verdict(accepted=True, why="nobody has to agree"), None
        closed = self.deadline is not None and time >= self.deadline
        verdict = judge(self.gate, self.votes, closed=closed, reputation=self._reputation)
        if verdict.accepted is None and not closed and (guards := self._open_guards):
            return Verdict(accepted=None, why=f"waiting for {', '.join(guards)}"), None
        if verdict.accepted is not None or (grant := self._grant(time)) is None:
            return verdict, None
        votes = {**self.votes, PERSON: self._by_grant(grant)}
        granted = judge(self.gate, votes, closed=closed, reputation=self._reputation)
        if granted.accepted:
            return Verdict(accepted=True, why=f"{granted.why}, {PERSON} by grant {grant.id}"), grant
        return (verdict if granted.accepted is False else granted), None

    def _count(self, vote: Vote) -> None:
        """Take in a vote, or keep it with the reason for which it does not count."""
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
        elif self._asks_when_stale and self.left:
            why = "its line was left"
        elif self._asks_when_stale and 0 < vote.seen < self.since:
            why = f"was cast before {self.changes[-1].why}" if self.changes else "had not seen it"
        if why:
            self.idle.append((vote, why))
        else:
            self.votes = {**self.votes, vote.agent: vote}  # a new one: other threads may be reading

    def _edit(self, event: GateEdited) -> None:
        """Take a new gate, and ask anew; where that one lets stand what is stale, all stays as it was proposed."""
        gate = _read_gate(event.gate)
        if event.digest == digest_of_gate(gate) and gate not in (self.gate, _SHUT) and gate.stale == "ask":
            self.gate, self._guards = gate, event.guards
            self.change(Change(event.offset, _GATE_EDITED))

    def _decide(self, decision: Decision) -> None:
        """Take in a decision that the votes carry; where a gate only says what would be decided, all is let pass."""
        verdict, grant = self._judge(decision.time)
        if self.gate is not None and self.gate.shadow:
            carried = verdict.accepted is not None and decision.accepted
        else:
            carried = verdict.accepted is decision.accepted
        if carried:
            self._lenient = self._leniency(decision, grant)
            self.decision, self.granted = decision, grant
            if grant is not None:
                grant.uses[self.id] = None

    def _leniency(self, decision: Decision, grant: StandingGrant | None) -> str:
        """Return why a decision that is carried would not be if its gate failed closed; empty where it would."""
        if self.gate is None or self.gate.strict == self.gate or not decision.accepted:
            return ""
        votes = {**self.votes, PERSON: self._by_grant(grant)} if grant else self.votes
        closed = self.deadline is not None and decision.time >= self.deadline
        verdict = judge(self.gate.strict, votes, closed=closed, reputation=self._reputation)
        return "" if verdict.accepted else decision.text or "nobody else would have let it pass"

    def _by_grant(self, grant: StandingGrant) -> Vote:
        return Vote(id=grant.id, agent=PERSON, proposal=self.id, accept=True)

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


_SHUT = Gate(ask=())
"""What a gate is that cannot be read: nothing passes."""


def gate_of(proposal: Proposal) -> Gate | None:
    """Return who has to agree to a proposal, None for nobody; one that cannot be read lets nothing pass."""
    return _read_gate(proposal.gate) if proposal.gate else None


def _read_gate(said: dict[str, Any]) -> Gate:
    try:
        gate = msgspec.convert(said, Gate)
    except msgspec.ValidationError:
        return _SHUT
    numbers = (gate.within or 0, gate.need or 0, gate.margin, *gate.weights.values())
    return gate if all(abs(number) <= LONGEST for number in numbers) else _SHUT  # larger ones cannot be summed up
