"""Teams: from a description to a run, and from an interrupted run to one that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

from agentpool_jupyter.agents.models.connection import preload
from agentpool_jupyter.agents.team.parse import parse_team
from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.errors import UserError

from .claims import fail_open_turns, start_run
from .plan import check_team
from .redaction import redacted_team, redactor_of
from .run import Run
from .trust import check_trust, runs_here, sends_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentpool_jupyter.effects.voters import Voter
    from agentpool_jupyter.pool import Pool

    from .plan import Functions


class Team:
    """A team of agents that can be started in a pool.

    ``functions`` holds what its Python agents name: ``(document) -> str | None``, plain or async.
    """

    def __init__(self, spec: TeamSpec, *, functions: Functions | None = None) -> None:
        if any(agent.python is None for agent in spec.agents):
            preload()  # meanwhile a pool is opened, most likely
        self.spec = spec
        self.functions = functions or {}

    @classmethod
    def from_yaml(
        cls,
        text: str,
        *,
        functions: Functions | None = None,
        variables: Mapping[str, Any] | None = None,
        first_line: int = 1,
        warn: Callable[[str], object] | None = None,
    ) -> Self:
        """Return the team that a text describes: YAML, or a plain task for the default team.

        ``variables`` fill ``{{name}}`` in it; what may not be meant so is told to ``warn`` (default: as a
        SpecWarning). Raises SpecError, which names the line and the fix.
        """
        told = {} if warn is None else {"warn": warn}
        return cls(parse_team(text, first_line=first_line, variables=variables, **told), functions=functions)

    def start(self, pool: Pool, branch: str | None = None) -> Run:
        """Start the team on the pool's current branch and return at once.

        On a ``branch`` that is named, the run goes on wherever the pool's head is.

        Raises UserError where a key, an extra or a function is missing, RunActiveError where a team runs there.
        """
        check_team(self.spec, self.functions)
        run, line = f"run-{pool.new_id()}", branch or pool.branch
        pool.trusted |= sends_to(self.spec) | runs_here(self.spec)
        spec = redacted_team(self.spec, redactor_of(pool, self.spec))
        claim = start_run(pool, run, line, spec)
        above: dict[str, Voter] | None = {} if branch else None  # as of a task handed over: not bound to the head
        return Run(pool, spec, claim=claim, branch=line, functions=self.functions, above=above).start()

    def __repr__(self) -> str:
        return f"<Team of {', '.join(agent.name for agent in self.spec.agents)}: {self.spec.task!r}>"


def resume(
    pool: Pool,
    run: str | None = None,
    *,
    functions: Functions | None = None,
    budget: Mapping[str, float] | None = None,
    turns: int | None = None,
    trust: bool = False,
) -> Run:
    """Go on with a run (default: the pool's latest) from where the log has it, on the pool's current branch.

    Finished turns are not asked for again; turns that had not ended are taken anew. What ``budget`` names
    (``tokens``, ``seconds``) takes the place of the team's, for the whole run with what it has taken so far; so does
    ``turns``, for all agents that have no number of their own. Raises UserError where there is no such run,
    RunActiveError where it is alive.

    Raises UserError, too, where it names servers or keys' variables that are not OpenAI's, or programs, and no team did
    that was started through this pool: with ``trust`` they are taken, as yours.
    """
    runs = pool.runs
    record = runs.latest() if run is None else runs.get(run)
    if not runs:
        message = f"nothing to resume: no team ever ran in pool {pool.name!r}"
        raise UserError(message)
    if record is None:
        message = f"pool {pool.name!r} has no run {run!r}; there are: {', '.join(runs)}"
        raise UserError(message)
    if record.parent:
        message = f"run {run} works for run {record.parent}, which goes on with it: resume that one"
        raise UserError(message)
    team, functions = TeamSpec.from_dict(record.spec), functions or {}
    if budget is not None:
        team = msgspec.structs.replace(team, budget=msgspec.structs.replace(team.budget, **budget))
    if turns is not None:
        team = msgspec.structs.replace(team, turns=turns)
    if not trust:
        check_trust(pool, team)
    check_team(team, functions)
    left, owner, branch = record.branch, record.owner, pool.branch
    claim = start_run(pool, record.id, branch, team, resumed=True)
    fail_open_turns(pool, claim, left, owner)  # not before: only one of those who resume at once may
    return Run(pool, team, claim=claim, branch=branch, functions=functions).start()
