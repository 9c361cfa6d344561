"""How a prompt's room is shared out among its parts, and what of each part goes in: pure functions over turns.

Sizes are in bytes of UTF-8, each text with :data:`HEAD` for its heading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import INDENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool import Turn

SHARES = {"own": 0.25, "new": 0.4, "heard": 0.25, "recall": 0.1}
"""What each part may take of the room beside the task: the agent's own thread, what is new since it last read, what it
had read before of those it listens to, and what was recalled."""
HEAD = 60
"""Bytes that a text's own heading may take."""
_LEAST_EXCERPT = 200  # bytes below which the end of a long turn says too little to be worth its place
_LEAST_CAP = 600  # bytes below which a turn is not shortened to make room for others: rather some are left out


def allot(room: int, needs: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes that each part gets, by its share; what one does not need goes to the others by theirs.

    Weighted max-min fairness by progressive filling (Bertsekas and Gallager, *Data Networks*, 2nd edition, 6.5.2).

    Here nothing was recalled, and the agent's own thread needs less than its share. Of the 900 bytes that are left,
    the other two want more than there is, so they divide it as 0.4 to 0.25:

    >>> allot(1000, {"own": 100, "new": 900, "heard": 500, "recall": 0})
    {'own': 100, 'new': 553, 'heard': 346, 'recall': 0}
    """
    given = dict.fromkeys(needs, 0)
    hungry = {part for part, need in needs.items() if need > 0}
    while hungry and room > 0:
        total = sum(SHARES[part] for part in hungry)
        sated = {part for part in hungry if needs[part] <= room * SHARES[part] / total}
        if not sated:
            return given | {part: int(room * SHARES[part] / total) for part in hungry}
        given |= {part: needs[part] for part in sated}
        room -= sum(needs[part] for part in sated)
        hungry -= sated
    return given


def size(text: str) -> int:
    """Return the bytes that a text takes with its heading, and with its lines set in."""
    return len(text.encode()) + len(INDENT) * text.count("\n") + HEAD


def need(texts: Sequence[str], room: int) -> int:
    """Return the bytes that texts take, or ``room`` if that is less; looks no further than that, from the end."""
    taken = 0
    for text in reversed(texts):
        taken += size(text)
        if taken >= room:
            return room
    return taken


def latest(turns: Sequence[Turn], room: int) -> dict[str, str]:
    """Return the texts of the latest turns that fit, by id.

    Where not all fit, whole blocks of the oldest are left out. A block's size is a power of two, about half of what
    fits, and blocks are counted from the first turn of the list: so what is kept begins at the same turn for some turns
    to come, and servers find their cached prompt again.

    Where 4 turns fit, blocks are of 2: with 10 turns the last 4 are kept (from the 7th), with 11 the last 3 (from the
    9th), and with 12 the last 4, which begin at the 9th as before.
    """
    kept: dict[str, str] = {}
    for turn in reversed(turns):
        text = turn.text.strip()
        if size(text) > room:
            break
        kept[turn.id] = text
        room -= size(text)
    else:
        return kept
    if not kept:
        text = excerpt(turns[-1].text.strip(), room - HEAD)
        return {turns[-1].id: text} if text else {}
    block = 1 << ((len(kept) + 1) // 2).bit_length() - 1
    first = -(-(len(turns) - len(kept)) // block) * block
    return {turn.id: kept[turn.id] for turn in turns[first:]}


def fairly(turns: Sequence[Turn], agent: AgentSpec, room: int) -> dict[str, str]:
    """Return the texts of turns by id, most relevant first, long ones shortened so that more of them fit.

    Where texts of 100, 1000 and 1000 bytes, headings included, are to share 1500, the short one stays whole and the
    long ones keep their ends, of 700 bytes each. Where less than 600 bytes were left to each, the least relevant are
    left out instead. What people said is not shortened for the sake of others.
    """
    newest = set({turn.agent: turn.id for turn in turns}.values())
    order = sorted(turns, key=lambda turn: (_relevance(turn, agent, newest), turn.start), reverse=True)
    cap = _cap([size(turn.text) for turn in turns], room)
    chosen: dict[str, str] = {}
    for turn in order:
        text = turn.text.strip()
        most = min(room, cap) if turn.model else room
        if size(text) > most:
            text = excerpt(text, most - HEAD)
        if text:
            chosen[turn.id] = text
            room -= size(text)
    return chosen


def excerpt(text: str, most: int) -> str:
    """Return the end of a text, where its conclusion stands, in at most ``most`` bytes; empty where that is too few."""
    mark = "[…] "
    if most < _LEAST_EXCERPT:
        return ""
    if size(text) - HEAD <= most:
        return text
    tail = text.encode()[-(most - len(mark.encode())) :]
    return mark + tail[len(INDENT) * tail.count(b"\n") :].decode(errors="ignore")


def _relevance(turn: Turn, agent: AgentSpec, newest: set[str]) -> int:
    """Return how much a turn matters: people's latest word, everyone's latest, people, those it listens to by name."""
    if not turn.model:
        return 4 if turn.id in newest else 2
    if turn.id in newest:
        return 3
    return 1 if agent.listens and turn.agent in agent.listens else 0


def _cap(sizes: list[int], room: int) -> int:
    """Return the length, with its heading, to which texts are shortened for all to fit; never less than is of use."""
    left = len(sizes)
    for one in sorted(sizes):
        if one * left > room:
            return max(room // left, _LEAST_CAP)
        room -= one
        left -= 1
    return max(sizes, default=_LEAST_CAP)
