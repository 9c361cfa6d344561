"""The account of a prompt: which turns went in, which did not, and what reading them cost.

A record holds references, and its size does not depend on how much there was to read. What is empty is left away.

=============  ======================================================================================================
``sizes``      bytes of the prompt by part: ``task``, and those of :data:`~.shares.SHARES`
``read``       characters by agent
``since``      all that was heard from this offset on went in …
``also``       … and these earlier turns
``cut``        turns of which only the end went in …
``kept``       … and the characters of each that did, with their mark
``dropped``    how many turns were left out, by agent
``going_on``   the turn that the agent is in the middle of
``older``      how many turns of anyone were too far back to be looked at
``recalled``   the sources of what was recalled
``missed``     how many of the recalled texts were left out
``wording``    the version of the words around all that (:mod:`.wording`)
``redacted``   how contents were changed before they were sent (:mod:`.edits`)
``in_words``   what a model whose server does not know tools was told of them; may be empty
=============  ======================================================================================================
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from .frame import spoken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.pool import Turn
    from agentpool_jupyter.pool.events import Usage


def turns_heard(turns: Sequence[Turn], team: TeamSpec, agent: AgentSpec) -> list[Turn]:
    """Return the turns that matter to an agent: its own, those it listens to, and those of people.

    Thoughts that a server left in their texts are taken out; a turn that is nothing else does not matter.
    """
    deaf_to = {name for name in {turn.agent for turn in turns} if not agent.hears(name)} - {agent.name}
    if deaf_to:  # people are always heard; in a large team that nobody has spoken in yet, this is not asked
        deaf_to &= {other.name for other in team.agents}
    heard = (_spoken(turn) for turn in turns if turn.agent not in deaf_to)
    return [turn for turn in heard if turn.text and not turn.text.isspace()]


def _spoken(turn: Turn) -> Turn:
    text = spoken(turn.text)
    return turn if text == turn.text else msgspec.structs.replace(turn, text=text)


def completed(turn: Turn) -> tuple[float, int]:
    """Sort those that still grow last: what stands before them can then be the same in the next prompt."""
    return (float("inf") if turn.end is None else turn.end, turn.start)


def account_of(heard: list[Turn], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return a record's account of the turns that were heard; ``chosen`` are the texts that went in, by turn."""
    tail = len(heard)
    while tail and heard[tail - 1].id in chosen:
        tail -= 1
    read: Counter[str] = Counter()
    for turn in heard:
        read[turn.agent] += len(chosen.get(turn.id, ""))
    cut = [turn.id for turn in heard if chosen.get(turn.id, turn.text.strip()) != turn.text.strip()]
    account = {
        "read": {agent: chars for agent, chars in read.items() if chars},
        "since": heard[tail].start if tail < len(heard) else None,
        "also": [turn.id for turn in heard[:tail] if turn.id in chosen],
        "cut": cut,
        "kept": [len(chosen[turn]) for turn in cut],
        "dropped": dict(Counter(turn.agent for turn in heard if turn.id not in chosen)),
    }
    return {name: value for name, value in account.items() if value not in (None, [], {})}


def turns_read(record: Mapping[str, Any], turns: Sequence[Turn], team: TeamSpec, agent: AgentSpec) -> list[Turn]:
    """Return those turns of the document as an agent had seen it that went into its prompt, by the prompt's record."""
    also = record.get("also", ())
    since = record.get("since")
    heard = [turn for turn in turns_heard(turns, team, agent) if turn.id != record.get("going_on")]
    return [turn for turn in heard if turn.id in also or (since is not None and turn.start >= since)]


def shared_out(usage: Usage, record: Mapping[str, Any]) -> Usage:
    """Return a call's usage with its prompt tokens shared out among the parts that its prompt's record names.

    In proportion to their bytes, because servers only count prompts as a whole; what is rounded off is the task's.
    """
    sizes = record.get("sizes", {})
    total = sum(sizes.values())
    if not total:
        return usage

    def tokens(*parts: str) -> int:
        return int(usage.prompt * sum(sizes.get(part, 0) for part in parts) / total)

    return msgspec.structs.replace(usage, own=tokens("own"), others=tokens("new", "heard"), recalled=tokens("recall"))
