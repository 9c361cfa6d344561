"""All cuts of all classes of a level at a time, and the best of each class.

A cut parts a class by one column: what is up to a value from what is above it, or, where values have no order, the
most frequent of them from the rest. (Of all ways to make two sets of given sizes of categories, it loses least to have
the frequent ones in the smaller set.) What a cut costs is what both parts then lose, over all columns:
``rows * width``, summed. Every place where a column could be cut is looked at, with running minima, maxima and counts
of distinct values from both ends; numpy does that for all classes at once, because an accumulation over
``class * size + rank`` begins anew with each class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .classes import Classes
    from .columns import Column, Floats, Marks, Ranks
    from .demand import Demand
    from .diversity import Sensitive

_BALANCED = 0.1
"""The share of a class that each part has, if there is any such cut: thin slices would make a deep tree."""

_FEW = 64
"""So many different sensitive values are few enough to count how far every possible part is from the table."""


class Cuts(NamedTuple):
    """For each class of a level one cut by one column."""

    cost: Floats
    """What both parts lose; infinite where there is none."""
    place: Ranks
    """The last of the class's rows, in the column's order, that is in the left part."""
    order: Ranks
    """The column's order: which row of the level comes first, second …"""

    def right(self, level: Classes) -> Marks:
        """Return which rows of a level are in the right parts."""
        marks = np.empty(len(self.order), dtype=bool)
        marks[self.order] = np.arange(len(self.order)) > self.place[level.of_row]
        return marks


class _Sorted:
    """The rows of a level in the order of one column's values, class by class."""

    def __init__(self, ranks: Ranks, size: int, level: Classes, *, ordered: bool, strict: bool) -> None:
        count = len(ranks)
        keys = level.of_row * size + ranks
        order = np.argsort(keys, kind="stable")
        first = np.flatnonzero(np.diff(keys[order], prepend=-1))
        times = np.diff(np.append(first, count))
        self.values = np.empty(count, dtype=np.int64)
        """For each row which of the level's pairs of class and value it has."""
        self.values[order] = np.repeat(np.arange(len(first)), times)
        if not ordered:  # the most frequent first
            by = np.lexsort((-times, level.of_row[order[first]]))
            moved = np.cumsum(times[by]) - times[by]
            order = order[np.repeat(first[by] - moved, times[by]) + np.arange(count)]
            first = moved
        self.order = order
        self.first = first if strict else np.arange(count)
        """Where each group begins that is not parted."""
        self.last = np.append(self.first[1:], count) - 1
        self.owner = level.of_row[self.first]
        """The class of each group."""


def best_cuts(columns: Sequence[Column], level: Classes, demand: Demand, price: float | None = None) -> Iterator[Cuts]:
    """Yield for each column, and each class, the best cut whose parts have ``k`` rows and ``l`` sensitive values.

    With a ``price`` one part has fewer rows than ``k``, which are then left out and cost as much each, and the other
    part has what is asked for. Whether parts are within ``t`` is counted here only where values are few; else the most
    balanced cuts follow, because the best may not be close enough.
    """
    ranks = [column.ranks[level.rows] for column in columns]
    sorts = [
        _Sorted(one, column.size, level, ordered=column.ordered, strict=demand.strict)
        for column, one in zip(columns, ranks, strict=True)
    ]
    diverse = [
        (_Sorted(one.ranks[level.rows], one.size, level, ordered=True, strict=True).values, least)
        for one, least in demand.diverse
    ]
    most = float(len(columns))  # that a row can lose
    for by in sorts:
        left = by.last + 1 - level.starts[by.owner]
        right = level.sizes[by.owner] - left
        fits = _fitting(by, level, demand, diverse, small=price is not None)
        if not fits.any():
            continue
        lefts, rights = np.zeros(len(left)), np.zeros(len(left))
        for column, mine, other in zip(columns, ranks, sorts, strict=True):
            wide = _spans(column, mine, by, level) if column.ordered else _sets(column, other, by, level)
            lefts, rights = lefts + wide[0], rights + wide[1]
        if price is not None:
            lefts, rights = np.where(left < demand.size, price, lefts), np.where(right < demand.size, price, rights)
            yield _least(np.where(fits, left * lefts + right * rights, np.inf), by)
            continue
        thin = np.minimum(left, right) < _BALANCED * level.sizes[by.owner]
        cost = left * lefts + right * rights + thin * most * level.sizes[by.owner]
        yield _least(np.where(fits, cost, np.inf), by)
        if any(one.size > _FEW for one in demand.near):
            yield _least(np.where(fits, np.abs(left - right) + 2 * most * level.sizes[by.owner], np.inf), by)


