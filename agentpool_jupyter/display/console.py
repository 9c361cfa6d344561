"""Standard output as its reader has it: lines, and on a terminal colours and one line below them that is drawn again.

A pipe, a file, a notebook's cell and a terminal that says it is dumb get plain lines and nothing else; ``NO_COLOR``
(https://no-color.org) takes the colours.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import unicodedata
from typing import TYPE_CHECKING

from .foreign import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_WIDTH = 100  # columns where nobody says how many there are
_TINTS = (94, 33, 32, 35, 31, 36, 93, 95)  # nearest to display.colours among the sixteen that every terminal has
_ERASE = "\r\x1b[K"


class Console:
    """Writes to standard output, whatever that is at the moment: IPython puts another one there while it asks.

    With ``status`` one line below what was written may be drawn again, where that is possible; somebody has to wait for
    its end, as a prompt would stand in the same place.
    """

    def __init__(self, write: Callable[[str], object] | None = None, *, status: bool = False) -> None:
        terminal = write is None and is_terminal(sys.stdout)
        self._write = write or print
        self._terminal = terminal
        self._colours = terminal and not os.environ.get("NO_COLOR")
        self.redraws = terminal and status
        """Whether a status is shown."""
        self._status = ""

    @property
    def width(self) -> int:
        """Columns that there are now."""
        return shutil.get_terminal_size((_WIDTH, 24)).columns if self._terminal else _WIDTH

    def line(self, text: str, lead: str = "", place: int | None = None) -> None:
        """Write a line; its lead has the colour of the agent at a place, and without one it is wrapped at words."""
        lead, text = printable(lead), printable(text)
        if self._terminal and not lead:
            text = "\n".join(textwrap.wrap(text, self.width - 1))
        if self._colours and lead and place is not None:
            lead = f"\x1b[{_TINTS[place % len(_TINTS)]}m{lead}\x1b[0m"
        if self._status:
            _put(f"{_ERASE}{lead}{text}\n{self._status}")
        else:
            self._write(lead + text)

    def status(self, text: str) -> None:
        """Draw the line below all others; empty takes it away."""
        text = _cut(printable(text), self.width - 1)  # in the last column a terminal begins a new line
        if self.redraws and text != self._status:
            self._status = text
            _put(_ERASE + text)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether what was written to a stream can be drawn again."""
    known = os.environ.get("TERM", "") not in {"", "dumb"} or "WT_SESSION" in os.environ  # Windows Terminal
    return known and stream is not None and stream.isatty()


def _put(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _cut(text: str, columns: int) -> str:
    """Return the beginning of a text that fits; wide characters take two columns, combining ones none."""
    taken = 0
    for number, sign in enumerate(text):
        taken += 0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if taken > columns:
            return text[: max(number - 1, 0)] + "…"
    return text
