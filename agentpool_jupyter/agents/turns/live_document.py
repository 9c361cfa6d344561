"""The document that a run's agents read, as the log grows, and what in it is news to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.events import Message, TurnFinished
from agentpool_jupyter.pool.words import UNSAID

from .outbox import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentpool_jupyter.pool import Document, Event


class LiveDocument:
    """The document of a run's line of history; belongs to one event loop.

    A finished turn, or a person's message, is news; the text of a turn that still runs can be read but does not by
    itself wake anyone, so that a listener reacts to whole thoughts.
    """

    def __init__(self, document: Document, branch: str, fences: Mapping[str, int]) -> None:
        self.document = document
        self.branch = branch
        self._fences = fences
        self.moved = Signal()
        """Notified after each batch of events."""
        said = sorted((turn for turn in document.turns if turn.status == "finished"), key=lambda turn: turn.end or 0)
        self._person = max((turn.end or 0 for turn in said if not turn.model), default=-1)
        self._spoke: dict[str, int] = {}
        """Where each agent's last turn ended, the latest last."""
        for turn in said:
            if turn.model:
                self._note(turn.agent, turn.end or 0)

    def absorb(self, events: Sequence[Event]) -> bool:
        """Take in the log's next events; returns whether any of them is news to somebody."""
        news = False
        for event in events:
            if event.branch != self.branch or is_late(event, self._fences):
                continue
            self.document.absorb(event)
            if isinstance(event, TurnFinished) and event.reason not in UNSAID:
                self._note(event.agent, event.offset)
                news = True
            elif isinstance(event, Message):
                self._person = event.offset
                news = True
        self.document.at = max(self.document.at, events[-1].offset)
        self.moved.notify()
        return news

    async def reached(self, offset: int) -> None:
        """Wait until the document includes an offset."""
        while self.document.at < offset:
            await self.moved.wait()

    def last_news(self, agents: Sequence[str] | None, but: str = "") -> int:
        """Return the offset of the latest news from these agents (None: from anyone) or from people; -1 for none.

        What the agent ``but`` said is none.
        """
        if agents is None:
            latest = next((offset for name, offset in reversed(self._spoke.items()) if name != but), -1)
        else:
            latest = max((self._spoke.get(name, -1) for name in agents if name != but), default=-1)
        return max(self._person, latest)

    def _note(self, agent: str, offset: int) -> None:
        self._spoke.pop(agent, None)
        self._spoke[agent] = offset
