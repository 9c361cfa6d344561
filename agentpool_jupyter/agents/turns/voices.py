"""Who speaks for each agent of a team: a model at a server, or a function of the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentpool_jupyter.agents.models.endpoint import Endpoint, Price, resolve
from agentpool_jupyter.agents.models.limits import call_limits
from agentpool_jupyter.agents.prompt.context import build_context
from agentpool_jupyter.agents.reminders.lookup import check_recall
from agentpool_jupyter.errors import SpecError
from agentpool_jupyter.pool import Document

from .voice import ModelVoice, PythonVoice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec

    from .writer import Stage


def endpoint_of(team: TeamSpec, agent: AgentSpec) -> Endpoint:
    """Return the server of an agent; raises UserError where a key or an extra is missing."""
    price = agent.price or team.price
    return resolve(
        agent.model or team.model,
        base_url=agent.base_url or team.base_url,
        api_key_env=agent.api_key_env or team.api_key_env,
        price=Price(price.input, price.output) if price else None,
    )


def check_team(team: TeamSpec, functions: Mapping[str, Callable[[Document], Any]]) -> None:
    """Raise SpecError or UserError for what would only fail once the team runs."""
    for agent in team.agents:
        if agent.python is None:
            limits = call_limits(team, agent, endpoint_of(team, agent))
            build_context(Document(), team, agent, tokens=limits.window)
        elif not callable(functions.get(agent.python)):
            message = f"agent {agent.name!r}: there is no function {agent.python!r}; define it before this cell"
            raise SpecError(message)
    check_recall(team)


def make_voices(
    stage: Stage, functions: Mapping[str, Callable[[Document], Any]]
) -> tuple[dict[str, ModelVoice | PythonVoice], list[ModelClient]]:
    """Return a voice for each agent, and the clients they share, one for each endpoint."""
    from agentpool_jupyter.agents.models.client import ModelClient  # noqa: PLC0415 - brings a client library that Python agents do without

    clients: dict[Endpoint, ModelClient] = {}
    voices: dict[str, ModelVoice | PythonVoice] = {}
    for agent in stage.team.agents:
        if agent.python is not None:
            voices[agent.name] = PythonVoice(stage, agent, functions[agent.python])
            continue
        endpoint = endpoint_of(stage.team, agent)
        if endpoint not in clients:
            clients[endpoint] = ModelClient(endpoint, silence=stage.team.silence)
        voices[agent.name] = ModelVoice(stage, agent, clients[endpoint], call_limits(stage.team, agent, endpoint))
    return voices, list(clients.values())
