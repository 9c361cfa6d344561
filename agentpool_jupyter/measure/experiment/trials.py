"""Trials: which runs an experiment makes, and the team of each."""

from __future__ import annotations

import hashlib
import random
from itertools import count, cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from agentpool_jupyter.agents import AgentSpec, Team
from agentpool_jupyter.agents.team.spec import TASK
from agentpool_jupyter.agents.turns.mind import is_mind

from .board import TaskList, Way, worker_function

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from agentpool_jupyter.agents import TeamSpec

    from .tasks import Task

_GOAL, _BOARD = "all tasks are settled", "list"
_NO_END = 1_000_000  # turns of a board


class Trial(NamedTuple):
    """One run of an experiment."""

    way: Way
    n: int
    """How many workers."""
    repeat: int
    """From 1."""

    @property
    def told(self) -> str:
        """It, for people."""
        return f"{self.way}, n = {self.n}, repeat {self.repeat}"


def trials_of(ways: Sequence[Way], sizes: Sequence[int], repeats: int, seed: object) -> list[Trial]:
    """Return all trials in an order of chance, always the same for a seed; one agent alone is of size 1 only."""
    found = [
        Trial(way, n, repeat)
        for way in ways
        for n in ([1] if way == "alone" else sizes)
        for repeat in range(1, repeats + 1)
    ]
    random.Random(f"{seed}").shuffle(found)  # noqa: S311 - chance, not secrecy
    return found


def digest_of(spec: TeamSpec, tasks: Sequence[Task], attempts: int) -> str:
    """Return what tells whether two experiments are the same: SHA-256 of the team, the tasks and the limits.

    Functions count by their names.
    """
    named = [
        (one.name, one.text, one.needs, one.check if isinstance(one.check, str) else getattr(one.check, "__name__", ""))
        for one in tasks
    ]
    whole = {"team": spec.to_dict(), "tasks": named, "attempts": attempts}
    return hashlib.sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()


def sized(spec: TeamSpec, n: int) -> TeamSpec:
    """Return a team of ``n``: its first agents, or where it has fewer, all of them again, with numbers to their names.

    Who listens to somebody listens to all of those who are like that one, and to the task where nobody of them is left.
    """
    taken = {agent.name for agent in spec.agents}
    alike: dict[str, list[str]] = {}
    members = []
    for agent, place in zip(cycle(spec.agents), range(n), strict=False):
        name = _free(agent.name, taken) if place >= len(spec.agents) else agent.name
        taken.add(name)
        alike.setdefault(agent.name, []).append(name)
        members.append(msgspec.structs.replace(agent, name=name))

    def heard(agent: AgentSpec) -> AgentSpec:
        if not agent.listens:
            return agent
        names = [name for one in agent.listens for name in ([one] if one == TASK else alike.get(one, []))]
        names = [name for name in names if name != agent.name]
        return msgspec.structs.replace(agent, listens=tuple(names) or (TASK,))

    return msgspec.structs.replace(spec, agents=tuple(map(heard, members)))


def _free(name: str, taken: Collection[str]) -> str:
    return next(new for number in count(1) if (new := f"{name}-{number}" if number > 1 else name) not in taken)


class TrialTeam(NamedTuple):
    """The team of a trial, with the boards that tell it what to do."""

    team: Team
    workers: tuple[str, ...]
    tasks: TaskList | None
    """None where the team works on its task as it is."""


def team_of(
    spec: TeamSpec, functions: Mapping[str, Callable[..., Any]], trial: Trial, tasks: Sequence[Task], attempts: int
) -> TrialTeam:
    """Return the team of a trial: workers, and boards that work through the tasks in its way."""
    spec = sized(spec, trial.n)
    workers = tuple(agent.name for agent in spec.agents)
    if not tasks:
        return TrialTeam(Team(spec, functions=functions), workers, None)
    listed = TaskList(tasks, trial.way, workers, attempts, f"{trial}")
    functions = dict(functions) | {_GOAL: listed.settled}
    shared = trial.way == "pool"
    boards = {worker: _free(_BOARD if shared else f"{worker}-{_BOARD}", workers) for worker in workers}
    members = []
    for agent in spec.agents:
        how: dict[str, Any] = {"turns": attempts * len(tasks)}
        if not shared:
            how["listens"] = (boards[agent.name],)
        elif agent.listens is not None:
            how["listens"] = (*(agent.listens or (TASK,)), boards[agent.name])
        if agent.python is not None and not is_mind(functions[agent.python]):
            how["python"] = f"{agent.python} as {agent.name}"
            functions[how["python"]] = worker_function(functions[agent.python], listed, agent.name)
        members.append(msgspec.structs.replace(agent, **how))
    depend = any(task.needs for task in tasks)
    for board in dict.fromkeys(boards.values()):
        mine = [worker for worker in workers if boards[worker] == board]
        functions[board] = listed.common_board if shared else listed.board_of(mine[0])
        heard = workers if depend else mine  # who finishes a task may free one of another's
        members.append(AgentSpec(name=board, python=board, listens=(TASK, *heard), turns=_NO_END))
    task = spec.task if not shared else "\n".join([spec.task, "The tasks:", *(one.told for one in tasks)])
    spec = msgspec.structs.replace(spec, agents=tuple(members), task=task, until=_GOAL)
    return TrialTeam(Team(spec, functions=functions), workers, listed)
