"""What a column of the table is: a number, a date, a category, a category with a hierarchy.

A field is made of the whole table, and then makes columns (:mod:`.columns`) of all rows or, in a job, of some.
"""

from __future__ import annotations

import datetime as dt
import numbers
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from agentpool_jupyter.errors import UserError

from .columns import MISSING, Categories, Column, Numbers, Tree
from .hierarchy import Hierarchy

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXACT = 2.0**53  # beyond it, neighbouring whole numbers are one as floats
_ISO_DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?"
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - all dates are UTC, and are written without saying so
_DAY = 86_400e6
_FIRST, _LAST = -719_162 * _DAY, 2_932_897 * _DAY - 1  # what Python's dates can say: years 1 to 9999


class Field(msgspec.Struct):
    """One column of the table, with what is true of all its rows; can be sent to the workers of a job."""

    name: str
    kind: str = "category"
    """``number``, ``date`` (microseconds since 1970, UTC), ``category`` or ``tree``."""
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    """Whether all numbers are whole, or all dates at midnight."""
    count: int = 0
    """How many categories there are."""
    paths: dict[str, list[str]] = {}
    """The hierarchy; see :class:`.Hierarchy`."""
    mixed: bool = False
    """Whether its values were of several types, and are compared as texts."""

    def column(self, values: NDArray[Any]) -> Column:
        """Return values of this field as a quasi-identifier: floats (NaN for none), or texts."""
        if self.kind in ("number", "date"):
            text, parse = (_number, float) if self.kind == "number" else (_date, _micros)
            if self.whole:
                text = _whole if self.kind == "number" else _day
            return Numbers(self.name, values, (self.low, self.high), text=text, parse=parse)
        if self.kind == "tree":
            hierarchy = Hierarchy(self.paths)
            ranks = {value: hierarchy.rank(value, self.name) for value in dict.fromkeys(values)}
            return Tree(self.name, np.array([ranks[value] for value in values], dtype=np.int64), hierarchy)
        codes, known = factorized(values)
        return Categories(self.name, codes, known, self.count)


def factorized(values: NDArray[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Return the rank of each value, and the values by rank."""
    codes, known = pd.factorize(values, sort=True)
    return codes.astype(np.int64), list(known)


def read_field(series: pd.Series[Any], hierarchy: Hierarchy | None = None) -> tuple[Field, NDArray[Any]]:
    """Return what a column is, and its values as floats or texts; raises UserError for what cannot be compared."""
    name = str(series.name)
    if hierarchy is None and (found := _numbers(series)) is not None:
        kind, values = found
        if np.isinf(values).any():
            message = f"column {name!r} has infinity in {np.isinf(values).sum():,} rows: put a number there, or nothing"
            raise UserError(message)
        there = values[~np.isnan(values)]
        if kind == "date" and len(there) and not _FIRST <= there.min() <= there.max() <= _LAST:
            message = f"column {name!r} has dates outside the years 1 to 9999: mend them, or leave those rows out"
            raise UserError(message)
        unit = 1.0 if kind == "number" else _DAY
        low, high = (float(there.min()), float(there.max())) if len(there) else (0.0, 0.0)
        whole = bool((there % unit == 0).all()) and max(abs(low), abs(high)) <= _EXACT
        return Field(name, kind, low, high, whole), values
    empty = series.isna().to_numpy()
    objects = series.astype(object).to_numpy()
    try:
        codes, known = pd.factorize(objects)
    except TypeError as error:
        message = f"column {name!r} has values that are lists or the like: make them texts or numbers"
        raise UserError(message) from error
    texts = np.array([*map(str, known), MISSING], dtype=object)
    mixed = len({type(value) for value in known}) > 1
    values = texts[np.where(empty, -1, codes)]
    if hierarchy is not None:
        for value in dict.fromkeys(values):
            hierarchy.rank(value, name)
        return Field(name, "tree", paths=hierarchy.paths, mixed=mixed), values
    return Field(name, count=len(set(values)), mixed=mixed), values


def _numbers(series: pd.Series[Any]) -> tuple[str, NDArray[np.float64]] | None:
    """Return a column's values as floats, and whether they are numbers or dates; None for one of neither."""
    kinds = pd.api.types
    if kinds.is_bool_dtype(series) or kinds.is_complex_dtype(series):
        return None
    if kinds.is_numeric_dtype(series):
        return "number", series.to_numpy(dtype=np.float64, na_value=np.nan)
    if not kinds.is_datetime64_any_dtype(series):
        there = series.dropna()
        types = set(map(type, there))
        if types and all(issubclass(one, numbers.Number) and not issubclass(one, bool | complex) for one in types):
            return "number", series.map(float, na_action="ignore").to_numpy(dtype=np.float64, na_value=np.nan)
        if types == {str} and there.str.fullmatch(_ISO_DATE).all():
            series = pd.to_datetime(series, utc=True, errors="coerce", format="ISO8601")
            if series.isna().sum() > len(series) - len(there):  # some only look like dates
                return None
        elif types and all(issubclass(one, dt.date) for one in types):
            series = pd.to_datetime(series, utc=True)
        else:
            return None
    if getattr(series.dt, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    micros = series.astype("datetime64[us]").to_numpy()
    return "date", np.where(np.isnat(micros), np.nan, micros.astype(np.int64).astype(np.float64))


def _number(value: float) -> str:
    return repr(float(value))


def _whole(value: float) -> str:
    return str(int(value))


def _date(value: float) -> str:
    return (_EPOCH + dt.timedelta(microseconds=value)).isoformat(sep=" ")


def _day(value: float) -> str:
    return _date(value).partition(" ")[0]


def _micros(text: str) -> float:
    return (dt.datetime.fromisoformat(text) - _EPOCH) / dt.timedelta(microseconds=1)
