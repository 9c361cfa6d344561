"""Two releases of the same people: who is in both is in one class of each, and what the two have in common may be less.

The *composition* or *intersection attack* (Ganta, Kasiviswanathan and Smith, KDD 2008): an attacker knows the
quasi-identifiers of somebody who is in both. In the new release that leaves a class, in the earlier one all rows whose
labels fit; only sensitive values that are in both can be this person's. Here the attacker knows what we know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from agentpool_jupyter.errors import ReleaseRefusedError, UserError

from .columns import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .columns import Column, Marks, Ranks
    from .verify import Wanted

_CELLS = 20_000_000  # of people times classes, that are looked at together
_MOST = 100_000_000  # of classes times sensitive values, that are counted


class Overlap(NamedTuple):
    """What is left of two releases to an attacker who has both."""

    k: int
    """Rows that may be somebody's, at the least, of those that are also in the earlier release."""
    l: int | None  # noqa: E741 - its name
    """Different sensitive values that these have, at the least."""
    people: int
    """Rows of the table whose quasi-identifiers the earlier release also has."""
    exposed: int
    """How many of those are left with fewer than was asked for."""


def together(
    columns: Sequence[Column],
    classes: Ranks,
    table: pd.DataFrame,
    earlier: pd.DataFrame,
    *,
    sensitive: Sequence[str],
    wanted: Wanted,
) -> list[str]:
    """Return in words what holds together with an earlier release; raises ReleaseRefusedError where that is too little.

    The rest is that of :func:`overlap`, which is asked for each sensitive column and for all of them.
    """
    notes = []
    for names in dict.fromkeys([*((name,) for name in sensitive), tuple(sensitive)]):
        both = overlap(columns, classes, table, earlier, names, k=wanted.k)
        if not both.people:
            return [
                "nobody of this table fits into the earlier release: is it of the same people, and the same columns?"
            ]
        least = wanted.l if wanted.l is not None and len(names) == 1 else 1
        what = " and ".join(map(repr, names))
        if both.k < wanted.k or (both.l or least) < least:
            left = f"{both.k} rows" + (f", {both.l} different values of {what}" if names else "")
            message = f"refused: to who has the earlier release too, somebody is left with {left} ({both.exposed:,} of "
            message += f"{both.people:,} with fewer than {wanted.k} rows); ask for a larger k, or publish one only"
            raise ReleaseRefusedError(message)
        told = f", l = {both.l} of {what}" if names else ""
        notes.append(f"together with the earlier release k = {both.k}{told}, for {both.people:,} rows that are in both")
    return notes


def overlap(
    columns: Sequence[Column],
    classes: Ranks,
    table: pd.DataFrame,
    earlier: pd.DataFrame,
    sensitive: Sequence[str],
    *,
    k: int,
) -> Overlap:
    """Return what is left of a new release, given the ``earlier`` one, to an attacker who has both.

    ``classes`` has the class of each row of the table in the new release, negative where it is not in it; of several
    ``sensitive`` columns the combination counts. Raises UserError where the earlier release has not the same columns.
    """
    names = [*(column.name for column in columns), *sensitive]
    if missing := [name for name in names if name not in earlier.columns]:
        message = f"the earlier release has no column {missing[0]!r}: name the same quasi-identifiers as then"
        raise UserError(message)
    told, theirs = _told(table, sensitive), _told(earlier, sensitive)
    known = {value: number for number, value in enumerate(dict.fromkeys([*told, *theirs]))}
    mine = _counts(classes, np.array([known[value] for value in told]), len(known))
    labels = earlier[[column.name for column in columns]].astype(str)
    groups = labels.groupby(list(labels.columns), sort=False)
    of_row = groups.ngroup().to_numpy()
    boxes = labels.iloc[np.unique(of_row, return_index=True)[1]]
    if len(known) * len(boxes) > _MOST:
        message = f"{' and '.join(sensitive)} have too many different values to check them against the earlier release"
        raise UserError(message)
    before = _counts(of_row, np.array([known[value] for value in theirs]), len(known))
    fits = sorted((_Fit(column, boxes[column.name].to_numpy()) for column in columns), key=lambda fit: fit.share)
    rows = np.flatnonzero(classes >= 0)
    # People of one class with the same quasi-identifiers are one question.
    ranks = [classes[rows], *(fit.column.ranks[rows] for fit in fits)]
    asked, times = np.unique(np.stack(ranks), axis=1, return_counts=True)
    least, distinct, people, exposed = len(classes), len(known), 0, 0
    step = max(1, _CELLS // len(boxes))
    for first in range(0, len(times), step):
        some = asked[:, first : first + step]
        row, box = np.nonzero(fits[0].test(np.arange(len(boxes))[None, :], some[1][:, None]))
        for fit, mine_too in zip(fits[1:], some[2:], strict=True):
            kept = fit.test(box, mine_too[row])
            row, box = row[kept], box[kept]
        if not len(row):
            continue
        starts = np.flatnonzero(np.diff(row, prepend=-1))
        left = np.minimum(np.add.reduceat(before[box], starts), mine[some[0][row[starts]]])
        count, weight = left.sum(axis=1), times[first : first + step][row[starts]]
        least, distinct = min(least, int(count.min())), min(distinct, int((left > 0).sum(axis=1).min()))
        people, exposed = people + int(weight.sum()), exposed + int(weight[count < k].sum())
    return Overlap(least, distinct if sensitive else None, people, exposed)


class _Fit:
    """Which values of a column may stand behind the labels of boxes, that is, of an earlier release's classes."""

    def __init__(self, column: Column, labels: NDArray[Any]) -> None:
        self.column = column
        self._label, known = pd.factorize(labels)
        marks = [column.covers(label) for label in known]
        self.share = float(np.mean([mark.mean() for mark in marks]))
        """How many values a label has behind it, of all."""
        # In a column with an order they are neighbours.
        ends = [(mark.argmax(), len(mark) - mark[::-1].argmax()) if mark.any() else (0, 0) for mark in marks]
        self._ends = np.array(ends)
        self._marks = None if column.ordered else np.array(marks)

    def test(self, boxes: Ranks, ranks: Ranks) -> Marks:
        """Return whether these ranks may stand behind the labels of these boxes."""
        label = self._label[boxes]
        if self._marks is not None:
            found: Marks = self._marks[label, ranks]
            return found
        first, stop = np.moveaxis(self._ends[label], -1, 0)
        within: Marks = (first <= ranks) & (ranks < stop)
        return within


def _told(table: pd.DataFrame, sensitive: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sensitive values of each row."""
    if not sensitive:
        return [()] * len(table)
    return list(zip(*(table[name].astype(str).fillna(MISSING) for name in sensitive), strict=True))


def _counts(classes: Ranks, values: Ranks, size: int) -> Any:
    """Return how often each class has each value."""
    kept = classes >= 0
    shape = (int(classes.max(initial=-1)) + 1, size)
    return np.bincount(classes[kept] * size + values[kept], minlength=shape[0] * size).reshape(shape).astype(np.float32)
