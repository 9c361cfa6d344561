"""Before a team starts: what would fail once it runs, and what it would ask of its models, without asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.agents.models.connection import preload
from agentpool_jupyter.agents.models.endpoint import call_limits, endpoint_of
from agentpool_jupyter.agents.prompt.build import build_prompt
from agentpool_jupyter.agents.reminders.lookup import check_recall
from agentpool_jupyter.agents.turns.budget import prompt_bound
from agentpool_jupyter.agents.turns.toolbox import tools_of, voters_of, voting_agents
from agentpool_jupyter.errors import SpecError
from agentpool_jupyter.pool import Document

from .redaction import redacted_team, redactor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentpool_jupyter.agents.team.spec import TeamSpec

    Functions = Mapping[str, Callable[[Document], Any]]
    """The functions that a team's Python agents name."""


def check_team(team: TeamSpec, functions: Functions, above: frozenset[str] = frozenset()) -> None:
    """Raise SpecError or UserError for what would only fail once the team runs, or one that it hands tasks to.

    ``above`` are the voters of the teams above it.
    """
    if any(agent.python is None for agent in team.agents):
        preload()
    for agent in team.agents:
        if agent.python is not None and not callable(functions.get(agent.python)):
            message = f"agent {agent.name!r}: there is no function {agent.python!r}; define it before this cell"
            raise SpecError(message)
    if team.until and not callable(functions.get(team.until)):
        message = f"there is no function {team.until!r} for `until`; define it before this cell"
        raise SpecError(message)
    tools_of(team, functions)
    voters_of(team, functions, above)
    plan(team, Document())
    check_recall(team)
    for sub in team.teams.values():
        check_team(sub.team, functions, above | voting_agents(team, functions))


class PlannedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's first turn as it would be sent."""

    agent: str
    model: str
    server: str
    messages: list[dict[str, str]]
    max_tokens: int
    reserved: int
    """Tokens set aside before the first call: an upper bound of the prompt's, and ``max_tokens`` or the stride."""
    starts: bool
    """It speaks as soon as the team starts; others wait for someone they listen to."""


def plan(team: TeamSpec, document: Document) -> list[PlannedTurn]:
    """Return the first turn of each agent that a model speaks for, over a document; nothing is called."""
    redactor = redactor_of(None, team)
    team, turns = redacted_team(team, redactor), []
    for agent in team.agents:
        if agent.python is not None:
            continue
        endpoint = endpoint_of(team, agent)
        limits = call_limits(team, agent, endpoint)
        prompt = build_prompt(document, team, agent, tokens=limits.context)
        turns.append(
            PlannedTurn(
                agent=agent.name,
                model=endpoint.model,
                server=endpoint.host,
                messages=redactor.data(prompt.messages) if redactor else prompt.messages,
                max_tokens=limits.max_tokens,
                reserved=prompt_bound(prompt.messages) + min(limits.stride or limits.max_tokens, limits.max_tokens),
                starts=agent.hears_task,
            )
        )
    return turns
