"""Who must agree before something is done, and what their votes come to: pure functions of what was said in time.

Every way of deciding fails closed: where nobody is asked, where too few answer, where a way is not known, it is a no.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .events import Vote

PERSON = "you"
"""Who a person is among voters."""


class Gate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is asked before a tool is called, and how their answers are counted."""

    ask: tuple[str, ...]
    """Agents of the team, functions of the notebook, and ``you``; each has one vote."""
    policy: str = "all"
    """One of :data:`POLICIES`."""
    need: float | None = None
    """Of ``quorum``: how many votes, by weight; None is more than half of all."""
    weights: dict[str, float] = {}
    """Of ``quorum``: what a vote weighs, 1 where it is not said."""
    within: float | None = None
    """Seconds of the log's time in which votes count; None is no limit."""
    absent: Literal["no", "abstain", "ask"] = "no"
    """What becomes of a vote that does not come in time: it is a no; it counts for neither side, and as many have to
    agree as before; or a person answers in its place."""
    owner: str = ""
    """Of ``owner`` and ``arbiter``: whose vote decides."""
    margin: float = 0.0
    """Of ``score``: by how much the mean has to be above one half."""
    stale: Literal["ask", "ok"] = "ask"
    """Where what a proposal rests on changes (:mod:`.effects.basis`), or its gate is edited, before it is carried out:
    the votes that were cast before do not carry any more and all are asked again; or it stands as it was."""
    stake: int = 0
    """What each voter stakes on being right, in whole units that a ledger counts (:mod:`.effects.ledger`)."""
    shadow: bool = False
    """What would be decided is recorded, and all is let pass."""

    @property
    def lets_pass(self) -> list[str]:
        """What of it lets pass instead of failing closed, in words; nothing of a gate that is strict."""
        found = {
            "shadow: all pass, whatever the votes say": self.shadow,
            "absent: abstain: who does not answer in time is not counted": self.absent == "abstain",
            "stale: ok: votes stand when what they were about has changed": self.stale == "ok",
        }
        return [what for what, lets in found.items() if lets]

    @property
    def strict(self) -> Gate:
        """The same gate, failing closed."""
        return msgspec.structs.replace(self, shadow=False, absent="ask" if self.absent == "ask" else "no")


@dataclass(frozen=True)
class Tally:
    """The votes as a policy sees them, in the order in which they came."""

    gate: Gate
    votes: Mapping[str, Vote]
    absent: frozenset[str]
    """Who will not vote any more."""
    reputation: Mapping[str, float]

    @property
    def waiting(self) -> list[str]:
        """Who may still vote."""
        return [voter for voter in self.gate.ask if voter not in self.votes and voter not in self.absent]

    def of(self, *, accept: bool) -> list[str]:
        """Return who voted so; those who are absent for a no are among the noes."""
        said = [voter for voter, vote in self.votes.items() if vote.accept is accept]
        return said if accept or self.gate.absent != "no" else [*said, *self.absent]


class Verdict(NamedTuple):
    """What votes come to."""

    accepted: bool | None
    """None while that is open."""
    why: str


def judge(
    gate: Gate, votes: Mapping[str, Vote], *, closed: bool, reputation: Mapping[str, float] | None = None
) -> Verdict:
    """Return what votes come to; ``closed`` once none that comes later counts. Votes of who is not asked do not count.

    ``reputation`` weighs votes where the policy asks for it: from 0 to 1, one half where nothing is known.
    """
    if not gate.ask:
        return Verdict(accepted=False, why="nobody is there to agree")
    if gate.policy not in POLICIES:
        return Verdict(accepted=False, why=f"there is no policy {gate.policy!r}")
    cast = {voter: vote for voter, vote in votes.items() if voter in gate.ask}
    absent = frozenset(voter for voter in gate.ask if voter not in cast) if closed else frozenset()
    if absent and gate.absent == "ask" and absent != {PERSON}:
        if PERSON not in votes:
            return Verdict(accepted=None, why=f"{PERSON} in place of {_named(sorted(absent))}")
        cast |= dict.fromkeys(absent, votes[PERSON])
        absent = frozenset()
    tally = Tally(gate, cast, absent, reputation or {})
    accepted = POLICIES[gate.policy](tally)
    if accepted is None and not tally.waiting:
        accepted = False
    return Verdict(accepted, _told(tally, accepted))


def by_all(tally: Tally) -> bool | None:
    """Everyone agrees; who abstains is not counted, but somebody has to agree."""
    if tally.of(accept=False):
        return False
    return None if tally.waiting else bool(tally.of(accept=True))


def by_majority(tally: Tally) -> bool | None:
    """More than half of all who were asked agree; half is not enough."""
    return _reached(len(tally.of(accept=True)), len(tally.waiting), len(tally.gate.ask) / 2, above=True)


