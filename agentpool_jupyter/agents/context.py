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
    from collections.abc import Mapping, Sequence

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
    """What went in and what did not, as references, in a size that does not depend on how much there is to read:
    ``read``, characters by agent; ``since``, all that was heard from this offset on went in, and ``also`` these earlier
    turns; ``cut``, turns of which only the end went in; ``dropped``, how many were left out, by agent. What is empty is
    left away. :func:`turns_read` gives the turns back."""
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
    heard = _heard(document.turns, team, agent)
    chosen = _fit(heard, agent, room)
    parts = [_section(turn, agent, text) for turn, text in chosen]
    if parts:
        parts.insert(0, "What the team has written so far:")
    parts.append(closing)
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "\n\n".join(parts)}]
    return Context(
        messages=messages,
        seen=document.at + 1,
        record=_account(heard, {turn.id: text for turn, text in chosen}),
        digest=hashlib.sha256(msgspec.json.encode(messages, order="sorted")).hexdigest(),
    )


def turns_read(record: Mapping[str, Any], turns: Sequence[Turn], team: TeamSpec, agent: AgentSpec) -> list[Turn]:
    """Return those turns of the document as an agent had seen it that went into its prompt, by the prompt's record."""
    also = record.get("also", ())
    since = record.get("since")
    heard = _heard(turns, team, agent)
    return [turn for turn in heard if turn.id in also or (since is not None and turn.start >= since)]


def _heard(turns: Sequence[Turn], team: TeamSpec, agent: AgentSpec) -> list[Turn]:
    """Return the turns that matter to an agent: its own, those it listens to, and those of people."""
    team_names = {other.name for other in team.agents}
    names = {name for name in team_names if agent.hears(name)} | {agent.name}
    return [turn for turn in turns if (turn.agent in names or turn.agent not in team_names) and turn.text.strip()]


def _account(heard: list[Turn], chosen: Mapping[str, str]) -> dict[str, Any]:
    tail = len(heard)
    while tail and heard[tail - 1].id in chosen:
        tail -= 1
    read: Counter[str] = Counter()
    for turn in heard:
        read[turn.agent] += len(chosen.get(turn.id, ""))
    account = {
        "read": {agent: chars for agent, chars in read.items() if chars},
        "since": heard[tail].start if tail < len(heard) else None,
        "also": [turn.id for turn in heard[:tail] if turn.id in chosen],
        "cut": [turn.id for turn in heard if chosen.get(turn.id, turn.text.strip()) != turn.text.strip()],
        "dropped": dict(Counter(turn.agent for turn in heard if turn.id not in chosen)),
    }
    return {name: value for name, value in account.items() if value not in (None, [], {})}


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
