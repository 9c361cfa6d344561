"""Two releases of the same people: who is in both is in one class of each, and what the two have in common may be less.

The *composition* or *intersection attack* (Ganta, Kasiviswanathan and Smith, KDD 2008): an attacker knows the
quasi-identifiers of somebody who is in both. In the new release that leaves a class, in the earlier one all rows whose
labels fit; only sensitive values that are in both can be this person's. Here the attacker knows what we know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from .columns import Column, Ranks

_ROWS = 2_000  # people that are looked at together


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
    before = _counts(of_row, np.array([known[value] for value in theirs]), len(known))
    fits = [_fits(column, boxes[column.name].to_numpy()) for column in columns]
    rows = np.flatnonzero(classes >= 0)
    least, distinct, people, exposed = len(classes), len(known), 0, 0
    # People of one class with the same quasi-identifiers are one question.
    asked, times = np.unique(
        np.stack([classes[rows], *(column.ranks[rows] for column in columns)]), axis=1, return_counts=True
    )
    for first in range(0, len(times), _ROWS):
        some = asked[:, first : first + _ROWS]
        there = np.ones((some.shape[1], len(boxes)), dtype=bool)
        for fit, ranks in zip(fits, some[1:], strict=True):
            there &= fit[:, ranks].T
        left = np.minimum(there.astype(np.float32) @ before, mine[some[0]])
        found = there.any(axis=1)
        if not found.any():
            continue
        count, kinds = left.sum(axis=1)[found], (left > 0).sum(axis=1)[found]
        least, distinct = min(least, int(count.min())), min(distinct, int(kinds.min()))
        weight = times[first : first + _ROWS][found]
        people, exposed = people + int(weight.sum()), exposed + int(weight[count < k].sum())
    return Overlap(least, distinct if sensitive else None, people, exposed)


def _told(table: pd.DataFrame, sensitive: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sensitive values of each row."""
    if not sensitive:
        return [()] * len(table)
    return list(zip(*(table[name].astype(str) for name in sensitive), strict=True))


def _counts(classes: Ranks, values: Ranks, size: int) -> Any:
    """Return how often each class has each value."""
    kept = classes >= 0
    shape = (int(classes.max(initial=-1)) + 1, size)
    return np.bincount(classes[kept] * size + values[kept], minlength=shape[0] * size).reshape(shape).astype(np.float32)


def _fits(column: Column, labels: Any) -> Any:
    """Return for each box and each rank of a column whether the rank may stand behind the box's label."""
    marks = {label: column.covers(label) for label in dict.fromkeys(labels)}
    return np.array([marks[label] for label in labels])
