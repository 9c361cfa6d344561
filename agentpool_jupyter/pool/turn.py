"""A turn: as people see it (:class:`Turn`), and as a fold gathers it (:class:`Entry`)."""

from __future__ import annotations

from copy import copy
from typing import Literal

import msgspec

from .events import Delta, Event, Message, TurnFailed, TurnFinished, TurnStarted, Usage

Status = Literal["running", "finished", "failed", "cancelled"]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent said in one go; a person's message is a finished turn."""

    id: str
    name: str
    """``planner#2``: the second turn of ``planner`` on this line of history."""
    agent: str
    text: str
    status: Status
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
                return "still speaking"
            case "failed":
                return f"failed: {self.error or self.reason}"
            case "cancelled":
                return "cut off" if self.end is None else "stopped"  # by a fork, on the new line
            case "finished":
                return "cut at its token limit" if self.reason == "length" else ""


class Entry(msgspec.Struct, omit_defaults=True):
    """All that is known of one turn. It never changes again once it has ended, and may be shared then.

    Its JSON is part of the snapshots' format.
    """

    agent: str
    run: str
    branch: str
    first: int
    """Offset of its first event."""
    time: int
    begin: TurnStarted | None = None
    end: TurnFinished | TurnFailed | Message | None = None
    parts: dict[int, str] = {}
    text: str | None = None
    """All parts as one, once they are known to be all."""

    @classmethod
    def of(cls, event: Event) -> Entry:
        """Return an entry that knows where its turn begins; the event itself is yet to be absorbed."""
        return cls(event.agent, event.run, event.branch, event.offset, event.time)

    def absorb(self, event: Event) -> None:
        """Take in a later event; the first of each kind counts, and nothing after the end does."""
        if self.end is not None:
            return
        if isinstance(event, Delta) and event.folded:  # it stands for all those that a compaction made it of
            self.parts |= dict.fromkeys(range(event.seq, event.seq + event.folded), "")
            self.parts[event.seq] = event.text
        elif isinstance(event, Delta):
            self.parts.setdefault(event.seq, event.text)
        elif isinstance(event, TurnStarted):
            self.begin = self.begin or event
        elif isinstance(event, TurnFinished | TurnFailed | Message):
            self.end = event
            self._settle()

    def join(self, later: Entry) -> None:
        """Take in what a later window knows of the same turn."""
        if self.end is None:
            self.begin = self.begin or later.begin
            if later.text is not None:  # complete by itself: the earlier parts can only be the same ones
                self.parts, self.text = {}, later.text
            else:
                self.parts = later.parts | self.parts
            self.end = later.end
            self._settle()

    def _settle(self) -> None:
        if isinstance(self.end, TurnFinished) and self.text is None:
            count = self.end.deltas
            if count >= 0 and all(i in self.parts for i in range(count)):
                self.text = "".join(self.parts[i] for i in range(count))
                self.parts = {}

    def whole_text(self) -> str:
        """Return its text as far as it is known."""
        if self.text is not None:
            return self.text
        if isinstance(self.end, Message):
            return self.end.text
        return "".join(self.parts[i] for i in sorted(self.parts))

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
            case TurnFailed(retriable=True) | TurnFinished(reason="silent"):
                return True
            case _:
                return False

    def status(self, tip: str | None) -> Status:
        """Return what it is on the line whose last branch is ``tip``."""
        match self.end:
            case TurnFailed():
                return "failed"
            case TurnFinished(reason="cancelled"):
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
            text=self.whole_text(),
            status=self.status(tip),
            start=self.first,
            end=end.offset if end else None,
            seen=max(begin.seen if begin else self.first, finished.seen if finished else 0),
            usage=self.usage,
            cost=finished.cost if finished else None,
            model=begin.model if begin else "",
            reason=finished.reason if finished else failed.kind if failed else "",
            error=failed.error if failed else "",
            attempt=begin.attempt if begin else 1,
            run=self.run,
            branch=self.branch,
            time=self.time,
            context=begin.context if begin else {},
        )
