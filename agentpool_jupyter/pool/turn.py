"""A turn: as people see it (:class:`Turn`), and as a fold gathers it (:class:`Entry`)."""

from __future__ import annotations

from copy import copy

import msgspec

from . import words
from .events import Delta, Event, Message, TurnFailed, TurnFinished, TurnStarted, Usage
from .gather import Gathered


def turn_name(agent: str, number: int) -> str:
    """Return the name of an agent's turn, counted from 1 on its line of history: ``planner#2``."""
    return f"{agent}#{number}"


def name_parts(name: str) -> tuple[str, int] | None:
    """Return the agent and the number that a turn's name says, None for a text that is no such name."""
    agent, _, digits = name.rpartition("#")
    return (agent, int(digits)) if digits.isdecimal() and str(int(digits)) == digits else None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent said in one go; a person's message is a finished turn."""

    id: str
    name: str
    """``planner#2``: the second turn of ``planner`` on this line of history."""
    agent: str
    text: str
    status: words.TurnStatus
    start: int
    """Offset of its first event."""
    end: int | None
    """Offset of the event that ended it; None while it runs, or where a rollback cut it off."""
    seen: int = 0
    """One past the last offset that its agent had read."""
    usage: Usage | None = None
    cost: float | None = None
    """US dollars, where known."""
    model: str = ""
    """Who computed it; empty for a message."""
    reason: str = ""
    """The finish reason, or the kind of failure."""
    error: str = ""
    attempt: int = 1
    run: str = ""
    branch: str = "main"
    time: int = 0
    """When it began, in milliseconds since the epoch (the log's clock)."""
    context: dict[str, object] = {}
    """What its prompt was made of."""

    @property
    def remark(self) -> str:
        """What is unusual about it, in a few words for people; empty where nothing is."""
        match self.status:
            case "running":
                return words.SPEAKING
            case "failed":
                return f"failed: {self.error or self.reason}"
            case "cancelled":
                return words.CUT_OFF if self.end is None else words.STOPPED  # by a fork, on the new line
            case "finished":
                return words.ENDED.get(self.reason, "")


class Entry(Gathered, omit_defaults=True):
    """All that is known of one turn; once ended, it never changes and may be shared. Snapshots hold its JSON."""

    agent: str
    run: str
    branch: str
    first: int
    """Offset of its first event."""
    time: int
    begin: TurnStarted | None = None
    end: TurnFinished | TurnFailed | Message | None = None

    @classmethod
    def of(cls, event: Event) -> Entry:
        """Return an entry that knows where its turn begins; the event itself is yet to be absorbed."""
        return cls(event.agent, event.run, event.branch, event.offset, event.time)

    def absorb(self, event: Event) -> None:
        """Take in a later event; the first of each kind counts, and nothing after the end does."""
        if self.end is not None:
            return
        if isinstance(event, Delta):
            self.add(event)
        elif isinstance(event, TurnStarted):
            self.begin = self.begin or event
        elif isinstance(event, TurnFinished | TurnFailed | Message):
            self._finish(event)

    def join(self, later: Entry) -> None:
        """Take in what a later window knows of the same turn."""
        if self.end is None:
            self.begin = self.begin or later.begin
            self.add_all(later)
            self._finish(later.end)

    def _finish(self, end: TurnFinished | TurnFailed | Message | None) -> None:
        self.end = end
        if isinstance(end, TurnFinished):
            self.settle(end.deltas)

    def so_far(self) -> str:
        """Return its text as far as it is known."""
        return self.end.text if isinstance(self.end, Message) else super().so_far()

    def clone(self) -> Entry:
        """Return an entry that later changes to this one do not touch."""
        if self.end is not None:
            return self
        twin = copy(self)
        twin.parts = dict(self.parts)
        return twin

    @property
    def whole(self) -> bool:
        """Whether both its beginning and its end are here, so that no earlier or later window adds to it."""
        return isinstance(self.end, Message) or (self.begin is not None and self.end is not None)

    @property
    def hidden(self) -> bool:
        """Kept in the history but not shown: an attempt that is tried again, a Python agent that had nothing to say."""
        match self.end:
            case TurnFailed(retriable=True) | TurnFinished(reason=words.SILENT):
                return True
            case _:
                return False

    def status(self, tip: str | None) -> words.TurnStatus:
        """Return what it is on the line whose last branch is ``tip``."""
        match self.end:
            case TurnFailed():
                return "failed"
            case TurnFinished(reason=words.CANCELLED):
                return "cancelled"
            case None:
                # A turn that began before a fork and had not ended there is cut off on the new line.
                return "running" if tip in (None, self.branch) else "cancelled"
            case _:
                return "finished"

    @property
    def usage(self) -> Usage | None:
        """The tokens it took, where known."""
        return self.end.usage if isinstance(self.end, TurnFinished | TurnFailed) else None

    def show(self, key: str, name: str, tip: str | None) -> Turn:
        """Return the turn that people see, under a name, on the line whose last branch is ``tip``."""
        begin, end = self.begin, self.end
        finished = end if isinstance(end, TurnFinished) else None
        failed = end if isinstance(end, TurnFailed) else None
        return Turn(
            id=key,
            name=name,
            agent=self.agent,
            text=self.so_far(),
            status=self.status(tip),
            start=self.first,
            end=end.offset if end else None,
            seen=max(begin.seen if begin else self.first, finished.seen if finished else 0),
            usage=self.usage,
            cost=end.cost if isinstance(end, TurnFinished | TurnFailed) else None,
            model=begin.model if begin else "",
            reason=finished.reason if finished else failed.kind if failed else "",
            error=failed.error if failed else "",
            attempt=begin.attempt if begin else 1,
            run=self.run,
            branch=self.branch,
            time=self.time,
            context=begin.context if begin else {},
        )
