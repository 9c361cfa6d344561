"""Forks of a run: a copy of its pool, in which the team goes on from any step, each time on a branch of its own.

In a copy, because a log is never rewritten: what is tried here would stay in the pool for ever, and the run would be
another one there. The copy is a pool like any other, and can be dropped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.agents.runs.claims import fail_open_turns, start_run
from agentpool_jupyter.agents.runs.plan import check_team
from agentpool_jupyter.agents.runs.run import Run
from agentpool_jupyter.agents.runs.trust import check_trust
from agentpool_jupyter.agents.team.spec import Budget, TeamSpec
from agentpool_jupyter.agents.turns.budget import spent
from agentpool_jupyter.effects.files.turn_files import FILE_TOOLS
from agentpool_jupyter.errors import RunFailedError, UserError
from agentpool_jupyter.pool import Position
from agentpool_jupyter.snapshots.opening import open_pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agentpool_jupyter.agents.runs.plan import Functions
    from agentpool_jupyter.pool import Document, Pool, Turn

_MARGIN = 2  # times what the failed run took from a step on: what a fork from there may take
_PATIENCE = (60.0, 10)  # seconds, and times the failed run's own: what a fork may last
_UNDECIDED = {"budget", "timeout", "failed", "lost", "stopped", "moved", "refused"}


class ForkRun(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the team went on from a step."""

    kept: int
    """How many of the run's steps were kept."""
    branch: str
    """Where it is to be seen, in the copy."""
    good: bool | None
    """What the check said of it; None where the fork came to no end of its own, or the check raised."""
    reason: str
    """Why it ended, or what the check raised."""
    tokens: int


class Forks:
    """A copy of a pool in which one of its runs goes on from any of its steps. Close it at the end."""

    def __init__(self, pool: Pool, run: str, check: Callable[[Document], Any], functions: Functions) -> None:
        record = pool.runs[run]
        self._run, self._check, self._functions = run, check, functions
        self._branch, self._start = record.branch, record.start
        self._team = TeamSpec.from_dict(record.spec)
        document = pool.document(record.branch)
        ended = [turn for turn in document.turns if turn.run == run and turn.end is not None]
        self.steps: list[Turn] = sorted(ended, key=lambda turn: turn.end or 0)
        """The turns of the run, in the order in which they ended."""
        self._taken = [turn.usage.total if turn.usage else 0 for turn in self.steps]
        sizes = [turn.context.get("sizes", {}) for turn in self.steps]
        self._longest = max((sum(size.values()) for size in sizes if isinstance(size, dict)), default=0)
        times = [turn.time for turn in self.steps]
        least, more = _PATIENCE
        self._seconds = least + more * (max(times, default=0) - min(times, default=0)) / 1000
        self.name = _free(pool)
        """The name of the copy."""
        pool.store.restore(self.name, pool.log.read(0, pool.end))
        self._copy = open_pool(self.name, pool.store.url, snapshot_every=0)
        self._copy.trusted |= pool.trusted

    def allowance(self, kept: int) -> int:
        """Return the tokens that are set aside for a fork after so many steps; 0 where no model was asked."""
        taken = sum(self._taken[kept:])
        return math.ceil(_MARGIN * taken) + self._team.max_tokens if taken else 0

    def go_on(self, kept: int, number: int, most: int | None = None) -> ForkRun:
        """Let the team go on from right after the first ``kept`` steps, on a new branch, and judge what it comes to.

        It takes ``most`` tokens at the most. What people said later is not said again. The team's seed, where it has
        one, is another each time.
        """
        copy = self._copy
        at = self.steps[kept - 1].end if kept else self._start - 1
        branch = copy.fork(f"step-{kept}-try-{number}", Position(self._branch, -1 if at is None else at))
        copy.switch(branch)
        before = spent(copy, self._run)
        # A call sets aside more than it takes: there has to be room for one of each agent.
        limit = self.allowance(kept) + len(self._team.agents) * (self._longest + self._team.max_tokens)
        budget = Budget(
            tokens=before + (limit if most is None else min(limit, most)),
            seconds=min(self._seconds, self._team.budget.seconds or self._seconds),
        )
        seed = None if self._team.seed is None else self._team.seed + number
        team = msgspec.structs.replace(self._team, budget=budget, seed=seed)
        claim = start_run(copy, self._run, branch, team, resumed=True)
        fail_open_turns(copy, claim, branch, "the failed run's")
        run = Run(copy, team, claim=claim, branch=branch, functions=self._functions).start()
        try:
            run.wait()
        except RunFailedError:
            pass  # its reason says so
        except BaseException:
            run.stop()
            raise
        tokens = max(0, spent(copy, self._run) - before)
        good, reason = None, run.reason
        if reason not in _UNDECIDED:
            good, reason = _judged(self._check, copy.document(branch), reason)
        return ForkRun(kept=kept, branch=branch, good=good, reason=reason, tokens=tokens)

    def close(self) -> None:
        """Let go of the copy; it stays until it is dropped."""
        self._copy.close()


def check_forks(pool: Pool, run: str, functions: Functions, *, act: bool, trust: bool) -> None:
    """Raise UserError where a run cannot be tried again, or would act on the world without leave."""
    if pool.runs.alive():
        message = f"a team runs in pool {pool.name!r}: wait for its end, or stop it with `%agents stop {pool.name}`"
        raise UserError(message)
    team = TeamSpec.from_dict(pool.runs[run].spec)
    if not trust:
        check_trust(pool, team)
    check_team(team, functions)
    acts = {
        name
        for one in team.whole()
        for agent in one.agents
        for name in (*one.tools_of(agent), *one.programs_of(agent))
        if name not in one.teams and name not in FILE_TOOLS
    }
    if acts and not act:
        message = (
            f"the team calls {', '.join(sorted(acts))}, and each fork would call them again for real: allow it "
            "(act=True, `--act`), best with functions that only pretend"
        )
        raise UserError(message)


def _judged(check: Callable[[Document], Any], document: Document, reason: str) -> tuple[bool | None, str]:
    try:
        return bool(check(document)), reason
    except Exception as error:  # noqa: BLE001 - whatever the user's function raises decides nothing
        return None, f"the check raised {type(error).__name__}: {error}"


def _free(pool: Pool) -> str:
    names = set(pool.store.names())
    number = 1
    while (name := f"{pool.name}-blame" + (f"-{number}" if number > 1 else "")) in names:
        number += 1
    return name
