"""What an agent reads before it speaks: a pure function from document to prompt.

What stays the same (who the agent is, then the pool so far) comes first, so that servers' prompt caches hit.
Where not all fits, the least relevant goes first and, among equals, the oldest; what was left out is recorded.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Document, Turn

    from .spec import AgentSpec, TeamSpec

BYTES_PER_TOKEN = 3
"""Used to fit a prompt into a context window: English is nearer 4, code and other languages nearer 3."""
_LEAST_EXCERPT = 200  # characters below which the end of a long turn says too little to be worth its place
_HEAD = 60  # characters that a turn's own heading may take


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt and an account of it."""

    messages: list[dict[str, str]]
    seen: int
    """One past the last offset of the document it was built from."""
    record: dict[str, Any]
    """``included``: [turn id, characters] pairs; ``dropped``: turns left out, by agent; ``chars``."""
    digest: str
    """SHA-256 of the messages as canonical JSON."""


def build_context(document: Document, team: TeamSpec, agent: AgentSpec, *, tokens: int) -> Context:
    """Return the prompt for an agent's next turn, of at most about ``tokens`` tokens.

    Raises UserError where the task and the role alone are longer.
    """
    system = _system(team, agent)
    closing = _closing(team, agent)
    frame = len((system + closing).encode())
    room = tokens * BYTES_PER_TOKEN - frame
    if room < 0:
        message = (
            f"the task and the role of {agent.name} alone take about {frame // BYTES_PER_TOKEN} tokens, and a prompt "
            f"may have {tokens}: shorten them, or raise `context`"
        )
        raise UserError(message)
    heard = [
        t
        for t in document.turns
        if t.text.strip() and (agent.hears(t.agent) or not _in_team(team, t.agent) or t.agent == agent.name)
    ]
    chosen = _fit(heard, agent, room)
    parts = [_section(turn, agent, text) for turn, text in chosen]
    if parts:
        parts.insert(0, "What the team has written so far:")
    parts.append(closing)
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "\n\n".join(parts)}]
    kept = {turn.id for turn, _ in chosen}
    return Context(
        messages=messages,
        seen=document.at + 1,
        record={
            "included": [[turn.id, len(text)] for turn, text in chosen],
            "dropped": dict(Counter(turn.agent for turn in heard if turn.id not in kept)),
            "chars": len(system) + len(messages[1]["content"]),
        },
        digest=hashlib.sha256(msgspec.json.encode(messages, order="sorted")).hexdigest(),
    )


def _in_team(team: TeamSpec, name: str) -> bool:
    return any(agent.name == name for agent in team.agents)


def _system(team: TeamSpec, agent: AgentSpec) -> str:
    others = ", ".join(other.name for other in team.agents if other.name != agent.name)
    beside = f" The others are {others}; nobody leads, and everyone reads what everyone writes." if others else ""
    job = f" Your job: {agent.role}" if agent.role else ""
    return f"You are {agent.name}.{job}{beside} Be brief and concrete."


def _closing(team: TeamSpec, agent: AgentSpec) -> str:
    # The task stands last because small models answer what they read last; large ones do not mind.
    return f"The task: {team.task}" + (f"\nYour job: {agent.role}" if agent.role else "")


def _section(turn: Turn, agent: AgentSpec, text: str) -> str:
    marks = []
    if turn.agent == agent.name:
        marks.append("you")
    if turn.status == "running":
        marks.append("still speaking")
    elif turn.status in ("failed", "cancelled"):
        marks.append("broken off")
    mark = f" ({', '.join(marks)})" if marks else ""
    return f"[{turn.name}{mark}]\n{text}"


def _relevance(turn: Turn, agent: AgentSpec, newest: set[str]) -> int:
    """Return how much a turn matters to an agent: the latest of everyone first, then people, then named speakers."""
    if turn.id in newest:
        return 3
    if not turn.model:
        return 2
    return 1 if agent.listens and turn.agent in agent.listens else 0


def _fit(turns: list[Turn], agent: AgentSpec, room: int) -> list[tuple[Turn, str]]:
    newest = set({turn.agent: turn.id for turn in turns}.values())
    order = sorted(turns, key=lambda turn: (_relevance(turn, agent, newest), turn.start), reverse=True)
    chosen: dict[str, str] = {}
    for turn in order:
        text = turn.text.strip()
        size = len(text.encode()) + _HEAD
        if size > room:
            text = _excerpt(text, room - _HEAD)
            size = len(text.encode()) + _HEAD
        if text:
            chosen[turn.id] = text
            room -= size
    return [(turn, chosen[turn.id]) for turn in turns if turn.id in chosen]


def _excerpt(text: str, size: int) -> str:
    """Return the end of a text, where its conclusion stands, in at most ``size`` bytes; empty where that is too few."""
    mark = "[…] "
    if size < _LEAST_EXCERPT:
        return ""
    return mark + text.encode()[-(size - len(mark.encode())) :].decode(errors="ignore")
