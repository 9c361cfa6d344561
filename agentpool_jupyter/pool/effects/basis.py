"""What a proposal rests on, and when that has changed: read from the log alone, the same at each offset for everyone.

A proposal rests on four things, no more:

- its line: a move of the head to a line that does not have the proposal takes away all that it had read (a rollback, a
  switch). While the head is elsewhere its votes do not count; it comes back with the line, without votes;
- turns that its agent had read while they were still spoken: one of them has failed since, so that its text was taken
  back, or will be said anew. Turns that had ended before can only go with their line;
- versions of files that its turn had read or written: another turn, or a person, has written a newer version since;
- its gate: whoever carries it out says in the log that the gate is another one now (``gate_edited``).

What was only added, such as a new turn, a message, a turn that went on, or a file that it had not read, is no change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.pool.events import File, Proposal, TurnFailed
from agentpool_jupyter.pool.files.entry import is_sound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Change(NamedTuple):
    """Something that a proposal rests on is not what it was."""

    offset: int
    """Of the event by which it changed."""
    why: str


class _Written(NamedTuple):
    number: int
    agent: str
    turn: str


class Basis:
    """What of the log proposals can rest on, folded from its events: failed turns, and the latest versions of files."""

    def __init__(self) -> None:
        self._failed: dict[str, str] = {}
        self._written: dict[tuple[str, str], _Written] = {}

    def absorb(self, event: File | TurnFailed) -> bool:
        """Take in the next event of those kinds, and return whether it may change what something rests on."""
        if isinstance(event, TurnFailed):
            return self._failed.setdefault(event.turn, event.id) == event.id
        place, number = (event.branch, event.path), event.read + 1
        known = self._written.get(place)
        if not is_sound(event) or (known is not None and number <= known.number):  # it is void, or stored twice
            return False
        self._written[place] = _Written(number, event.agent, event.turn)
        return True

    def at_birth(self, proposal: Proposal) -> Iterator[Change]:
        """Yield what had changed when something was proposed already, since its turn had read it."""
        for turn in proposal.rests.turns:
            if turn in self._failed:
                yield Change(proposal.offset, "a turn that it had read failed")
        for path, number in proposal.rests.files.items():
            known = self._written.get((proposal.branch, path))
            if known is not None and known.number > number and not _own(known.turn, proposal):
                yield Change(proposal.offset, _rewritten(path, known.number, known.agent))


def change_by(event: File | TurnFailed, proposal: Proposal, line: Mapping[str, int]) -> Change | None:
    """Return what an event, which :meth:`Basis.absorb` has let through, changes in what a proposal rests on.

    ``line`` is the event's, with the last offset of each branch: a file that is written where the proposal does not
    stand is another one.
    """
    if isinstance(event, TurnFailed):
        read = event.turn in proposal.rests.turns
        return Change(event.offset, f"a turn of {event.agent} that it had read failed") if read else None
    read_version = proposal.rests.files.get(event.path)
    elsewhere = proposal.offset > line.get(proposal.branch, -1)
    if elsewhere or _own(event.turn, proposal) or read_version is None or event.read < read_version:
        return None
    return Change(event.offset, _rewritten(event.path, event.read + 1, event.agent))


def _own(turn: str, proposal: Proposal) -> bool:
    """Return whether the turn that proposes has written it: what it did itself it knows."""
    return bool(turn) and turn == proposal.turn


def _rewritten(path: str, number: int, agent: str) -> str:
    return f"{path} was rewritten (version {number}, by {agent})"
