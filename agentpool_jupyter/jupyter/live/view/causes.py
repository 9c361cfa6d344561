"""Which turns each turn of a run came from, event by event: what a trace finds in the whole log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.pool.events import RunStarted
from agentpool_jupyter.tracing.causes import causes_of
from agentpool_jupyter.tracing.course import Teams
from agentpool_jupyter.tracing.line import Attempts

if TYPE_CHECKING:
    from agentpool_jupyter.pool.events import Event


class LiveCauses:
    """The attempts of a run, and of the teams to which it handed tasks, which speak on lines of their own."""

    def __init__(self) -> None:
        self._teams = Teams()
        self._line = Attempts(self._teams)
        self._below: dict[str, Attempts] = {}  # by branch

    def absorb(self, event: Event) -> None:
        """Take in the next event that counts."""
        if isinstance(event, RunStarted):
            self._teams.absorb(event)
            if event.parent:
                self._below.setdefault(event.branch, Attempts(self._teams))
        self._on(event.branch).absorb(event)

    def of(self, turn: str, branch: str) -> list[int]:
        """Return the first offsets of the attempts that a turn on a branch came from; see :func:`.causes_of`."""
        line = self._on(branch)
        return [line.attempts[cause].start for cause in causes_of(line, turn)]

    def copy(self) -> LiveCauses:
        """Return the same, which goes on by itself."""
        made = LiveCauses()
        made._teams = self._teams.copy()
        made._line = self._line.copy(made._teams)
        made._below = {branch: line.copy(made._teams) for branch, line in self._below.items()}
        return made

    def _on(self, branch: str) -> Attempts:
        return self._below.get(branch, self._line)
