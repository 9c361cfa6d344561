"""What a turn had not read, or not all of, by the time it ended, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool import Document, Turn

    from .line import Line
    from .prompt import TurnReading


class UnseenTurn(msgspec.Struct, frozen=True):
    """A turn of which a traced turn had not read all, and why."""

    turn: Turn
    why: str


def unseen_by(
    turn: Turn, document: Document, line: Line, *, seen: int, latest: Sequence[TurnReading]
) -> Iterator[UnseenTurn]:
    """Yield what a turn had not read that had read below an offset; ``latest`` is what stood in its last prompt."""
    end = line.position.at if turn.end is None else turn.end
    read = line.read_by(turn.id)
    shown = {one.turn.id: one for one in latest}
    spec = _spec_of(turn, line)
    for other in document.turns:
        if other.id == turn.id or other.start > end:
            continue
        why = _cut(other, line, shown, seen) if other.id in read else _left_out(other, line, spec, seen)
        if why:
            yield UnseenTurn(other, why)


def _cut(other: Turn, line: Line, shown: Mapping[str, TurnReading], seen: int) -> str:
    """Return why a turn that was read was not read as a whole; empty where it was."""
    part, one = shown.get(other.id), line.attempts.get(other.id)
    if part is not None and part.text != (whole := part.turn.text.strip()):
        return f"only the last {len(part.text):,} of {len(whole):,} characters went in"
    if one is not None and (one.end is None or one.end >= seen) and other.text:
        return "read while it was still speaking"
    return ""


def _left_out(other: Turn, line: Line, spec: AgentSpec | None, seen: int) -> str:
    """Return why a turn was not read at all."""
    one = line.attempts.get(other.id)
    if other.start >= seen:
        return "began after it had read"
    if one is None or not one.stood(seen):
        return "had said nothing yet"
    if spec is not None and other.model and other.agent != spec.name and not spec.hears(other.agent):
        return f"{spec.name} does not listen to {other.agent}"
    return "left out for want of room"


def _spec_of(turn: Turn, line: Line) -> AgentSpec | None:
    one = line.attempts.get(turn.id)
    team = line.team(one) if one else None
    return next((spec for spec in team.agents if spec.name == turn.agent), None) if team else None
