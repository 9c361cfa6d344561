"""A run in a terminal: whole lines, each under its speaker's name, as they come, and below them who does what now."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from .console import Console
from .screen import bounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .screen import AgentView, Patch, RunView, State, TurnView

_NAME = 12  # columns for a name, in a terminal that is not narrow
_LEAST = 16  # columns for text, however narrow it is
_GOING_ON = {"waiting", "approved", "running"}  # states of a call that is not over
_DOING = {"speaking": "speaks", "thinking": "thinks", "retrying": "tries again"}


class TextScreen:
    """Writes what a feed shows as lines; several agents who speak at once alternate by line."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._run: RunView | None = None
        self._agents: dict[str, AgentView] = {}
        self._turns: dict[str, TurnView] = {}
        self._pending: dict[str, str] = {}
        self._warned: set[str] = set()
        self._called: set[str] = set()

    def show_state(self, state: State, *, keep: bool = False) -> None:
        """Write the last words: how the run ended."""
        if keep:
            self._console.status("")
            run = state.run
            taken = bounded(f"{run.tokens:,} tokens", run)
            self._console.line(f"— {run.status}{f' ({run.reason})' if run.reason else ''}, {taken}")

    def show_patch(self, patch: Patch) -> None:
        """Write the lines that are complete now."""
        self._run = patch.run or self._run
        self._agents |= {agent.name: agent for agent in patch.agents}
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
                self._console.line(f"{agent.name}: {agent.note}")
        self._console.status(self._doing())

    def _doing(self) -> str:
        """Return who does what now, in a line."""
        run = self._run
        if run is None or run.finished is not None:
            return ""
        busy = [
            f"{agent.name} {_DOING[agent.state]}"
            + (f" ({agent.rate:.0f} tokens/s)" if agent.state == "speaking" else "")
            for agent in self._agents.values()
            if agent.state in _DOING
        ]
        return (
            f"… {run.pool}: {', '.join(busy) or run.status} · {bounded(f'{run.tokens:,} tokens', run)} · Ctrl-C stops"
        )

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
                self._console.line(f"⚠ {warning}")

    def _flush(self, turn: str, *, whole: bool) -> None:
        view = self._turns[turn]
        width = max(_LEAST, self._console.width - len(self._lead(view)) - 1)
        *lines, rest = self._pending.get(turn, "").split("\n")
        if whole:
            lines.append(rest)
            rest = ""
        elif len(rest) > width:  # a word that is still growing waits for its end
            line, _, growing = rest.rpartition(" ")
            *full, last = textwrap.wrap(line, width) or [""]
            lines += full or [last]
            rest = f"{last} {growing}" if full else growing
        self._pending[turn] = rest
        for line in lines:
            for piece in textwrap.wrap(line.strip(), width):
                self._line(view, piece)

    def _line(self, turn: TurnView, text: str) -> None:
        agent = self._agents.get(turn.agent)
        self._console.line(text, self._lead(turn), agent.place if agent else None)

    def _lead(self, turn: TurnView) -> str:
        return f"{turn.name:>{min(_NAME, self._console.width // 5)}} │ "
