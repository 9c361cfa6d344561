"""Whether a team that reads well makes sense: who can hear whom, and whether somebody begins."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import SpecError

from .spec import TASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .spec import TeamSpec

_LISTED = 12


def near(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, or some of them."""
    names = list(known)
    found = difflib.get_close_matches(word, names, n=1)
    shown = sorted(name for name in names if not name.startswith("_"))[:_LISTED]
    return f"; did you mean {found[0]!r}?" if found else f"; there are: {', '.join(shown) or 'none'}"


def check_listens(spec: TeamSpec, lines: Mapping[str, int]) -> None:
    """Raise SpecError where an agent listens to one that does not exist; ``lines`` are those of the agents."""
    names = [agent.name for agent in spec.agents]
    for agent in spec.agents:
        for heard in agent.listens or ():
            if heard == agent.name:
                message = f"{agent.name} listens to itself: leave it out, its own thread is always in its context"
                raise SpecError(message, line=lines.get(agent.name))
            if heard not in (*names, TASK):
                hint = near(heard, names)
                message = f"{agent.name} listens to {heard!r}, which is no agent of this team{hint}"
                raise SpecError(message, line=lines.get(agent.name))


def check_start(spec: TeamSpec, lines: Mapping[str, int]) -> None:
    """Raise SpecError where agents wait for each other and nobody begins."""
    speaks = [agent for agent in spec.agents if spec.turns_of(agent) > 0]
    if not speaks:
        message = "nobody may speak: every agent has `turns: 0`"
        raise SpecError(message, line=lines.get(spec.agents[0].name))
    started = {agent.name for agent in speaks if agent.hears_task}
    while more := {a.name for a in speaks if any(a.hears(name) for name in started)} - started:
        started |= more
    stuck = [agent.name for agent in speaks if agent.name not in started]
    if stuck:
        message = (
            f"{' and '.join(stuck)} can never start: they only wait for agents that never speak; "
            f"add '{TASK}' to the `listens` of {stuck[0]}"
        )
        raise SpecError(message, line=lines.get(stuck[0]))
