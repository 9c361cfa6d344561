"""Random logs of effects: calls that wait, votes, decisions, and all that may change what they rest on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from hypothesis import strategies as st

from agentpool_jupyter.pool import Branches
from agentpool_jupyter.pool.codec import encode
from agentpool_jupyter.pool.effects import Effects, digest_of_effect, digest_of_gate
from agentpool_jupyter.pool.events import (
    Claim,
    Decision,
    Delta,
    EffectDone,
    EffectFailed,
    EffectStarted,
    Event,
    File,
    Fork,
    GateEdited,
    Grant,
    GrantRevoked,
    Head,
    Message,
    Proposal,
    Rests,
    TurnFailed,
    Vote,
)
from agentpool_jupyter.pool.files.packing import digest_of_contents, packed
from agentpool_jupyter.pool.runs import Runs
from agentpool_jupyter.pool.votes import Gate

from .strategies import stored

if TYPE_CHECKING:
    from collections.abc import Iterable

GATES = (
    Gate(ask=("you", "ann")),
    Gate(ask=("you",), stale="ok"),
    Gate(ask=("ann", "ben", "you"), policy="majority", within=0.02),
    Gate(ask=("ann", "you"), policy="first", shadow=True),
    Gate(ask=("ann",), absent="ask", within=0.01),
    Gate(ask=("ann", "ben", "you"), policy="first", stake=5),
    Gate(ask=("ann", "ben", "you"), policy="quorum", need=1, stake=1, shadow=True),
)
_FLOUR = b"flour"


def folded(events: Iterable[Event]) -> Effects:
    """Return the effects that events come to."""
    runs, branches = Runs(), Branches()
    effects = Effects(runs, branches)
    for event in events:
        for fold in (runs, branches, effects):
            fold.absorb(event)
    return effects


def facts(effects: Effects) -> object:
    """Return all that is known of effects, as plain data that can be compared."""
    grants = [(one.id, one.left, one.revoked, list(one.uses)) for one in effects.grants.values()]
    return (
        effects.grants.time,
        grants,
        [
            (
                effect.id,
                effect.status,
                effect.gate,
                list(effect.votes),
                [(vote.id, why) for vote, why in effect.idle],
                effect.changes,
                effect.left,
                effect.decision and effect.decision.id,
                effect.granted and effect.granted.id,
                effect.since,
                [effect.asks(voter) for voter in ("ann", "ben", "you")],
            )
            for effect in effects.values()
        ],
    )


@dataclass
class _Writer:
    """Makes a log step by step; draws whatever is left to chance."""

    draw: st.DrawFn
    values: list[bytes] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    branches: list[str] = field(default_factory=lambda: ["main"])
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def pick(self, *options):
        return self.draw(st.sampled_from(options))

    def yes(self) -> bool:
        return self.draw(st.integers(0, 2)) > 0

    def write(self, kind: type[Event], **fields) -> None:
        header = {"id": f"e{next(self.numbers)}", "branch": self.pick(*self.branches), "run": self.pick("", "", "r1")}
        if header["run"] and self.claims:
            header["claim"] = self.pick("", *self.claims[-2:])
        self.values.append(encode(kind(**header, **fields)))

    def of_call(self, kind: type[Event], *, of_digest: bool = False, **fields) -> None:
        if not self.proposals:
            return self.propose()
        asked = self.pick(*self.proposals)
        digest = {"digest": asked.digest} if of_digest else {}
        return self.write(kind, proposal=asked.proposal, **digest, **fields)

    # What may happen next ----------------------------------------------------------------------------------

    def propose(self) -> None:
        gate, arguments = self.pick(*GATES), {"amount": self.pick(1, 2)}
        made = {
            "proposal": f"p{len(self.proposals)}",
            "tool": "pay",
            "arguments": arguments,
            "digest": digest_of_effect("pay", arguments),
            "key": self.pick("", "k1", "k2"),
            "turn": "t9",
            "seen": len(self.values),
            "gate": msgspec.to_builtins(gate),
            "gate_digest": digest_of_gate(gate) if self.draw(st.integers(0, 3)) else "",
            "guards": self.pick((), ("ann",)),
            "rests": Rests(
                turns=self.pick((), ("t1",), ("t1", "t2")), files=self.pick({}, {"bread.md": 1}, {"bread.md": 2})
            ),
        }
        self.proposals.append(Proposal(id="", **made))
        self.write(Proposal, agent="cem", **made)

    def vote(self) -> None:
        seen = self.pick(0, len(self.values))
        self.of_call(Vote, of_digest=True, accept=self.yes(), agent=self.pick("ann", "ben", "you"), seen=seen)

    def decide(self) -> None:
        self.of_call(Decision, accepted=self.yes())

    def begin(self) -> None:
        self.of_call(EffectStarted, of_digest=True, owner="far:1:1")

    def end(self) -> None:
        if self.yes():
            self.of_call(EffectDone)
        else:
            self.of_call(EffectFailed, error="no")

    def grant(self) -> None:
        """Mostly a person's; some are used up or over soon."""
        count, within = self.pick(1, 1, 2), self.pick(0.005, 1000.0)
        self.write(
            Grant, agent=self.pick("you", "you", "ann"), tool="pay", of=self.pick("", "cem"), count=count, within=within
        )

    def revoke(self) -> None:
        self.write(GrantRevoked, agent="you", grant=f"e{self.draw(st.integers(0, max(0, len(self.values) - 1)))}")

    def edit(self) -> None:
        gate = self.pick(*GATES)
        self.of_call(GateEdited, gate=msgspec.to_builtins(gate), digest=digest_of_gate(gate))

    def file(self) -> None:
        data = {"digest": digest_of_contents(_FLOUR), "size": len(_FLOUR), **packed(_FLOUR)}
        self.write(File, path="bread.md", read=self.pick(0, 1, 2), turn=self.pick("t9", "t8", ""), **data)

    def fail(self) -> None:
        self.write(TurnFailed, agent="ann", turn=self.pick("t1", "t2", "t3"), error="500", retriable=True)

    def fork(self) -> None:
        name, parent = f"b{len(self.branches)}", self.pick(*self.branches)
        self.write(Fork, name=name, parent=parent, at=self.draw(st.integers(-1, len(self.values) - 1)))
        self.branches.append(name)

    def move(self) -> None:
        self.write(Head, to=self.pick(*self.branches))

    def claim(self) -> None:
        """A run is taken up: what its former holder still writes counts for nothing."""
        made = Claim(id=f"e{next(self.numbers)}", run="r1", owner="far:1:1", epoch=1, lease=0.0, fencing=True)
        self.claims.append(made.id)
        self.values.append(encode(made))

    def aside(self) -> None:
        if self.yes():
            self.write(Message, text="hi")
        else:
            self.write(Delta, turn="t1", seq=0, text="a")

    def again(self) -> None:
        """A record is stored once more."""
        if self.values:
            self.values.append(self.pick(*self.values))


_STEPS = {
    _Writer.propose: 2,
    _Writer.vote: 5,
    _Writer.decide: 4,
    _Writer.begin: 2,
    _Writer.end: 1,
    _Writer.edit: 1,
    _Writer.grant: 2,
    _Writer.revoke: 1,
    _Writer.file: 2,
    _Writer.fail: 1,
    _Writer.fork: 1,
    _Writer.move: 2,
    _Writer.claim: 1,
    _Writer.aside: 1,
    _Writer.again: 1,
}
_CHOICES = [step for step, weight in _STEPS.items() for _ in range(weight)]


@st.composite
def effect_logs(draw: st.DrawFn, *, longest: int = 40) -> list[bytes]:
    """Return the record values of a log of up to ``longest`` records."""
    writer = _Writer(draw)
    least = draw(st.sampled_from([0, longest // 4, longest // 2]))  # left to itself, hypothesis keeps lists short
    for step in draw(st.lists(st.sampled_from(_CHOICES), min_size=least, max_size=longest)):
        step(writer)
    return writer.values


def read(values: list[bytes]) -> Effects:
    """Return the effects of a log's record values."""
    return folded(stored(values))
