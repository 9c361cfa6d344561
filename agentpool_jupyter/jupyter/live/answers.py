"""Questions that a view asks about a turn, answered from the log."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.jupyter import faults

from .cards import Untold, alike_of, card_of, spread_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool import Pool, Turn
    from agentpool_jupyter.recall import RecallIndex

    from .cards import Alike, Card, Spread
    from .wire import Ask

    Answer = Card | Alike | Spread | Untold


class Answers:
    """Answers the questions of a run's views, each on a thread of its own.

    Reading a log takes a while, and whoever presses Stop meanwhile must not wait for it. A view asks one question at a
    time.
    """

    def __init__(self, run: str, tell: Callable[[Answer], None], index: Callable[[Pool], RecallIndex] | None) -> None:
        """``tell`` is called with each answer; ``index`` gives the index of a pool's store, where one is held open."""
        self._run = run
        self._tell = tell
        self._index = index
        self._threads: list[threading.Thread] = []

    def ask(self, pool: Pool, question: Ask) -> None:
        """Answer a question soon."""
        thread = threading.Thread(
            target=lambda: self._tell(self.answer(pool, question)), name=f"agentpool-answer-{self._run}", daemon=True
        )
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def answer(self, pool: Pool, question: Ask) -> Answer:
        """Return the answer, or what stands in its way."""
        try:
            match question.about:
                case "card":
                    return self._card(pool, question)
                case "alike":
                    return self._alike(pool, question)
                case "spread":
                    return self._spread(pool, question)
        except Exception as error:  # noqa: BLE001 - the page waits for an answer
            return Untold(view=question.view, turn=question.turn, about=question.about, problem=faults.told(error))

    def close(self) -> None:
        """Wait for the answers that are under way."""
        for thread in self._threads:
            thread.join()

    def _card(self, pool: Pool, question: Ask) -> Card:
        from agentpool_jupyter.tracing import Trace, trace  # noqa: PLC0415 - loading the extension stays quick

        found = trace(pool, question.turn, branch=self._branch(pool))
        if not isinstance(found, Trace):
            raise UserError(_no_turn(pool, question.turn))
        return card_of(found, question.view, question.prompt)

    def _alike(self, pool: Pool, question: Ask) -> Alike:
        from agentpool_jupyter.recall import similar  # noqa: PLC0415 - loading the extension stays quick

        index = self._index(pool) if self._index else None
        found = similar(pool, self._turn(pool, question.turn), over=("pool", "library"), index=index)
        return alike_of(found, question.view, question.turn)

    def _spread(self, pool: Pool, question: Ask) -> Spread:
        from agentpool_jupyter.tracing import trace_text  # noqa: PLC0415 - loading the extension stays quick

        return spread_of(trace_text(pool, question.text, branch=self._branch(pool)), question.view, question.turn)

    def _branch(self, pool: Pool) -> str:
        return pool.runs[self._run].branch

    def _turn(self, pool: Pool, key: str) -> Turn:
        """Return a turn of the run, or of a team to which it handed a task, on a line of its own."""
        for branch in dict.fromkeys((self._branch(pool), *pool.lineage)):
            if (turn := pool.document(branch).turn(key)) is not None:
                return turn
        raise UserError(_no_turn(pool, key))


def _no_turn(pool: Pool, key: str) -> str:
    return f"pool {pool.name!r} has no turn {key!r}: `%pool` shows those that there are"
