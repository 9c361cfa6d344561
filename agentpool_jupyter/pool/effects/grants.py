"""Standing grants: a person's yes given beforehand, to so many calls of a tool, and for so long.

A grant is an event and counts on all lines of a pool, until it is used up, expires by the log's time, or is revoked; a
rollback does not take it back, and a pool that is imported starts without any. It stands for a vote that the person
would otherwise be asked for, and is used up by the decision that needs it: the log's order says which, so that two
calls cannot both have the last. Votes that are there come first, and where they suffice no grant is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.pool.events import Grant, GrantRevoked
from agentpool_jupyter.pool.votes import PERSON

if TYPE_CHECKING:
    from agentpool_jupyter.pool.events import Proposal


LONGEST = 1e10
"""Seconds that a limit of time may have, some three hundred years: other programs may write any number."""


class StandingGrant:
    """One grant as the log has it."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.uses: dict[str, None] = {}
        """The calls that it let pass, by the ids of their effects, oldest first."""
        self.revoked = False

    @property
    def id(self) -> str:
        """That of its event."""
        return self.grant.id

    @property
    def left(self) -> int:
        """How many more calls it lets pass."""
        return max(0, self.grant.count - len(self.uses))

    @property
    def until(self) -> int:
        """From when on it does not count any more, in the log's milliseconds."""
        return self.grant.time + int(min(self.grant.within, LONGEST) * 1000)

    @property
    def told(self) -> str:
        """What it grants, in a few words."""
        return f"grant: {self.grant.tool} by {self.grant.of or 'anyone'}"

    def stands(self, time: int) -> bool:
        """Return whether it counts at a time of the log's."""
        return not self.revoked and self.left > 0 and time < self.until

    def covers(self, proposal: Proposal) -> bool:
        """Return whether it is for such a call."""
        return proposal.tool == self.grant.tool and self.grant.of in ("", proposal.agent)

    def __repr__(self) -> str:
        state = "revoked" if self.revoked else f"{self.left} of {self.grant.count} left"
        return f"<{self.told}: {state}, {self.id}>"


class Grants(dict[str, StandingGrant]):
    """The grants of a pool by id, oldest first, folded from its events."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0
        """The latest time of the log's (ms) among all that effects are folded from: it never runs backwards."""

    def absorb(self, event: Grant | GrantRevoked) -> None:
        """Take in the next of these events; only people grant."""
        if isinstance(event, GrantRevoked):
            if event.grant in self:
                self[event.grant].revoked = True
        elif event.agent == PERSON and event.id not in self:
            self[event.id] = StandingGrant(event)

    def find(self, proposal: Proposal, time: int) -> StandingGrant | None:
        """Return the oldest grant that stands for a call, None where there is none."""
        now = max(time, self.time)
        found = (one for one in list(self.values()) if one.covers(proposal) and one.stands(now))
        return next(found, None)

    def give_back(self, effect: str) -> None:
        """Take note that a decision which had used a grant does not hold any more."""
        for grant in self.values():
            grant.uses.pop(effect, None)
