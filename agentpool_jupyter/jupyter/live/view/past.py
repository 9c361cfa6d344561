"""How a run stood at earlier moments: the view is kept every so many events, and any moment is few events away."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.pool import Event

    from .view import TeamView

_EVERY = 1024
"""Events between two views that are kept, at first: as many are folded at a glance."""
_MOST = 64
"""Views that are kept; of more each second one goes, so that memory does not grow with the log."""


class Moment(NamedTuple):
    """A moment, and what it is folded from."""

    at: int
    """The last offset on the run's line before it: what a rollback to it would keep."""
    stop: int
    """One past the last offset of all before it."""
    begin: int
    """From where on events are to be folded into a copy of ``view``."""
    view: TeamView


class Past:
    """Keeps views of a run as its events are taken in; moments are times of the writers' clocks.

    A writer's clock may be behind another's: a moment comes after all events up to the first one that is later.
    """

    def __init__(
        self, view: TeamView, start: int, line: Mapping[str, int], *, every: int = _EVERY, most: int = _MOST
    ) -> None:
        """Begin with the view as it is before the run; ``line`` are the run's own branches, each to its last offset."""
        self._start = start
        self._line = line
        self._times = array("q")  # of each event from the start on, the latest time that was seen up to it
        self._places = array("q")  # and the last offset on the run's line
        self._kept = [(start, view.copy())]
        self._every = every
        self._most = most

    def note(self, event: Event, view: TeamView) -> None:
        """Take note of the next event, which the view has taken in."""
        on_line = event.offset <= self._line.get(event.branch, -1)
        self._times.append(max(event.ts, self._times[-1]) if self._times else event.ts)
        self._places.append(event.offset if on_line or not self._places else self._places[-1])
        if event.offset + 1 >= self._kept[-1][0] + self._every:
            self._kept.append((event.offset + 1, view.copy()))
            if len(self._kept) > self._most:
                del self._kept[1::2]
                self._every *= 2

    def moment(self, at: int) -> Moment:
        """Return a moment, in milliseconds since the epoch; one before the run's first event is that event's."""
        count = max(1, bisect_right(self._times, at))
        place = self._places[count - 1] if self._places else self._start
        begin, view = self._kept[bisect_right(self._kept, self._start + count, key=lambda kept: kept[0]) - 1]
        return Moment(place, self._start + count, begin, view)
