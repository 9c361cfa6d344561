"""From the document to a prompt: a pure function.

A prompt is made of the task (with who the agent is), the agent's own thread, what is new since it last read, what it
had heard before, and what was recalled; each part has a share of the room (:mod:`.shares`). Texts stand in the order in
which they were complete, with the task last: where the document only grew, a prompt begins like the one before, and
servers' prompt caches hit. No text can pose as another's (:mod:`.frame`). What went in, and what was left out, is
recorded (:mod:`.record`).
"""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from agentpool_jupyter.errors import UserError

from .frame import framed, section
from .record import account_of, completed, turns_heard
from .shares import HEAD, allot, excerpt, fairly, latest, need, size
from .wording import VERSION, closing_words, system_words, turn_section, user_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.pool import Document, Turn

BYTES_PER_TOKEN = 3
"""Used to fit a prompt into a number of tokens: English is nearer 4, code and other languages nearer 3."""
_FAR = 1024  # turns that are looked back, so that a prompt takes the same time however long the document is
_STEP = 256  # the first turn that is looked at moves in steps of so many, for the reason given at shares.latest


class Reminder(NamedTuple):
    """A piece of earlier reasoning that resembles the present one."""

    text: str
    source: str
    """Where it is from, in a few words, such as ``bakery, planner#2``."""
    reference: Mapping[str, Any] = MappingProxyType({})
    """The same exactly, as a ``recall`` event carries it."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What a call asks, and an account of it."""

    messages: list[dict[str, Any]]
    seen: int
    """One past the last offset of the document it was built from."""
    record: dict[str, Any]
    """What went in and what did not: see :mod:`.record`."""
    digest: str
    """SHA-256 of the messages as canonical JSON."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """What the model may call, as the request describes it."""
    recalled: Mapping[int, str] = MappingProxyType({})
    """Which of what was recalled went in, by index, and as what text: the record's sources alone do not say it."""


class _Parts(NamedTuple):
    """The turns that matter to an agent, by what they are to it, each in the order in which they were complete."""

    heard_of: list[Turn]
    """All of them, in the order in which they began."""
    own: list[Turn]
    new: list[Turn]
    heard: list[Turn]


def build_prompt(
    document: Document,
    team: TeamSpec,
    agent: AgentSpec,
    *,
    tokens: int,
    recall: Sequence[Reminder] = (),
    going_on: str | None = None,
    begun: str = "",
) -> Prompt:
    """Return the prompt for an agent's next turn, of at most about ``tokens`` tokens.

    ``recall`` is best first. ``going_on`` is the id of the turn that the agent is in the middle of, which is left out:
    its text, ``begun``, will stand behind the prompt (:mod:`agentpool_jupyter.agents.models.continuation`), and counts
    as part of it here.

    Raises UserError where the task and the role alone are longer.
    """
    system, closing = system_words(team, agent), closing_words(team, agent)
    turns = document.turns
    far = max(0, len(turns) - _FAR) // _STEP * _STEP
    near = turns[far:]
    parts = _sort([turn for turn in near if turn.id != going_on], team, agent)
    after = len(begun.encode(errors="replace"))
    room = max(0, _room(tokens, agent, system + closing) - after)
    needs = {name: need([turn.text for turn in getattr(parts, name)], room) for name in ("own", "new", "heard")}
    given = allot(room, needs | {"recall": need([hit.text for hit in recall], room)})
    own, new = latest(parts.own, given["own"]), fairly(parts.new, agent, given["new"])
    heard = _heard_before(parts.heard, given["heard"])
    chosen = own | new | heard
    sections = {turn.id: turn_section(turn, agent, chosen[turn.id]) for turn in _in_order(parts, chosen)}
    recalled = _recalled(recall, given["recall"], "\n".join(sections.values()))
    hits = [section(recall[number].source, text) for number, text in recalled.items()]
    user = user_words(list(sections.values()), hits, closing)
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    sizes = {
        "own": sum(_bytes(sections[key]) for key in own) + after,
        "new": sum(_bytes(sections[key]) for key in new),
        "heard": sum(_bytes(sections[key]) for key in heard),
        "recall": sum(map(_bytes, hits)),
    }
    task = len((system + user).encode()) + after - sum(sizes.values())
    account = {
        "sizes": {part: count for part, count in ({"task": task} | sizes).items() if count},
        **account_of(parts.heard_of, chosen),
        "going_on": going_on,
        "older": far,
        "recalled": [recall[number].source for number in recalled],
        "missed": len(recall) - len(recalled),
        "wording": VERSION,
    }
    return Prompt(
        messages=messages,
        seen=document.at + 1,
        record={name: value for name, value in account.items() if value not in (None, [], {}, 0) or name == "since"},
        digest=digest_of(messages),
        recalled=recalled,
    )


def digest_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of a prompt's messages as canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(messages, order="sorted")).hexdigest()


def _room(tokens: int, agent: AgentSpec, frame: str) -> int:
    """Return the bytes that are left beside the task."""
    taken = len(frame.encode())
    room = tokens * BYTES_PER_TOKEN - taken
    if room < 0:
        message = (
            f"the task and the role of {agent.name} alone take about {taken // BYTES_PER_TOKEN} tokens, and a prompt "
            f"may have {tokens}: shorten them, or raise `context`"
        )
        raise UserError(message)
    return room


def _sort(turns: Sequence[Turn], team: TeamSpec, agent: AgentSpec) -> _Parts:
    heard_of = turns_heard(turns, team, agent)
    # What a turn that broke off had read is new once more: nothing came of it.
    finished = [turn.seen for turn in heard_of if turn.agent == agent.name and turn.status == "finished"]
    read = max(finished, default=0)
    parts = _Parts(heard_of, [], [], [])
    for turn in sorted(heard_of, key=completed):
        if turn.agent == agent.name:
            parts.own.append(turn)
        elif turn.end is None or turn.end >= read:
            parts.new.append(turn)
        else:
            parts.heard.append(turn)
    return parts


def _in_order(parts: _Parts, chosen: Mapping[str, str]) -> list[Turn]:
    return sorted((turn for turn in parts.heard_of if turn.id in chosen), key=completed)


def _heard_before(turns: list[Turn], room: int) -> dict[str, str]:
    """Choose of what was read before: people's words, in half of the room at most, then the latest of all."""
    people = latest([turn for turn in turns if not turn.model], room // 2)
    room -= sum(size(text) for text in people.values())
    return people | latest([turn for turn in turns if turn.id not in people], room)


def _recalled(hits: Sequence[Reminder], room: int, prompt: str) -> dict[int, str]:
    """Return the texts of the hits that fit, by index, best first; what the prompt has already is not said twice."""
    chosen: dict[int, str] = {}
    for number, hit in enumerate(hits):
        text = excerpt(hit.text.strip(), room - HEAD) if size(hit.text.strip()) > room else hit.text.strip()
        twice = any((hit.text, hit.source) == (other.text, other.source) for other in hits[:number])
        if text and not twice and framed(text) not in prompt:
            chosen[number] = text
            room -= size(text)
    return chosen


def _bytes(section: str) -> int:
    return len(section.encode()) + 2  # with the empty line before it
