"""From classes to what is published of them: one label a column, and how much it loses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .classes import Classes
    from .columns import Column


class Generalised(NamedTuple):
    """A column as it is published."""

    labels: NDArray[Any]
    """What each class is called."""
    loss: float
    """The mean NCP of its cells; see :mod:`.columns`."""


def generalise(column: Column, classes: Classes) -> Generalised:
    """Return what a column's classes are called; those with the same ranks are called the same."""
    if column.ordered:
        low, high = classes.ends(column)
        known, which = np.unique(low * column.size + high, return_inverse=True)
        names = [column.label(divmod(int(key), column.size)) for key in known]
    else:
        ranks, counts = classes.sets(column)
        numbers: dict[bytes, int] = {}
        sets = np.split(ranks, np.cumsum(counts)[:-1])
        which = np.array([numbers.setdefault(one.tobytes(), len(numbers)) for one in sets])
        names = [column.label(np.frombuffer(one, dtype=ranks.dtype).tolist()) for one in numbers]
    lost = float((classes.widths(column) * classes.sizes).sum() / len(classes.rows))
    return Generalised(np.array(names, dtype=object)[which], lost)
