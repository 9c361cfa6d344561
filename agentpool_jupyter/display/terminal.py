"""A run in a terminal: whole lines, each under its speaker's name, as they come."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from .foreign import printable
from .screen import bounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from .screen import Patch, State, TurnView

_WIDTH = 100


class TextScreen:
    """Writes what a feed shows as lines; several agents who speak at once alternate by line."""

    def __init__(self, write: Callable[[str], object] = print) -> None:
        self._print = write
        self._turns: dict[str, TurnView] = {}
        self._pending: dict[str, str] = {}

    def show_state(self, state: State, *, keep: bool = False) -> None:
        """Write the last words: how the run ended."""
        if keep:
            run = state.run
            taken = bounded(f"{run.tokens:,} tokens", run)
            self._write(f"— {run.status}{f' ({run.reason})' if run.reason else ''}, {taken}")

    def show_patch(self, patch: Patch) -> None:
        """Write the lines that are complete now."""
        for turn in patch.turns:
            self._turns[turn.id] = turn
        for append in patch.append:
            self._pending[append.turn] = self._pending.get(append.turn, "") + append.text
            self._flush(append.turn, whole=False)
        for turn in patch.turns:
            if turn.status != "running":
                self._flush(turn.id, whole=True)
                if turn.note:
                    self._line(turn, f"({turn.note})")
        for dropped in patch.drops:
            if self._pending.pop(dropped, None) and dropped in self._turns:
                self._line(self._turns[dropped], "(taken back: the turn is tried again)")
        for agent in patch.agents:
            if agent.state == "retrying":
                self._write(f"{agent.name}: {agent.note}")

    def _write(self, line: str) -> None:
        self._print(printable(line))

    def _flush(self, turn: str, *, whole: bool) -> None:
        *lines, rest = self._pending.get(turn, "").split("\n")
        if whole:
            lines.append(rest)
            rest = ""
        elif len(rest) > _WIDTH:  # a word that is still growing waits for its end
            line, _, rest = rest.rpartition(" ")
            lines.append(line)
        self._pending[turn] = rest
        for line in lines:
            for piece in textwrap.wrap(line.strip(), _WIDTH):
                self._line(self._turns[turn], piece)

    def _line(self, turn: TurnView, text: str) -> None:
        self._write(f"{turn.name:>12} │ {text}")
