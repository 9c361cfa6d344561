"""Runs of a table: how many worked, and how long it took, by group. What cannot be used is said, with its row."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from .laws import Numbers

Group = tuple[Any, ...]
"""The values of the columns by which runs are told apart."""

_MOST_SHOWN = 60  # characters of a value


class Samples:
    """The runs of one group, in order of size."""

    def __init__(self, group: Group, sizes: Sequence[float], seconds: Sequence[float]) -> None:
        order = np.argsort(sizes, kind="stable")
        self.group = group
        self.sizes = np.asarray(sizes, dtype=float)[order]
        """How many worked, run by run."""
        self.seconds = np.asarray(seconds, dtype=float)[order]
        """How long each took."""
        self.different = [float(size) for size in np.unique(self.sizes)]
        """The sizes, each once."""

    def of(self, size: float) -> Numbers:
        """Return the seconds of the runs of a size."""
        return np.compress(self.sizes == size, self.seconds)

    def resampled(self, random: np.random.Generator) -> Numbers:
        """Return as many seconds of each size, drawn with replacement from those of that size."""
        return np.concatenate([random.choice(runs, len(runs)) for runs in map(self.of, self.different)])

    def lacks(self, size: str) -> str:
        """Return why there is no speed-up to tell, in words; empty where there is one. ``size`` names the column."""
        least = self.different[0]
        if least != 1:
            return f"no run of {size} = 1, the least is {least:g}: speed-up is against one, add it"
        return "" if len(self.different) > 1 else f"all runs are of {size} = 1: speed-up needs a larger team beside it"


def samples_of(given: Any, size: str, seconds: str, by: Sequence[str]) -> list[Samples]:
    """Return the runs of a table by group, in the order in which the groups appear.

    Raises UserError for what is no table, a column that is not there, and a size or a time that is none.
    """
    columns = _columns(given)
    for name in (size, seconds, *by):
        if name not in columns:
            near = difflib.get_close_matches(str(name), list(map(str, columns)), 1)
            meant = f"do you mean {near[0]!r}?" if near else f"it has {', '.join(map(str, columns)) or 'none'}"
            message = f"the table has no column {name!r}: {meant}"
            raise UserError(message)
    if not len(columns[size]):
        message = "the table has no rows: there is nothing to measure"
        raise UserError(message)
    sizes, times = _numbers(columns[size], size), _numbers(columns[seconds], seconds)
    _refuse(columns[size], [one < 1 or one % 1 != 0 for one in sizes], size, "a team has 1, 2, 3 … members")
    _refuse(columns[seconds], [one <= 0 for one in times], seconds, "work takes more than 0 seconds")
    rows: dict[Group, list[int]] = {}
    for row, key in enumerate(zip(*(map(_comparable, columns[name]) for name in by), strict=True) if by else ()):
        rows.setdefault(key, []).append(row)
    rows = rows or {(): list(range(len(sizes)))}
    return [Samples(key, [sizes[i] for i in found], [times[i] for i in found]) for key, found in rows.items()]


def _columns(given: Any) -> Mapping[Any, Sequence[Any]]:
    """Return the columns of what is handed over: columns by name, rows, or a table of pandas, Arrow or Polars."""
    for as_rows in ("to_pylist", "to_dicts"):
        if hasattr(given, as_rows):
            given = getattr(given, as_rows)()
    if hasattr(given, "to_pandas"):
        given = given.to_pandas()
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        given = given.to_dict("list")
    if isinstance(given, Mapping) and all(_is_column(column) for column in given.values()):
        columns = {name: list(column) for name, column in given.items()}
        if len({len(column) for column in columns.values()}) <= 1:
            return columns
    elif isinstance(given, Iterable) and not isinstance(given, Mapping | str | bytes):
        rows = list(given)
        if all(isinstance(row, Mapping) for row in rows):
            names = dict.fromkeys(name for row in rows for name in row)
            return {name: [row.get(name) for row in rows] for name in names}
    message = "this is no table: hand over a DataFrame, a list of dicts with one run each, or a dict of equal columns"
    raise UserError(message)


def _is_column(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _comparable(value: Any) -> Any:
    """Return a value in which what is missing equals itself, and which can be looked up."""
    try:
        missing = value is None or bool(value != value)  # noqa: PLR0124 - true of NaN and NaT
    except (TypeError, ValueError):  # pandas' own missing value says neither yes nor no
        missing = True
    if missing:
        return None
    return value if isinstance(value, str | int | float) else str(value)


def _numbers(column: Sequence[Any], name: str) -> list[float]:
    """Return a column as numbers; raises UserError with the first row that has none."""
    numbers = [_number(value) for value in column]
    _refuse(column, [not math.isfinite(one) for one in numbers], name, "leave such rows out, or mend them")
    return numbers


def _number(value: Any) -> float:
    """Return a number, or NaN; texts that a CSV file leaves are numbers, truth values are none."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real | Decimal | np.number | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return math.nan


def _refuse(values: Sequence[Any], bad: Sequence[bool], name: str, why: str) -> None:
    """Raise UserError with the first row at which something is bad."""
    if any(bad):
        row, others = bad.index(True), sum(bad) - 1
        value = values[row]
        told = repr(value.item() if isinstance(value, np.generic) else value)[:_MOST_SHOWN]
        more = f" (and {others} more rows)" if others else ""
        message = f"row {row} of the table has {name} = {told}{more}: {why}"
        raise UserError(message)
