"""One turn as it is shown live: text that only grows at its end, and how much of it is on its way."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.display.screen import Append
from agentpool_jupyter.pool.gather import Gathered

if TYPE_CHECKING:
    from agentpool_jupyter.display.screen import TurnView
    from agentpool_jupyter.pool.events import Delta


class ShownTurn:
    """One turn as it is shown; ``began`` is in milliseconds since the epoch.

    What was shown cannot be changed. So what stands behind a gap waits until that is filled, or the turn has ended: at
    every moment this is the beginning of the document's text, and in the end all of it.
    """

    def __init__(self, view: TurnView, began: int) -> None:
        self.view = view
        self.began = began
        self.chars = 0
        self._gathered = Gathered()
        self._ready = 0  # the number of the first delta that cannot be shown yet
        self._sent = 0  # the number of the first delta that is not on its way yet
        self._units = 0  # length of what is, in UTF-16 code units, JavaScript's measure

    def add(self, delta: Delta) -> bool:
        """Take in more text; returns whether it is new."""
        if not self._gathered.add(delta):
            return False
        self.chars += len(delta.text)
        while self._ready in self._gathered.parts:
            self._ready += 1
        return True

    def copy(self) -> ShownTurn:
        """Return one whose view can be changed; the text is shared, and says what it says."""
        made = copy.copy(self)
        made.view = msgspec.structs.replace(self.view)
        return made

    def end(self) -> None:
        """Show all there is: nothing more will come."""
        self._ready = max(self._gathered.parts, default=-1) + 1

    def take(self) -> Append | None:
        """Return what has not been sent yet, and count it as sent; None where that is nothing."""
        text = self._between(self._sent, self._ready)
        self._sent = self._ready
        if not text:
            return None
        append = Append(turn=self.view.id, at=self._units, text=text)
        self._units += len(text.encode("utf-16-le")) // 2
        return append

    @property
    def ready(self) -> str:
        """All text that can be shown."""
        return self._between(0, self._ready)

    @property
    def sent(self) -> str:
        """All text that is on its way."""
        return self._between(0, self._sent)

    def _between(self, start: int, stop: int) -> str:
        parts = self._gathered.parts
        if stop - start <= len(parts):
            return "".join(parts.get(number, "") for number in range(start, stop))
        return "".join(parts[number] for number in sorted(parts) if start <= number < stop)  # numbers may be any
