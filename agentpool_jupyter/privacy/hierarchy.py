"""A hierarchy: for each value what it is part of, step by step, up to what has all values below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

ANY = "*"
"""What a class is called whose value may be any: the root of every hierarchy."""


class Hierarchy:
    """A tree over the values of one column, whose leaves are numbered so that a node's are neighbours.

    ``paths`` has for each value the nodes above it, the nearest first; all have a common root above them, ``*``. A
    node is the one of that name below its own path, so that two counties may have towns of one name.
    """

    def __init__(self, paths: Mapping[str, Sequence[str]]) -> None:
        self.paths = {value: [node for node in above if node != ANY] for value, above in paths.items()}
        depth = max(map(len, self.paths.values()), default=0)
        # From the root down, the value itself repeated where its path is shorter than others.
        whole = {
            value: (*reversed(above), *([value] * (depth - len(above) + 1))) for value, above in self.paths.items()
        }
        self.leaves = sorted(whole, key=whole.__getitem__)
        """The values by rank."""
        self._ranks = {leaf: rank for rank, leaf in enumerate(self.leaves)}
        self._levels = [_nodes([whole[leaf][: level + 1] for leaf in self.leaves]) for level in range(depth + 1)]
        self._names = [[whole[leaf][level] for leaf in self.leaves] for level in range(depth + 1)]

    def rank(self, value: str, column: str) -> int:
        """Return the number of a value; raises UserError where the hierarchy has no place for it."""
        if value not in self._ranks:
            message = f"the hierarchy of column {column!r} has no place for {value!r}: add a row for it"
            raise UserError(message)
        return self._ranks[value]

    def sizes(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many leaves stand below the lowest nodes that have both leaves below them."""
        found = np.full(len(low), len(self.leaves))
        for nodes in self._levels:
            count = np.bincount(nodes)[nodes]
            found = np.where(nodes[low] == nodes[high], count[low], found)
        return found

    def node(self, low: int, high: int) -> str:
        """Return the name of the lowest node that has both leaves below it."""
        shared = [level for level, nodes in enumerate(self._levels) if nodes[low] == nodes[high]]
        return self._names[shared[-1]][low] if shared else ANY

    def below(self, name: str) -> NDArray[np.bool_]:
        """Return which leaves stand below a node of that name."""
        found = np.full(len(self.leaves), name == ANY)
        for names in self._names:
            found |= np.array([one == name for one in names], dtype=bool)
        return found


def _nodes(paths: Sequence[tuple[str, ...]]) -> NDArray[np.int64]:
    """Return the numbers of nodes, given the path of each leaf down to one of them."""
    numbers: dict[tuple[str, ...], int] = {}
    return np.array([numbers.setdefault(path, len(numbers)) for path in paths], dtype=np.int64)


def read_hierarchy(given: Any, column: str) -> Hierarchy:
    """Return the hierarchy that a person gives for a column.

    A mapping from each value to what it is part of, the nearest first (``{"Rome": ["Italy", "Europe"]}``, or a single
    text), or a table without a head of one row a value (a DataFrame, a list of lists, or the path of a CSV file).
    Raises UserError, which names column and value, where a place is empty.
    """
    paths: dict[str, list[str]] = {}
    for value, above in _rows(given, column):
        path = [_text(node) for node in above]
        if "" in path:
            message = f"the hierarchy of column {column!r} has a hole: what is {value!r} part of at step "
            raise UserError(message + f"{path.index('') + 1}?")
        if paths.setdefault(value, path) != path:
            message = f"the hierarchy of column {column!r} has two places for {value!r}: {paths[value]} and {path}"
            raise UserError(message)
    if not paths:
        message = f"the hierarchy of column {column!r} is empty: give each value and what it is part of"
        raise UserError(message)
    return Hierarchy(paths)


def _rows(given: Any, column: str) -> Iterator[tuple[str, Iterable[Any]]]:
    if isinstance(given, Mapping):
        for value, above in given.items():
            yield str(value), [above] if isinstance(above, str) or not isinstance(above, Iterable) else above
        return
    if isinstance(given, str | Path):
        try:
            given = pd.read_csv(given, header=None, dtype=str, skipinitialspace=True)
        except (OSError, ValueError) as error:
            message = f"the hierarchy of column {column!r} cannot be read from {given}: {error}"
            raise UserError(message) from error
    for row in given.itertuples(index=False) if hasattr(given, "itertuples") else given:
        cells = list(row)
        if cells:
            yield _text(cells[0]), cells[1:]


def _text(cell: Any) -> str:
    """Return what a cell says; nothing for one that is empty."""
    return "" if cell is None or cell != cell else str(cell)  # noqa: PLR0124 - NaN is no value
