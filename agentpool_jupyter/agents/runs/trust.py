"""Where a team's texts and keys go, where that is not what this machine is set up for, and which programs it runs.

A pool may come from outside: a file that was imported, a topic that others write to. What it says about servers is
then a stranger's word, and to resume its run would carry the environment's keys to any server that the stranger names.
So are the programs that its agents may run here.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agentpool_jupyter.agents.models.credentials import KEY_VARIABLE, OPENAI_URL
from agentpool_jupyter.agents.models.endpoint import endpoint_of
from agentpool_jupyter.agents.models.providers import PROVIDERS
from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.pool import Pool


def sends_to(team: TeamSpec) -> set[str]:
    """Return the servers that a team names, each with the variables whose values it gets; in words.

    Not OpenAI and ``$OPENAI_BASE_URL`` with ``$OPENAI_API_KEY``, other well-known services with the variable of their
    own, nor this machine where it gets none.
    """
    usual = {one.base_url: one.api_key_env for one in PROVIDERS.values() if one.api_key_env}
    usual |= dict.fromkeys((OPENAI_URL, os.environ.get("OPENAI_BASE_URL", OPENAI_URL).rstrip("/")), KEY_VARIABLE)
    agents = [(one, agent) for one in team.whole() for agent in one.agents]
    found = {
        f"the MCP server `{tool.removeprefix('mcp:')}`"
        for team, agent in agents
        for tool in team.tools_of(agent)
        if tool.startswith("mcp:")
    }
    for team, agent in agents:  # noqa: PLR1704 - each in the team that it belongs to
        if agent.python is not None:
            continue
        endpoint = endpoint_of(team, agent)
        server = endpoint.base_url.rstrip("/")
        variables = {*(_variables(team) | _variables(agent)).values(), endpoint.key_variable} - {""}
        if variables <= {usual[server]} if server in usual else not variables and _is_here(server):
            continue
        secret = " and ".join(f"${name}" for name in sorted(variables))
        found.add(f"{server or 'the bundled model'}, with {secret}" if secret else server)
    return found


def runs_here(team: TeamSpec) -> set[str]:
    """Return the programs of this machine that a team's agents may run; in words."""
    return {f"the program {name!r}" for one in team.whole() for agent in one.agents for name in one.programs_of(agent)}


def check_trust(pool: Pool, team: TeamSpec) -> None:
    """Raise UserError where a team of a pool names what no team did that was started through this object."""
    servers, programs = (sorted(found - pool.trusted) for found in (sends_to(team), runs_here(team)))
    would = [f"send its texts to {'; and to '.join(servers)}"] if servers else []
    would += [f"run {', '.join(programs)} on this machine"] if programs else []
    if would:
        message = (
            f"the team in pool {pool.name!r} would {', and '.join(would)}: nothing was {'sent' if servers else 'run'}, "
            "for a pool from outside may name anything; where you mean it, say `%agents resume --trust`, or "
            "resume(…, trust=True)"
        )
        raise UserError(message)


def _variables(named: TeamSpec | AgentSpec) -> dict[str, str]:
    """Return the environment variables that a description names: in fields whose names end in ``_env``."""
    found: dict[str, str] = {}
    for field in named.__struct_fields__:
        value = getattr(named, field) if field.endswith("_env") else None
        if value:
            found |= (
                {f"{field}.{one}": name for one, name in value.items()} if isinstance(value, dict) else {field: value}
            )
    return found


def _is_here(server: str) -> bool:
    host = urlsplit(server).hostname or "localhost"
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
