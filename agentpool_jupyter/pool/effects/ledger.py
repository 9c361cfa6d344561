"""Who was right about what was done, in whole units of what a gate had them stake on it (``stake: N``).

What is decided is settled once: when it is known for certain that it was done, or that it failed. A yes to what was
done was right, and a no to what failed. Each voter who was wrong pays the stake; those who were right share it equally,
and what is left of that goes to those of them who had voted first, one unit each. So nothing is made and nothing lost:
all balances come to 0. Where all were right, or all wrong, nobody pays. What was refused is never settled, for nobody
can know what it would have come to; a rollback takes back no settlement, for what was done was done.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.display.table import Table

if TYPE_CHECKING:
    from .effect import Effect


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one vote came to."""

    effect: str
    """The id of the call that was voted on."""
    told: str
    """The call in a line."""
    outcome: str
    """``done`` or ``failed``."""
    voter: str
    accept: bool
    amount: int
    """What the voter earned by it; below 0 what was paid."""


class Ledger:
    """The settlements of a pool, oldest first; displays itself."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        """One of each vote on what was settled."""

    @property
    def balances(self) -> dict[str, int]:
        """What each voter has earned in all; it comes to 0."""
        sums: Counter[str] = Counter()
        for entry in list(self.entries):
            sums[entry.voter] += entry.amount
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))

    def settle(self, effect: Effect) -> None:
        """Take in an effect that has ended for certain; called once for each."""
        stake, done = (effect.gate.stake if effect.gate else 0), effect.status == "done"
        if stake <= 0:
            return
        right = [voter for voter, vote in effect.votes.items() if vote.accept is done]
        wrong = [voter for voter in effect.votes if voter not in right]
        earned = dict.fromkeys(effect.votes, 0)
        if right and wrong:
            share, rest = divmod(stake * len(wrong), len(right))
            earned |= dict.fromkeys(wrong, -stake)
            earned |= {voter: share + (place < rest) for place, voter in enumerate(right)}
        self.entries += [
            LedgerEntry(
                effect=effect.id,
                told=effect.told,
                outcome=effect.status,
                voter=voter,
                accept=effect.votes[voter].accept,
                amount=amount,
            )
            for voter, amount in earned.items()
        ]

    def _tables(self) -> list[Table]:
        sums = [(voter, f"{amount:+d}") for voter, amount in self.balances.items()]
        rows = [
            (one.voter, f"{one.amount:+d}", "yes" if one.accept else "no", one.told, one.outcome)
            for one in list(self.entries)
        ]
        empty = "nothing is settled: no gate had a `stake`, or nothing of it has ended"
        tables = [Table(("voter", "balance"), sums, empty=empty, numbers=True)]
        return tables + ([Table(("voter", "earned", "by the vote", "on", "which was"), rows)] if rows else [])

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self._tables()))

    def _repr_html_(self) -> str:
        return "".join(table._repr_html_() for table in self._tables())
