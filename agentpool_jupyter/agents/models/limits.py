"""What one call of an agent's model may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.agents.team.spec import LOCAL_WINDOW, WINDOW

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec

    from .endpoint import Endpoint


class CallLimits(NamedTuple):
    """What one call of an agent's model may take."""

    max_tokens: int
    window: int
    """Most prompt tokens, estimated."""
    temperature: float | None
    stride: int = 0
    """Most completion tokens before the pool is read again; 0 is no such limit."""


def call_limits(team: TeamSpec, agent: AgentSpec, endpoint: Endpoint) -> CallLimits:
    """Return an agent's own limits where it has some, else its team's."""
    return CallLimits(
        max_tokens=agent.max_tokens or team.max_tokens,
        window=team.context or (LOCAL_WINDOW if endpoint.local else WINDOW),
        temperature=team.temperature if agent.temperature is None else agent.temperature,
        stride=team.stride_of(agent),
    )
