"""``ap.blame``: which step of a failed run decided its failure, by intervention."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.agents.team.spec import Budget
from agentpool_jupyter.display.account import Account, Part
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.log import open_store
from agentpool_jupyter.snapshots.opening import open_pool

from .forks import ForkRun, Forks, check_forks
from .search import WilsonInterval, order, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentpool_jupyter.agents.runs.plan import Functions
    from agentpool_jupyter.pool import Document, Pool, Turn

REPEATS = 4
"""Tries from each step: the fewest by which the intervals of always and of never do not overlap."""
_MOST = 1000  # repeats of a step
_NEARLY = 0.99  # of a search, whose length is only expected


class BlamedStep(msgspec.Struct, frozen=True, kw_only=True):
    """How often a run turned out well when its first ``kept`` steps were kept and the team went on from there."""

    kept: int
    after: str
    """The last turn that was kept; empty where none was."""
    forks: list[ForkRun]

    @property
    def flips(self) -> int:
        """How often it turned out well."""
        return sum(fork.good is True for fork in self.forks)

    @property
    def tries(self) -> int:
        """How often that could be said."""
        return sum(fork.good is not None for fork in self.forks)

    @property
    def interval(self) -> WilsonInterval:
        """The share of flips, with a confidence of 95 %."""
        return wilson(self.flips, self.tries)

    @property
    def mostly_good(self) -> bool:
        """Whether at least half of the tries turned out well."""
        return self.tries > 0 and 2 * self.flips >= self.tries


class Blame(Account):
    """Which step of a run decided its failure; displays itself. Its forks are kept in a pool of their own."""

    def __init__(self, pool: Pool, run: str, forks: Forks, repeats: int) -> None:
        self.run = run
        self.repeats = repeats
        self.copy = forks.name
        """The name of the pool in which the forks are, each on a branch of its own; see :meth:`drop`."""
        self._store = pool.store.url
        self.turns: list[Turn] = forks.steps
        self.steps: list[BlamedStep] = []
        """What was tried, in the order in which it was."""
        self.culprit: str | None = None
        """The name of the turn that decided: with it the run mostly fails, without it mostly not. None: not found."""
        self.stopped = ""
        """Why it was not searched to the end; empty where it was."""

    @property
    def tokens(self) -> int:
        """What all forks took."""
        return sum(fork.tokens for step in self.steps for fork in step.forks)

    @property
    def sure(self) -> bool:
        """Whether the intervals with and without the culprit do not overlap; more repeats make it surer."""
        by_kept = {step.kept: step for step in self.steps}
        number = next((i for i, turn in enumerate(self.turns, 1) if turn.name == self.culprit), None)
        if number is None or number - 1 not in by_kept:
            return False
        kept = by_kept[number].interval.high if number in by_kept else 0.0  # the run itself, which failed
        return kept < by_kept[number - 1].interval.low

    def pool(self) -> Pool:
        """Open the pool in which the forks are."""
        return open_pool(self.copy, self._store, create=False)

    def drop(self) -> None:
        """Delete the forks for good; raises PoolNotFoundError where they were dropped already."""
        open_store(self._store).delete(self.copy)

    @property
    def head(self) -> str:
        """It in a line."""
        if self.culprit:
            doubt = "" if self.sure else "; so few repeats do not make it certain"
            return f"{self.culprit} decided the failure of run {self.run}{doubt}"
        if self.stopped:
            return f"what decided the failure of run {self.run} was not found: {self.stopped}"
        if any(step.kept == 0 for step in self.steps):
            return f"no step decided the failure of run {self.run}: begun again from its start, it mostly fails too"
        return f"what decided the failure of run {self.run} was not found"

    def _parts(self) -> list[Part]:
        rows = []
        for step in sorted(self.steps, key=lambda one: one.kept):
            low, high = step.interval
            kept = f"up to {step.after}" if step.after else "nothing"
            share = f"{step.flips} of {step.tries}"
            tokens = sum(fork.tokens for fork in step.forks)
            branches = ", ".join(fork.branch for fork in step.forks)
            rows.append((kept, share, f"{low:.2f} to {high:.2f}", tokens, branches))
        head = ("kept of the run", "turned out well", "95 % interval", "tokens", f"branches of pool {self.copy!r}")
        tried = [self._name(step.kept) for step in self.steps]
        parts = [Part("Gone on from there", Table(head, rows)), Part(f"Tried in this order: {', '.join(tried)}")]
        unclear = [fork for step in self.steps for fork in step.forks if fork.good is None]
        if unclear:
            lines = [f"{fork.branch}: {fork.reason}" for fork in unclear]
            parts.append(Part(f"{len(unclear)} forks decide nothing", "\n".join(lines)))
        if self.stopped:
            parts.append(Part(f"Not searched to the end: {self.stopped}"))
        return [*parts, Part(f"{self.tokens:,} tokens in all; .drop() deletes the forks")]

    def _name(self, kept: int) -> str:
        return f"after {self.turns[kept - 1].name}" if kept else "from the start"


def blame(
    pool: Pool,
    check: Callable[[Document], Any],
    *,
    run: str | None = None,
    repeats: int = REPEATS,
    budget: int | Mapping[str, int] | None = None,
    functions: Functions | None = None,
    every: bool = False,
    act: bool = False,
    trust: bool = False,
    progress: Callable[[float, str], object] | None = None,
) -> Blame:
    """Find the step that decided a run's failure: go on from its steps, and see how often it turns out well then.

    ``check`` takes a document and says whether it is good; it has to say no of the run (default: the pool's latest) as
    it ended. From each step that is tried the team goes on ``repeats`` times, in a copy of the pool; :mod:`.search`
    says which steps, and in which order, and with ``every`` it is all of them. ``functions`` are those that the team
    names. ``budget`` is the most tokens of all forks together (``{"tokens": N}`` is the same): before each, twice what
    the run took from there on is set aside, and where that no longer fits it ends. A team that calls tools needs
    ``act``: forks call them for real. ``trust`` is as of :func:`agentpool_jupyter.resume`. ``progress`` is told how far
    it is, from 0 to 1, and what came of each fork.

    Raises UserError where that cannot be done.
    """
    record = pool.runs.latest() if run is None else pool.runs.get(run)
    if record is None:
        known = ", ".join(pool.runs) or "no team ever ran there"
        message = f"no run {run or 'at all'} in pool {pool.name!r}: {known}"
        raise UserError(message)
    if not 1 <= repeats <= _MOST:
        message = f"repeats is {repeats}: use 1 to {_MOST}"
        raise UserError(message)
    most = _tokens(budget)
    functions = functions or {}
    check_forks(pool, record.id, functions, act=act, trust=trust)
    if check(pool.document(record.branch)):
        message = f"the check holds of run {record.id} as it ended: there is no failure to explain"
        raise UserError(message)
    with closing(Forks(pool, record.id, check, functions)) as forks:
        found = Blame(pool, record.id, forks, repeats)
        if not forks.steps:
            found.stopped = "it has no turn that ended"
            return found
        _search(found, forks, most, every=every, tell=progress or (lambda _share, _note: None))
    return found


def _search(found: Blame, forks: Forks, most: int | None, *, every: bool, tell: Callable[[float, str], object]) -> None:
    count = len(forks.steps)
    search = order(count, every=every)
    expected = found.repeats * (count if every else count.bit_length() + 1)
    tell(0.0, f"{count} steps")
    kept = next(search)
    while True:
        tried: list[ForkRun] = []
        found.steps.append(BlamedStep(kept=kept, after=forks.steps[kept - 1].name if kept else "", forks=tried))
        for number in range(1, found.repeats + 1):
            needed = forks.allowance(kept)
            left = None if most is None else most - found.tokens
            if left is not None and needed > left:
                found.stopped = f"of the budget {left:,} tokens are left, and the next fork sets {needed:,} aside"
                return
            fork = forks.go_on(kept, number, left)
            tried.append(fork)
            verdict = {True: "turned out well", False: "failed", None: f"undecided ({fork.reason})"}[fork.good]
            done = sum(len(step.forks) for step in found.steps)
            tell(min(done / expected, _NEARLY), f"{fork.branch}: {verdict}")
        if not found.steps[-1].tries:
            found.stopped = f"no fork {found._name(kept)} came to an end that decides: {tried[-1].reason}"  # noqa: SLF001
            return
        try:
            kept = search.send(found.steps[-1].mostly_good)
        except StopIteration as end:
            found.culprit = None if end.value is None else forks.steps[end.value - 1].name
            return


def _tokens(budget: int | Mapping[str, int] | None) -> int | None:
    if budget is None or isinstance(budget, int):
        most = budget
    else:
        unknown = set(budget) - set(Budget.__struct_fields__[:1])
        if unknown:
            message = f"the budget of a blame is in tokens, not in {', '.join(sorted(unknown))}"
            raise UserError(message)
        most = budget.get("tokens")
    if most is not None and most < 1:
        message = f"a budget of {most} tokens lets nothing be tried"
        raise UserError(message)
    return most
