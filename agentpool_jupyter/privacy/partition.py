"""Mondrian: all rows are one class, and classes are cut in two until none can be cut any more.

LeFevre, DeWitt and Ramakrishnan, "Mondrian multidimensional k-anonymity" (ICDE 2006), strict and relaxed, with another
choice of the cut. There a class is cut at the median of its widest column; here each cut of each column is looked at,
and the one is taken after which least is lost (:mod:`.cuts`). All classes of one depth are cut together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .classes import Classes
from .cuts import best_cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .columns import Column, Floats, Marks, Ranks
    from .cuts import Cuts
    from .demand import Demand


def partition(columns: Sequence[Column], demand: Demand) -> Ranks:
    """Return the class of each row, from 0; -1 where it is left out.

    Classes are the same, up to their numbers, in whatever order the rows come. There must be at least ``k`` rows, and
    all of them together must have what is demanded.
    """
    count = len(columns[0].ranks)
    classes = np.zeros(count, dtype=np.int64)
    level = Classes(_settled_order(columns, demand), classes)
    done = 0
    while len(level):
        cut, right = _chosen(columns, level, demand)
        classes[level.rows] = done + level.of_row  # those that were cut get others later
        done += len(level)
        level = _next(level, cut[level.of_row], level.of_row * 2 + right)
    if demand.suppress:
        _suppress(columns, classes, demand)
    numbers = np.unique(classes[classes >= 0], return_inverse=True)[1]
    classes[classes >= 0] = numbers
    return classes


def _settled_order(columns: Sequence[Column], demand: Demand) -> Ranks:
    """Return the rows in an order that does not depend on how they came, but among rows that are the same in all."""
    if demand.strict:
        return np.arange(len(columns[0].ranks))
    others = [*demand.sensitive, *([demand.per] if demand.per is not None else [])]
    return np.lexsort([*(one.ranks for one in others), *(column.ranks for column in columns)])


def _next(level: Classes, kept: Marks, of_row: Ranks) -> Classes:
    rows, of_row = level.rows[kept], of_row[kept]
    order = np.argsort(of_row, kind="stable")
    return Classes(rows[order], of_row[order])


def _chosen(columns: Sequence[Column], level: Classes, demand: Demand) -> tuple[Marks, Marks]:
    """Return which classes are cut, and of each row whether it is in the right part."""
    found = list(best_cuts(columns, level, demand))
    right = np.zeros(len(level.rows), dtype=bool)
    cut = np.zeros(len(level), dtype=bool)
    if not found:
        return cut, right
    costs = np.array([one.cost for one in found])
    while True:
        best = costs.argmin(axis=0)
        open_ = np.isfinite(costs.min(axis=0)) & ~cut
        if not open_.any():
            return cut, right
        tried = _sides(found, best, level)
        close = demand.close(level.rows, level.of_row * 2 + tried, 2 * len(level)) if demand.t is not None else None
        fits = open_ if close is None else open_ & close[::2] & close[1::2]
        right = np.where(fits[level.of_row], tried, right)
        cut |= fits
        costs[best[open_ & ~fits], np.flatnonzero(open_ & ~fits)] = np.inf


def _sides(found: Sequence[Cuts], best: Ranks, level: Classes) -> Marks:
    """Return of each row whether it is in the right part of its class's best cut."""
    right = np.zeros(len(level.rows), dtype=bool)
    for number, one in enumerate(found):
        if (best == number).any():
            right |= one.right(level) & (best == number)[level.of_row]
    return right


def _suppress(columns: Sequence[Column], classes: Ranks, demand: Demand) -> None:
    """Leave rows out at the edges of classes: where it lowers the mean loss of the others most, while it does."""
    left = demand.suppress
    level = Classes.sorted(classes, _settled_order(columns, demand))
    price = float(_losses(columns, level).sum() / len(level.rows))  # that of a row is no use to leave out
    while left > 0 and len(level):
        found = list(best_cuts(columns, level, demand, price))
        if not found:
            return
        costs = np.array([one.cost for one in found])
        best = costs.argmin(axis=0)
        right = _sides(found, best, level)
        rights = np.bincount(level.of_row, right, len(level))
        small_right = rights < demand.size
        out = np.where(small_right[level.of_row], right, ~right)
        size = np.bincount(level.of_row, out, len(level))
        gain = _losses(columns, level) - costs.min(axis=0)
        gain[~np.isfinite(gain)] = -1.0
        if demand.t is not None:
            close = demand.close(level.rows, level.of_row * 2 + out, 2 * len(level))
            gain[~close[::2]] = -1.0
        ranked = np.argsort(-gain / np.maximum(size, 1), kind="stable")
        ranked = ranked[gain[ranked] > 0]
        ranked = ranked[np.cumsum(size[ranked]) <= left]
        if not len(ranked):
            return
        left -= int(size[ranked].sum())
        taken = np.zeros(len(level), dtype=bool)
        taken[ranked] = True
        classes[level.rows[taken[level.of_row] & out]] = -1
        level = _next(level, taken[level.of_row] & ~out, level.of_row)


def _losses(columns: Sequence[Column], level: Classes) -> Floats:
    """Return what each class loses, over all columns."""
    widths: Floats = np.sum([level.widths(column) for column in columns], axis=0)
    return widths * level.sizes