def _fitting(
    by: _Sorted, level: Classes, demand: Demand, diverse: Sequence[tuple[Ranks, int]], *, small: bool
) -> Marks:
    """Return after which groups a cut leaves two parts that have what is asked for, or one and a ``small`` one."""
    left = by.last + 1 - level.starts[by.owner]
    right = level.sizes[by.owner] - left
    whole = left >= demand.size, right >= demand.size
    for values, least in diverse:
        whole = _both(whole, (kinds >= least for kinds in _distinct(values, by, level)))
    for one in demand.near:
        if one.size <= _FEW:
            whole = _both(whole, (far <= demand.farthest for far in _apart(one, by, level)))
    if small:
        return (whole[0] & (right > 0) & (right < demand.size)) | (whole[1] & (left < demand.size))
    return whole[0] & whole[1]


def _both(whole: tuple[Marks, Marks], more: Iterable[Marks]) -> tuple[Marks, Marks]:
    """Return which left and right parts have what is asked for, and also something more."""
    left, right = more
    return whole[0] & left, whole[1] & right


def _apart(one: Sensitive, by: _Sorted, level: Classes) -> tuple[Floats, Floats]:
    """Return how far the sensitive values of the left and right parts are from the table's, for a cut after each group.

    Value by value, as :meth:`.Sensitive.distance` defines it.
    """
    ranks = one.ranks[level.rows][by.order]
    left = by.last + 1 - level.starts[by.owner]
    sizes = np.stack([left, np.maximum(level.sizes[by.owner] - left, 1)])
    ends = (level.starts + level.sizes - 1)[by.owner]
    far, above = np.zeros(sizes.shape), np.zeros(sizes.shape)
    for value, share in enumerate(one.shares):
        seen = np.append(0, np.cumsum(ranks == value))
        upto = seen[by.last + 1]
        apart = np.stack([upto - seen[level.starts[by.owner]], seen[ends + 1] - upto]) / sizes - share
        above = above + apart if one.ordered else apart
        far += np.abs(above)
    far /= max(1, one.size - 1) if one.ordered else 2
    return far[0], far[1]


def _spans(column: Column, ranks: Ranks, by: _Sorted, level: Classes) -> tuple[Floats, Floats]:
    """Return how wide the left and right parts are in an ordered column, for a cut after each group."""
    size, top = column.size, column.size - 1
    low, high = (take.reduceat(ranks[by.order], by.first) for take in (np.minimum, np.maximum))
    up = by.owner * size
    down = (len(level) - 1 - by.owner[::-1]) * size
    left = column.widths(top - (_running(up + top - low) - up), _running(up + high) - up)
    right_low = top - (_running(down + (top - low)[::-1]) - down)[::-1]
    right_high = (_running(down + high[::-1]) - down)[::-1]
    after = np.append(np.arange(1, len(low)), len(low) - 1)  # a cut's right part begins with the next group
    return left, column.widths(right_low, right_high)[after]


_running = np.maximum.accumulate


def _sets(column: Column, other: _Sorted, by: _Sorted, level: Classes) -> tuple[Floats, Floats]:
    """Return how wide the left and right parts are in a column without order, for a cut after each group."""
    left, right = _distinct(other.values, by, level)
    none = np.zeros(len(left), dtype=np.int64)
    return column.widths(none, left - 1), column.widths(none, np.maximum(right, 1) - 1)


def _distinct(values: Ranks, by: _Sorted, level: Classes) -> tuple[Ranks, Ranks]:
    """Return how many different values the left and right parts have, for a cut after each group."""
    count = len(values)
    seen, places = values[by.order], np.arange(count)
    first, last = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    first[seen[::-1]] = places[::-1]
    last[seen] = places
    opens = np.cumsum(places == first[seen])
    closes = np.cumsum(places == last[seen])
    # All that opens within a class closes within it, so that both counts agree at its end.
    before = np.append(0, opens[level.starts[1:] - 1])[by.owner]
    whole = opens[level.starts + level.sizes - 1][by.owner]
    return opens[by.last] - before, whole - closes[by.last]


def _least(cost: Floats, by: _Sorted) -> Cuts:
    """Return the cheapest cut of each class, of equally cheap ones the first."""
    starts = np.flatnonzero(np.diff(by.owner, prepend=-1))
    least = np.minimum.reduceat(cost, starts)
    places = np.where(cost == least[by.owner], np.arange(len(cost)), len(cost))
    first = np.minimum.reduceat(places, starts)
    return Cuts(least, by.last[first], by.order)
