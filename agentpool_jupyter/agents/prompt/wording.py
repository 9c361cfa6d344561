"""The words of a prompt, around the texts that stand in it.

Prompts are not stored: they are rebuilt from the log when somebody asks for them, so a wording that was ever used has
to stay known. Each record names the :data:`VERSION` by which its prompt was worded; whoever changes a word here, or in
:mod:`.frame`, raises it, keeps the old words for the older versions, and pins the new ones in the test of this module.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from agentpool_jupyter.pool.words import SPEAKING

from .frame import section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.pool import Turn

VERSION = 1
"""Of the words below; records without one are of the first."""
_NAMED = 12  # others that are named to an agent: naming all of a large team to all of it grows as the square


def system_words(team: TeamSpec, agent: AgentSpec) -> str:
    """Return what an agent is told of itself and of the others."""
    names = list(islice((other.name for other in team.agents if other.name != agent.name), _NAMED))
    unnamed = len(team.agents) - 1 - len(names)
    others = ", ".join(names) + (f" and {unnamed} more" if unnamed else "")
    beside = f" The others are {others}; nobody leads, and everyone reads what everyone writes." if others else ""
    job = f" Your job: {agent.role}" if agent.role else ""
    return f"You are {agent.name}.{job}{beside} Be brief and concrete."


def closing_words(team: TeamSpec, agent: AgentSpec) -> str:
    """Return what stands last."""
    # The task stands last because small models answer what they read last; large ones do not mind.
    return f"The task: {team.task}" + (f"\nYour job: {agent.role}" if agent.role else "")


def user_words(sections: Sequence[str], hits: Sequence[str], closing: str) -> str:
    """Return what an agent is told of the team's work: turns and what was recalled, each as a section."""
    parts = ["What the team has written so far, each text set in below its author:", *sections] if sections else []
    if hits:
        parts += ["From earlier work, which may help:", *hits]
    return "\n\n".join([*parts, closing])


def turn_section(turn: Turn, agent: AgentSpec, text: str) -> str:
    """Return what an agent reads of a turn, whose text may be cut."""
    marks = []
    if turn.agent == agent.name:
        marks.append("you")
    if turn.status == "running":
        marks.append(SPEAKING)
    elif turn.status in ("failed", "cancelled"):
        marks.append("broken off")
    mark = f" ({', '.join(marks)})" if marks else ""
    return section(f"{turn.name}{mark}", text)