def by_quorum(tally: Tally) -> bool | None:
    """Votes that weigh at least ``need`` agree; without ``need``, more than half of all weights."""
    weights = {voter: max(0.0, tally.gate.weights.get(voter, 1.0)) for voter in tally.gate.ask}
    return _weighed(tally, weights, tally.gate.need)


def by_first(tally: Tally) -> bool | None:
    """The first vote decides."""
    return next((vote.accept for vote in tally.votes.values()), None if tally.waiting else False)


def by_confidence(tally: Tally) -> bool | None:
    """Once all have voted, the most confident vote decides; between equally confident ones that differ, it is a no."""
    if tally.waiting:
        return None
    best = max((_confidence(vote) for vote in tally.votes.values()), default=0.0)
    said = {vote.accept for vote in tally.votes.values() if _confidence(vote) == best}
    return said == {True}


def by_owner(tally: Tally) -> bool | None:
    """The owner's vote decides; the others advise."""
    return _vote_of(tally, tally.gate.owner)


def by_arbiter(tally: Tally) -> bool | None:
    """More than half of the others decide, either way; where they do not, the arbiter does."""
    owner = tally.gate.owner
    others = [voter for voter in tally.gate.ask if voter != owner]
    for accept in (True, False):
        if 2 * sum(voter != owner for voter in tally.of(accept=accept)) > len(others):
            return accept
    waiting = any(voter != owner for voter in tally.waiting)
    return None if waiting else _vote_of(tally, owner)


def by_score(tally: Tally) -> bool | None:
    """Once all have voted, their mean confidence in doing it is above one half by ``margin`` at least.

    A yes of confidence c counts c, a no counts 1 - c; without a confidence they count 1 and 0. Who is absent for a no
    counts 0; who abstains is not counted.
    """
    if tally.waiting:
        return None
    scores = [_confidence(vote, 1.0) if vote.accept else 1 - _confidence(vote, 1.0) for vote in tally.votes.values()]
    scores += [0.0] * (len(tally.absent) if tally.gate.absent == "no" else 0)
    return bool(scores) and math.fsum(scores) / len(scores) - 0.5 >= max(tally.gate.margin, 1e-9)


def by_reputation(tally: Tally) -> bool | None:
    """Votes that weigh more than half agree, each by how often its voter was right before.

    A voter who was right r times of n weighs (r + 1) / (n + 2) (Laplace's rule of succession).
    """
    return _weighed(tally, {voter: tally.reputation.get(voter, 0.5) for voter in tally.gate.ask}, None)


POLICIES: Mapping[str, Callable[[Tally], bool | None]] = {
    "all": by_all,
    "majority": by_majority,
    "quorum": by_quorum,
    "first": by_first,
    "confidence": by_confidence,
    "owner": by_owner,
    "arbiter": by_arbiter,
    "score": by_score,
    "reputation": by_reputation,
}
"""The ways to decide, by name; None where a vote that may still come decides."""


def _weighed(tally: Tally, weights: Mapping[str, float], need: float | None) -> bool | None:
    yes = math.fsum(weights[voter] for voter in tally.of(accept=True))
    waiting = math.fsum(weights[voter] for voter in tally.waiting)
    if need is None:
        return _reached(yes, waiting, math.fsum(weights.values()) / 2, above=True)
    return _reached(yes, waiting, max(need, 1e-9), above=False)


def _reached(yes: float, waiting: float, bar: float, *, above: bool) -> bool | None:
    """Return whether a bar is reached, or passed where that is asked; None where those who are waited for decide."""

    def enough(weight: float) -> bool:
        return weight > bar if above else weight >= bar

    if enough(yes):
        return True
    return None if waiting and enough(yes + waiting) else False


def _vote_of(tally: Tally, voter: str) -> bool | None:
    if voter in tally.votes:
        return tally.votes[voter].accept
    return None if voter in tally.waiting else False


def _confidence(vote: Vote, unsaid: float = 0.0) -> float:
    said = vote.confidence
    return min(max(said, 0.0), 1.0) if said is not None and math.isfinite(said) else unsaid


def _told(tally: Tally, accepted: bool | None) -> str:  # noqa: FBT001 - it may also be None
    if accepted is None:
        return f"waiting for {_named(tally.waiting)}"
    yes = [voter for voter, vote in tally.votes.items() if vote.accept]
    no = [voter for voter, vote in tally.votes.items() if not vote.accept]
    why = "; ".join(tally.votes[voter].text for voter in no if tally.votes[voter].text)
    parts = [
        f"{_named(voters)} {word}"
        for voters, word in (
            (yes, "agreed"),
            (no, f"refused ({why})" if why else "refused"),
            (sorted(tally.absent), "did not answer in time"),
        )
        if voters
    ]
    return "; ".join(parts)


def _named(voters: Iterable[str]) -> str:
    return ", ".join(voters)
