"""What ends a run when it holds: a function of the notebook, asked after each finished turn (``until``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentpool_jupyter.effects.function import run_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool import Document

_MOST_SAID = 300  # characters of what a function raised


class Goal:
    """A function ``(document) -> bool``, plain or async; without one it never holds.

    One that raises does not hold: what it looks for may not be there yet, and tests that fail raise, too.
    """

    def __init__(self, name: str = "", function: Callable[[Document], Any] | None = None) -> None:
        self.name = name
        self._function = function
        self.problem = ""
        """What it raised when it was last asked; empty where it answered."""

    async def holds(self, document: Document) -> bool:
        """Return whether it holds of a document, which is the function's own; waits for the function, cancellable."""
        if self._function is None:
            return False
        self.problem = ""
        try:
            return bool(await run_function(self._function, document))
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises says that it does not hold
            self.problem = f"{self.name} raised {type(error).__name__}: {error}"[:_MOST_SAID]
            return False
