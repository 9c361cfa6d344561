"""The effects of a pool: the one fold of its events into calls of tools, whoever reads them and in whatever pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.events import (
    Decision,
    EffectDone,
    EffectFailed,
    EffectStarted,
    Event,
    File,
    GateEdited,
    Grant,
    GrantRevoked,
    Head,
    Proposal,
    TurnFailed,
    Vote,
)

from .basis import Basis, Change, change_by
from .effect import Effect, digest_of_effect
from .grants import Grants
from .ledger import Ledger

if TYPE_CHECKING:
    from agentpool_jupyter.pool.branches import Branches
    from agentpool_jupyter.pool.runs import Runs

_STEPS = (Vote, GateEdited, Decision, EffectStarted, EffectDone, EffectFailed)
_HEEDED = (Proposal, Grant, GrantRevoked, File, TurnFailed, Head, *_STEPS)
"""All that effects are folded from; snapshots keep them, so that no other event may matter here, not even its time."""
_LEFT = "its line was left"
_EVER = 2**62  # an offset behind every log's end


class Effects(dict[str, Effect]):
    """The effects of a pool by id, oldest first, folded from its events."""

    def __init__(self, runs: Runs, branches: Branches) -> None:
        super().__init__()
        self._runs = runs
        self._branches = branches
        self._seen: set[str] = set()
        self._basis = Basis()
        self.grants = Grants()
        """What a person has agreed to beforehand."""
        self.ledger = Ledger()
        """What votes have come to, where something was staked."""
        self._open: dict[str, Effect] = {}  # those for which it matters that what they rest on changes
        self._by_key: dict[str, str] = {}
        self._records: dict[str, tuple[int, int]] = {}  # of each voter, how often it was right, of how many votes
        self._settled: set[str] = set()
        self.reputation: dict[str, float] = {}
        """How far voters were right before, from 0 to 1: a yes to what was then done, a no to what failed."""

    def absorb(self, event: Event) -> None:
        """Take in the next event of the log, which its runs and branches have taken in already."""
        if not isinstance(event, _HEEDED) or event.id in self._seen or is_late(event, self._runs.claims.fences):
            return
        self._seen.add(event.id)  # stored again, what did not count then could count now
        self.grants.time = max(self.grants.time, event.time)
        match event:
            case Proposal():
                self._propose(event)
            case Grant() | GrantRevoked():
                self.grants.absorb(event)
            case File() | TurnFailed():
                self._change(event)
            case Head():
                self._move(event)
            case _ if isinstance(event, _STEPS) and event.proposal in self:
                effect = self[event.proposal]
                effect.absorb(event)
                self._learn(effect)
                if not effect.is_open:
                    self._open.pop(effect.id, None)

    def of_key(self, key: str) -> Effect | None:
        """Return the first effect of a key, None where there is none; a later one where that was left undecided."""
        return self.get(self._by_key.get(key, ""))

    def waiting(self, branch: str, last: int = _EVER) -> list[Effect]:
        """Return what waits for somebody to agree on a line that ends at an offset, oldest first.

        What is asked for in teams that were handed a task there waits there, too.
        """
        line = dict(self._branches.line(branch, last))
        return [effect for effect in self.values() if effect.status == "waiting" and self._stands(effect, line)]

    def _propose(self, event: Proposal) -> None:
        if not event.tool or event.proposal in self or event.digest != digest_of_effect(event.tool, event.arguments):
            return
        effect = self[event.proposal] = Effect(event, self._runs.claims, self.reputation, self.grants)
        known = self.of_key(event.key)
        if event.key and (known is None or (known.left and known.status == "waiting")):
            self._by_key[event.key] = event.proposal
        if effect.is_open:
            self._open[effect.id] = effect
            for change in self._basis.at_birth(event):
                effect.change(change)

    def _change(self, event: File | TurnFailed) -> None:
        if self._basis.absorb(event) and self._open:
            line = dict(self._branches.line(event.branch, _EVER))
            for effect in self._open.values():
                if change := change_by(event, effect.proposal, line):
                    effect.change(change)

    def _move(self, event: Head) -> None:
        """Take note of what is no more on the current line, and of what is there again."""
        line = dict(self._branches.line(self._branches.head, _EVER))
        for effect in self._open.values():
            stands = self._stands(effect, line)
            if not stands and not effect.left:
                effect.change(Change(event.offset, _LEFT))
            effect.left = not stands

    def _stands(self, effect: Effect, line: dict[str, int]) -> bool:
        """Return whether an effect is on a line, or that is by which its team was handed its task."""
        asked: Effect | None = effect
        while asked is not None and asked.proposal.offset > line.get(asked.proposal.branch, -1):
            run = self._runs.get(asked.proposal.run)
            asked = self.of_key(run.key) if run else None
            asked = asked if asked and run and asked.proposal.run == run.parent else None
        return asked is not None

    def _learn(self, effect: Effect) -> None:
        """Take in, for the reputation of its voters and the ledger, that an effect has ended for certain; once."""
        if effect.status not in ("done", "failed") or effect.id in self._settled:
            return
        self._settled.add(effect.id)
        self.ledger.settle(effect)
        for voter, vote in effect.votes.items():
            right, votes = self._records.get(voter, (0, 0))
            right, votes = right + (vote.accept is (effect.status == "done")), votes + 1
            self._records[voter] = right, votes
            self.reputation[voter] = (right + 1) / (votes + 2)
