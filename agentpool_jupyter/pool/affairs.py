"""What a pool is asked beside its document, folded together: its branches and head, its runs, what agents asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .branches import Branches
from .claims import is_late
from .effects.fold import Effects
from .runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .events import Event


class Affairs:
    """The branches, runs and effects of a pool, as the events that were taken in have them."""

    def __init__(self) -> None:
        self.branches = Branches()
        self.runs = Runs()
        self.effects = Effects(self.runs, self.branches)

    def absorb(self, event: Event) -> None:
        """Take in the next event of the log."""
        self.runs.absorb(event)
        if not is_late(event, self.runs.claims.fences):
            self.branches.absorb(event)
        self.effects.absorb(event)

    def settled(self) -> Iterator[Any]:
        """Yield what will not change any more, and need not be copied where this is."""
        for run in self.runs.values():
            yield run.spec
        for effect in self.effects.values():
            if effect.status in {"done", "failed", "refused"}:
                yield effect
