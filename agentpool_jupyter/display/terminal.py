"""A run in a terminal: whole lines, each under its speaker's name, as they come."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from .foreign import printable
from .screen import bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .screen import Patch, State, TurnView

_WIDTH = 100
_GOING_ON = {"waiting", "approved", "running"}  # states of a call that is not over


class TextScreen:
    """Writes what a feed shows as lines; several agents who speak at once alternate by line."""

    def __init__(self, write: Callable[[str], object] = print) -> None:
        self._print = write
        self._turns: dict[str, TurnView] = {}
        self._pending: dict[str, str] = {}
        self._warned: set[str] = set()
        self._called: set[str] = set()

    def show_state(self, state: State, *, keep: bool = False) -> None:
        """Write the last words: how the run ended."""
        if keep:
            run = state.run
            taken = bounded(f"{run.tokens:,} tokens", run)
            self._write(f"— {run.status}{f' ({run.reason})' if run.reason else ''}, {taken}")

    def show_patch(self, patch: Patch) -> None:
        """Write the lines that are complete now."""
        self._warn(patch.run.lets_pass or [] if patch.run else [])
        for turn in patch.turns:
            self._turns[turn.id] = turn
        for append in patch.append:
            self._pending[append.turn] = self._pending.get(append.turn, "") + append.text
            self._flush(append.turn, whole=False)
        for turn in patch.turns:
            self._show_calls(turn)
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

    def _show_calls(self, turn: TurnView) -> None:
        """Write the calls of a turn that have come to an end, behind what it had said."""
        for call in turn.calls or []:
            if call.status not in _GOING_ON and call.id not in self._called:
                self._called.add(call.id)
                self._flush(turn.id, whole=True)
                for line in call.lines:
                    self._line(turn, line)

    def _warn(self, warnings: Sequence[str]) -> None:
        """Write what lets pass, each thing once."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self._write(f"⚠ {warning}")

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
