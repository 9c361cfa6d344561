"""Teams: from a description to a run, and from an interrupted run to one that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

from agentpool_jupyter.agents.models.connection import preload
from agentpool_jupyter.agents.team.parse import parse_team
from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.errors import UserError

from .claims import claim, fail_open_turns
from .plan import check_team
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentpool_jupyter.pool import Document, Pool

    Functions = Mapping[str, Callable[[Document], Any]]


class Team:
    """A team of agents that can be started in a pool.

    ``functions`` holds what its Python agents name: ``(document) -> str | None``, plain or async.
    """

    def __init__(self, spec: TeamSpec, *, functions: Functions | None = None) -> None:
        self.spec = spec
        self.functions = functions or {}
        if any(agent.python is None for agent in spec.agents):
            preload()

    @classmethod
    def from_yaml(
        cls,
        text: str,
        *,
        functions: Functions | None = None,
        variables: Mapping[str, Any] | None = None,
        first_line: int = 1,
    ) -> Self:
        """Return the team that a text describes: YAML, or a plain task for the default team.

        ``variables`` fill ``{{name}}`` in it. Raises SpecError, which names the line and the fix.
        """
        return cls(parse_team(text, first_line=first_line, variables=variables), functions=functions)

    def start(self, pool: Pool) -> Run:
        """Start the team on the pool's current branch and return at once.

        Raises UserError where a key, an extra or a function is missing, RunActiveError where a team runs there.
        """
        check_team(self.spec, self.functions)
        run, branch = f"run-{pool.new_id()}", pool.branch
        epoch = claim(pool, run, branch, self.spec)
        return self._launch(pool, run, branch, epoch)

    def _launch(self, pool: Pool, run: str, branch: str, epoch: int) -> Run:
        started = Run(pool, self.spec, run=run, branch=branch, epoch=epoch, functions=self.functions)
        started.start()
        return started

    def __repr__(self) -> str:
        return f"<Team of {', '.join(agent.name for agent in self.spec.agents)}: {self.spec.task!r}>"


def resume(
    pool: Pool,
    run: str | None = None,
    *,
    functions: Functions | None = None,
    budget: Mapping[str, float] | None = None,
    turns: int | None = None,
) -> Run:
    """Go on with a run (default: the pool's latest) from where the log has it, on the pool's current branch.

    Finished turns are not asked for again; turns that had not ended are taken anew. What ``budget`` names
    (``tokens``, ``seconds``) takes the place of the team's, for the whole run with what it has taken so far; so does
    ``turns``, for all agents that have no number of their own. Raises UserError where there is no such run,
    RunActiveError where it is alive.
    """
    runs = pool.runs
    if not runs:
        message = f"nothing to resume: no team ever ran in pool {pool.name!r}"
        raise UserError(message)
    if run is not None and run not in runs:
        message = f"pool {pool.name!r} has no run {run!r}; there are: {', '.join(runs)}"
        raise UserError(message)
    record = runs[run] if run is not None else list(runs.values())[-1]
    spec = TeamSpec.from_dict(record.spec)
    if budget is not None:
        spec = msgspec.structs.replace(spec, budget=msgspec.structs.replace(spec.budget, **budget))
    if turns is not None:
        spec = msgspec.structs.replace(spec, turns=turns)
    team = Team(spec, functions=functions)
    check_team(team.spec, team.functions)
    left, owner, branch = record.branch, record.owner, pool.branch
    epoch = claim(pool, record.id, branch, team.spec, resumed=True)
    fail_open_turns(pool, record.id, left, owner)  # not before: only one of those who resume at once may
    return team._launch(pool, record.id, branch, epoch)  # noqa: SLF001 - the same module's other half
