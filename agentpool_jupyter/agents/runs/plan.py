"""What a team would ask of its models now, without asking: exact prompts and token reservations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.agents.models.limits import call_limits
from agentpool_jupyter.agents.prompt.context import build_context
from agentpool_jupyter.agents.turns.budget import prompt_bound
from agentpool_jupyter.agents.turns.voices import endpoint_of

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Document


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
    turns = []
    for agent in team.agents:
        if agent.python is not None:
            continue
        endpoint = endpoint_of(team, agent)
        limits = call_limits(team, agent, endpoint)
        context = build_context(document, team, agent, tokens=limits.window)
        turns.append(
            PlannedTurn(
                agent=agent.name,
                model=endpoint.model,
                server=endpoint.host,
                messages=context.messages,
                max_tokens=limits.max_tokens,
                reserved=prompt_bound(context.messages) + min(limits.stride or limits.max_tokens, limits.max_tokens),
                starts=agent.hears_task,
            )
        )
    return turns
