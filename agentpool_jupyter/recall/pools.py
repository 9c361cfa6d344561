"""The pools of a store beside one's own, of which a few stay open: each open pool takes several file descriptors."""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from agentpool_jupyter.errors import AgentPoolError, IndexUnavailableError, LogError
from agentpool_jupyter.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from .index import RecallIndex

MOST_OPEN = 16
_FRESH = 5.0  # seconds for which a pool that is not kept open is not looked at again


class OpenPools:
    """The pools of a pool's store, that pool among them; those that grew last are kept open. For one thread."""

    def __init__(self, pool: Pool) -> None:
        self.asked = pool
        """The pool whose store it is."""
        self._open: OrderedDict[str, Pool] = OrderedDict()  # the one that grew longest ago first
        self._ends: dict[str, int] = {}
        self._looked = float("-inf")

    def visit(self, names: Iterable[str], look: Callable[[Pool], None]) -> list[str]:
        """Call a function with pools, one after the other, each of which may be closed then; return notes.

        These tell of pools that cannot be read, which do not stand in the way of others: raises where there is but
        one, and whatever the index raises.
        """
        notes, names = [], sorted(names)
        for name in names:
            try:
                with self._looked_at(name) as pool:
                    look(pool)
            except IndexUnavailableError:
                raise
            except (AgentPoolError, OSError) as error:
                if len(names) == 1:
                    raise
                notes.append(f"what was said last in pool {name!r} is not found: {error}")
        return notes

    @contextmanager
    def _looked_at(self, name: str) -> Iterator[Pool]:
        """Yield a pool, which is kept open where it has grown since the last time, or where there is room."""
        with self.opened(name) as pool:
            before = self._ends.pop(name, 0)
            yield pool
            self._ends[name] = end = pool.end
            grown = end != before
            if pool is not self.asked and (grown or (name not in self._open and len(self._open) < MOST_OPEN)):
                self._open[name] = pool
                self._open.move_to_end(name, last=grown)
        while len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)[1].close()

    def follow(self, index: RecallIndex, names: Iterable[str], notes: list[str], *, all_of_them: bool = False) -> None:
        """Have an index take in what is new in pools; notes tell those that cannot be read.

        Those that are not kept open are looked at every few seconds, unless ``all_of_them``.
        """
        due = all_of_them or time.monotonic() - self._looked > _FRESH
        looked = [one for one in names if due or one in self._open or one not in self._ends or one == self.asked.name]
        notes += self.visit(looked, index.follow)
        if due:
            self._looked = time.monotonic()

    @contextmanager
    def opened(self, name: str) -> Iterator[Pool]:
        """Yield a pool, which is closed again unless it is kept open; one that cannot be read is not kept."""
        store, pool = self.asked.store, self.asked if name == self.asked.name else self._open.get(name)
        if pool is None:
            pool = Pool(store.open(name, create=False), store)
        try:
            yield pool
        except LogError:
            if self._open.get(name) is pool:
                del self._open[name]
            raise
        finally:
            if pool is not self.asked and self._open.get(name) is not pool:
                pool.close()

    def forget_deleted(self, names: Container[str]) -> bool:
        """Let go of the pools that are not among the names of those that there are; return whether there were any."""
        gone = [name for name in self._ends.keys() | self._open.keys() if name not in names]
        for name in gone:
            self._ends.pop(name, None)
            if name in self._open:
                self._open.pop(name).close()
        return bool(gone)

    def close(self) -> None:
        """Close the pools that are kept open; closing twice is fine."""
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
