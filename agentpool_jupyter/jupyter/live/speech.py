"""One turn as the widget shows it: text that only grows, and how much of it is on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.screen import Append

if TYPE_CHECKING:
    from agentpool_jupyter.display.screen import TurnView


class Speech:
    """One turn as it is shown; ``began`` is in milliseconds since the epoch."""

    def __init__(self, view: TurnView, began: int) -> None:
        self.view = view
        self.pieces: list[str] = []
        self.said = 0  # how many deltas they are; a compaction makes several into one
        self.units = 0  # length in UTF-16 code units, JavaScript's measure
        self.chars = 0
        self.sent = 0  # how many of the pieces are on their way already
        self.sent_units = 0
        self.began = began
        self.first_text: int | None = None

    def add(self, text: str) -> None:
        """Take in more text."""
        self.pieces.append(text)
        self.units += len(text.encode("utf-16-le")) // 2
        self.chars += len(text)

    def take(self) -> Append | None:
        """Return what has not been sent yet, and count it as sent; None where that is nothing."""
        if self.sent == len(self.pieces):
            return None
        text = "".join(self.pieces[self.sent :])
        append = Append(turn=self.view.id, at=self.sent_units, text=text)
        self.sent, self.sent_units = len(self.pieces), self.units
        return append
