"""Whether a team that reads well makes sense: names, who hears whom, whose gates there are, and who begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.errors import SpecError

from .fields import near
from .spec import TASK, TeamSpec

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_listens(spec: TeamSpec, lines: Mapping[str, int]) -> None:
    """Raise SpecError where an agent listens to one that does not exist; ``lines`` are those of the agents."""
    names = {agent.name for agent in spec.agents} | {TASK}
    for agent in spec.agents:
        for heard in agent.listens or ():
            if heard == agent.name:
                message = f"{agent.name} listens to itself: leave it out, its own thread is always in its context"
                raise SpecError(message, line=lines.get(agent.name))
            if heard not in names:
                hint = near(heard, sorted(names - {TASK}))
                message = f"{agent.name} listens to {heard!r}, which is no agent of this team{hint}"
                raise SpecError(message, line=lines.get(agent.name))


def check_gates(spec: TeamSpec) -> None:
    """Raise SpecError for a gate of a tool that nobody has, or one that names an owner who is not asked."""
    tools = {tool for team in spec.whole() for agent in team.agents for tool in team.tools_of(agent)}
    for name, gate in (item for team in spec.whole() for item in team.gates.items()):
        if name not in tools and not any(tool.startswith("mcp:") for tool in tools):  # whose names are not known yet
            message = f"`gates` has {name!r}, which is no tool of any agent{near(name, sorted(tools))}"
            raise SpecError(message)
        if (gate.policy in ("owner", "arbiter") or gate.owner) and gate.owner not in gate.ask:
            message = f"the gate of {name!r} needs an `owner` who is one of those that it asks: {', '.join(gate.ask)}"
            raise SpecError(message)


def check_names(spec: TeamSpec) -> None:
    """Raise SpecError where one name is given twice among a team and those below it."""
    taken: dict[str, str] = {}
    teams = [spec]
    for team in teams:
        teams += [sub.team for sub in team.teams.values()]
        named = [(agent.name, "an agent") for agent in team.agents] + [(name, "a team") for name in team.teams]
        for name, kind in named:
            if name in taken:
                message = f"{name!r} names {kind} and {taken[name]}: all agents and teams have names of their own"
                raise SpecError(message)
            taken[name] = kind


def check_start(spec: TeamSpec, lines: Mapping[str, int]) -> None:
    """Raise SpecError where agents wait for each other and nobody begins."""
    speaks = [agent for agent in spec.agents if spec.turns_of(agent) > 0]
    if not speaks:
        message = "nobody may speak: every agent has `turns: 0`"
        raise SpecError(message, line=lines.get(spec.agents[0].name))
    hear: dict[str, list[str]] = {}  # who listens to an agent by name; whoever listens to everyone hears the task
    for agent in speaks:
        for heard in agent.listens or ():
            hear.setdefault(heard, []).append(agent.name)
    started = {agent.name for agent in speaks if agent.hears_task}
    begin = list(started)
    while begin:
        more = set(hear.get(begin.pop(), ())) - started
        started |= more
        begin += more
    stuck = [agent.name for agent in speaks if agent.name not in started]
    if stuck:
        message = (
            f"{' and '.join(stuck)} can never start: they only wait for agents that never speak; "
            f"add '{TASK}' to the `listens` of {stuck[0]}"
        )
        raise SpecError(message, line=lines.get(stuck[0]))
