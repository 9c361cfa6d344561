"""The cue: what an agent is to be reminded of before it speaks.

Before a first call, what is new to the agent is asked, that is, what others have said and it has not read in a finished
turn, because that is what it is about to answer; where nothing is new, the task. Before a stride, what it is saying
itself, because that is where its reasoning stands. Of each text its last passage is asked as a whole, and its last
thoughts one by one: whole turns hardly resemble each other, single thoughts do.

Left out are turns that are in the prompt already, the present turn, what the prompt says already in other turns or
pools, and turns of this pool by agents to whom this one does not listen. Attempts that failed were never indexed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.agents.prompt.frame import unframed
from agentpool_jupyter.agents.prompt.record import turns_read
from agentpool_jupyter.agents.team.spec import RecallSpec
from agentpool_jupyter.recall.text.passages import SIZE
from agentpool_jupyter.recall.text.thoughts import thoughts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.agents.prompt.build import Prompt
    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.pool import Document, Turn

_TURNS = 3  # new turns that are asked about, the latest
_THOUGHTS = 4  # of each text, the last


class Cue(NamedTuple):
    """What an agent is to be reminded of, and of what not."""

    spec: RecallSpec
    texts: tuple[str, ...]
    """What earlier reasoning is to resemble, or to contain."""
    known: str
    """What stands in the prompt already, and what is being said: it is not to be said twice."""
    besides: frozenset[str] = frozenset()
    """Turns that are not wanted, by id, in whatever pool."""
    unheard: frozenset[str] = frozenset()
    """Agents whose turns in the run's own pool are not wanted."""
    seen: int = 0
    """One past the last offset of the run's own pool that counts: what came later is read, not recalled."""


def cue_of(document: Document, team: TeamSpec, agent: AgentSpec, prompt: Prompt, begun: str) -> Cue:
    """Return what an agent is to be reminded of, given the prompt without; ``begun`` is its present turn so far."""
    near = document.turns[prompt.record.get("older", 0) :]
    read = turns_read(prompt.record, near, team, agent)
    asked = [begun] if begun.strip() else [turn.text for turn in _new(read, near, agent)] or [team.task]
    present = prompt.record.get("going_on")
    return Cue(
        spec=team.recall_of(agent) or RecallSpec(),
        texts=tuple(dict.fromkeys(text for one in asked for text in _questions(one))),
        known="\n".join([*(unframed(message["content"]) for message in prompt.messages), begun]),
        besides=frozenset({turn.id for turn in read} | ({present} if present else set())),
        unheard=frozenset(
            other.name for other in team.agents if other.name != agent.name and not agent.hears(other.name)
        ),
        seen=prompt.seen,
    )


def _new(read: Sequence[Turn], near: Sequence[Turn], agent: AgentSpec) -> list[Turn]:
    """Return the latest turns that a prompt has and no finished turn of the agent had."""
    finished = (turn.seen for turn in near if turn.agent == agent.name and turn.status == "finished")
    seen = max(finished, default=0)
    new = [turn for turn in read if turn.agent != agent.name and (turn.end is None or turn.end >= seen)]
    return sorted(new, key=lambda turn: (turn.end is None, turn.end or turn.start))[-_TURNS:]


def _questions(text: str) -> list[str]:
    passage = text[-SIZE:]
    return [passage, *thoughts(passage)[-_THOUGHTS:]]
