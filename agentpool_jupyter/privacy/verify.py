"""What a table protects, counted from the table itself; knows nothing of how it was made, so that it can be wrong too.

Counted twice: by a group-by of ours, and by pycanon (Sáinz-Pardo Díaz and López García, *Scientific Data* 9, 2022)
where that is installed. Definitions: k-anonymity (Sweeney 2002), distinct l-diversity (Machanavajjhala et al. 2007),
t-closeness (Li, Li and Venkatasubramanian 2007) with the ordered distance for numbers and dates, the equal distance for
categories.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agentpool_jupyter.errors import ReleaseRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

ORDERED = "biufM"
"""The kinds of data of sensitive columns whose values have an order: numbers and dates."""
_CELLS = 4_000_000  # of a table of shares, which is made of some classes at a time
_PATIENT = 20_000  # classes times values, for which pycanon counts l and t in seconds
_ROUNDING = 1e-9
_WHOSE = "\0whose"


class Measured(NamedTuple):
    """What a table protects."""

    k: int
    """Rows, or people, of the smallest class."""
    l: int | None  # noqa: E741 - its name
    """Different sensitive values of the class that has the fewest; None without a sensitive column."""
    t: float | None
    """Distance of a class's sensitive values from the table's, at most; None without a sensitive column."""


class Wanted(NamedTuple):
    """What a release has to protect; None for what was not asked for."""

    k: int
    l: int | None = None  # noqa: E741
    t: float | None = None
    per: str = ""
    """The column whose values count for k, instead of rows."""


def measure(
    table: pd.DataFrame, quasi: Sequence[str], sensitive: Sequence[str], people: pd.Series | None = None
) -> Measured:
    """Return what a table protects: rows with the same quasi-identifiers are a class, of ``people`` or of rows."""
    groups = table.groupby(list(quasi), dropna=False, sort=False, observed=True).ngroup()
    sizes = groups.value_counts() if people is None else people.groupby(groups).nunique(dropna=False)
    smallest = int(sizes.min())
    if not sensitive:
        return Measured(smallest, None, None)
    distinct = min(int(table[name].groupby(groups).nunique(dropna=False).min()) for name in sensitive)
    return Measured(smallest, distinct, max(_distance(table[name], groups.to_numpy()) for name in sensitive))


def _distance(values: pd.Series, groups: NDArray[np.int64]) -> float:
    """Return how far the values of any class are from those of all rows."""
    ordered = values.dtype.kind in ORDERED
    ranks, known = (values if ordered else values.astype(str)).factorize(sort=True, use_na_sentinel=False)
    count = len(known)
    whole = np.bincount(ranks, minlength=count) / len(ranks)
    order = np.argsort(groups, kind="stable")
    ends, worst, step = np.cumsum(np.bincount(groups)), 0.0, max(1, _CELLS // count)
    for first in range(0, len(ends), step):
        rows = order[ends[first - 1] if first else 0 : ends[min(first + step, len(ends)) - 1]]
        cells = np.bincount((groups[rows] - first) * count + ranks[rows], minlength=count).astype(np.float64)
        cells = np.append(cells, np.zeros(-len(cells) % count)).reshape(-1, count)
        apart = cells / cells.sum(axis=1, keepdims=True) - whole
        far = (
            np.abs(np.cumsum(apart, axis=1)).sum(axis=1) / max(1, count - 1)
            if ordered
            else np.abs(apart).sum(axis=1) / 2
        )
        worst = max(worst, float(far.max()))
    return worst


def verify(
    table: pd.DataFrame,
    quasi: Sequence[str],
    sensitive: Sequence[str],
    wanted: Wanted,
    people: pd.Series | None = None,
) -> tuple[Measured, str]:
    """Return what a table protects and who counted; raises ReleaseRefusedError where that is less than is wanted.

    ``people`` says whose each row is, where k is of people.
    """
    found, by = measure(table, quasi, sensitive, people), "by a group-by"
    _judge(found, wanted, by)
    theirs = _pycanon(table, [*quasi], [*sensitive], wanted, people)
    if theirs is None:
        return found, f"{by} (pycanon would count again: pip install 'agentpool-jupyter[privacy]')"
    _judge(theirs, wanted, "by pycanon")
    counted = ", ".join(name for name, value in zip("klt", theirs, strict=True) if value is not None)
    return found, f"{by}, and by pycanon ({counted})"


def _judge(found: Measured, wanted: Wanted, by: str) -> None:
    short = [
        f"k is {found.k} and not {wanted.k}" if found.k < wanted.k else "",
        f"l is {found.l} and not {wanted.l}" if wanted.l and found.l is not None and found.l < wanted.l else "",
        f"t is {found.t:.3f} and not {wanted.t}"
        if wanted.t is not None and found.t is not None and found.t > wanted.t + _ROUNDING
        else "",
    ]
    if any(short):
        message = f"refused: counted {by}, {', '.join(filter(None, short))}; nothing was released"
        raise ReleaseRefusedError(message)


def _pycanon(
    table: pd.DataFrame, quasi: list[str], sensitive: list[str], wanted: Wanted, people: pd.Series | None
) -> Measured | None:
    """Return what pycanon finds, None for what it would count for too long; None where it is not installed."""
    try:
        from pycanon import anonymity  # noqa: PLC0415 - optional
    except ImportError:
        return None
    plain = table[quasi + sensitive].reset_index(drop=True)
    for name in plain:  # it knows numbers and texts, and leaves rows out that have nothing in a column
        if name in sensitive and plain[name].dtype.kind in ORDERED:
            plain[name] = plain[name].factorize(sort=True, use_na_sentinel=False)[0]
        else:
            plain[name] = plain[name].astype(str).fillna("")
    values = max((plain[name].nunique() for name in sensitive), default=0)
    classes = len(plain.drop_duplicates(quasi))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it calls of pandas will be otherwise some day
        smallest = int(anonymity.k_anonymity(plain, quasi))
        if people is not None and classes <= _PATIENT:
            whose = plain[quasi].assign(**{_WHOSE: people.astype(str).fillna("").to_numpy()})
            smallest = int(anonymity.l_diversity(whose, quasi, [_WHOSE]))
        if not sensitive or values * classes > _PATIENT:
            return Measured(smallest, None, None)
        distinct = int(anonymity.l_diversity(plain, quasi, sensitive))
        far = float(anonymity.t_closeness(plain, quasi, sensitive)) if wanted.t is not None and values > 1 else None
    return Measured(smallest, distinct, far)
