"""When who spoke: a bar for each attempt at a turn, and points for what happened between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.screen import BarView, PointView
from agentpool_jupyter.pool import words
from agentpool_jupyter.pool.events import (
    Delta,
    EffectDone,
    EffectFailed,
    EffectStarted,
    Fork,
    Head,
    Message,
    Proposal,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Vote,
)

if TYPE_CHECKING:
    from agentpool_jupyter.display.screen import PointHow, PointKind
    from agentpool_jupyter.pool.events import Event


class Timeline:
    """Folds a run's events, those of lines that were left too, into bars and points, and says which are new."""

    def __init__(self) -> None:
        self.bars: dict[str, BarView] = {}
        self.points: dict[str, PointView] = {}
        self._branches: dict[str, str] = {}  # of bars
        self._forks: dict[str, Fork] = {}  # by the branches that they made
        self._fresh: dict[str, Fork] = {}  # those that were not current yet
        self._calls: dict[str, str] = {}  # what calls are named, by their ids
        self._changed: dict[str, None] = {}
        self._new: list[PointView] = []

    def absorb(self, event: Event) -> None:
        """Take in the next event, each once."""
        match event:
            case TurnStarted():
                bar = BarView(id=event.turn, agent=event.agent, start=event.offset, began=event.ts)
                self.bars[event.turn], self._branches[event.turn] = bar, event.branch
                self._changed[event.turn] = None
            case Delta() if (open_ := self.bars.get(event.turn)) and open_.first is None:
                open_.first = event.ts
                self._changed[event.turn] = None
            case TurnFinished() | TurnFailed() if event.turn in self.bars:
                self._end(event, self.bars[event.turn])
            case Message():
                self._point(event, "message", "says something")
            case Proposal():
                self._calls[event.proposal] = event.tool or "something"
                self._point(event, "call", f"asks for {self._calls[event.proposal]}", "asked")
            case EffectStarted() | EffectDone() | EffectFailed() | Vote():
                self._point(event, *self._step(event))
            case Fork():
                self._forks[event.name] = self._fresh[event.name] = event
                self._point(event, "fork", f"branch {event.name} leaves {event.parent} at {event.at}")
            case Head():
                self._move(event)
                self._leave(event)
            case _:
                pass

    def take(self) -> tuple[list[BarView], list[PointView]]:
        """Return what is new or changed since this was last asked."""
        taken = [self.bars[turn] for turn in self._changed], self._new
        self._changed, self._new = {}, []
        return taken

    def _end(self, event: TurnFinished | TurnFailed, bar: BarView) -> None:
        bar.ended, bar.end = event.ts, event.offset
        if isinstance(event, TurnFinished):
            bar.how = "cancelled" if event.reason == words.CANCELLED else "finished"
        elif event.kind == words.LOST:
            bar.how = "lost"
        else:
            bar.how = "again" if event.retriable else "failed"
        self._changed[bar.id] = None

    def _step(self, event: EffectStarted | EffectDone | EffectFailed | Vote) -> tuple[PointKind, str, PointHow]:
        call = self._calls.get(event.proposal, "a call")
        match event:
            case EffectStarted():
                return "call", f"{call}: begins", "begun"
            case EffectDone():
                return "call", f"{call}: done", "done"
            case EffectFailed():
                return "call", f"{call}: failed", "failed"
        return "vote", f"agrees to {call}" if event.accept else f"refuses {call}", "yes" if event.accept else "no"

    def _move(self, event: Head) -> None:
        """Tell a rollback, by which a branch becomes current that was made for it, from other moves of the head."""
        fork = self._fresh.pop(event.to, None)
        if event.undoes is not None:
            self._point(event, "head", f"takes that back: the current branch is {event.to}", "undo")
        elif fork is not None:
            self._point(event, "head", f"rolls back to {fork.at}: the current branch is {event.to}", "back")
        else:
            self._point(event, "head", f"switches: the current branch is {event.to}")

    def _point(self, event: Event, what: PointKind, told: str, how: PointHow = "") -> None:
        point = PointView(
            id=event.id, agent=event.agent, offset=event.offset, at=event.ts, what=what, told=told, how=how
        )
        self.points[event.id] = point
        self._new.append(point)

    def _leave(self, event: Head) -> None:
        """Mark the bars that stand on no line of the current branch, beyond where its forks left."""
        line = {event.to: float("inf")}
        branch = event.to
        while (fork := self._forks.get(branch)) is not None:
            line[fork.parent] = min(fork.at, line.get(fork.parent, float("inf")))
            branch = fork.parent
        known = set(self._forks) | {fork.parent for fork in self._forks.values()}
        for turn, bar in self.bars.items():
            on = self._branches[turn]
            left = on in known and bar.start > line.get(on, -1)
            if left != bar.left:
                bar.left = left
                self._changed[turn] = None
