"""What goes through the job that partitions a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from agentpool_jupyter.privacy.demand import Demand
from agentpool_jupyter.privacy.diversity import Sensitive
from agentpool_jupyter.privacy.fields import Field  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PlanLine(msgspec.Struct, array_like=True, tag="plan"):
    """What is true of the whole table, and what is asked for."""

    parts: int
    fields: list[Field]
    k: int
    l: int | None  # noqa: E741 - its name
    t: float | None
    strict: bool
    suppression: float
    sensitive: list[tuple[str, bool, list[float]]]
    """Of each sensitive column its name, whether it is ordered, and the share of each value."""
    per: bool = False
    """Whether the last of them only says whose the rows are."""


class RowLine(msgspec.Struct, array_like=True, tag="row"):
    """A row of the table."""

    part: int
    row: int
    values: list[float | str | None]
    """Of its quasi-identifiers; None for a number that is not there."""
    sensitive: list[int]
    """The ranks of its sensitive values."""


class ClassesLine(msgspec.Struct, array_like=True, tag="classes"):
    """The classes of a part."""

    rows: list[int]
    classes: list[int]
    """Of each of the rows, from 0 in each part; -1 where it is suppressed."""


Line = PlanLine | RowLine | ClassesLine
read_line = msgspec.json.Decoder(Line).decode


def demand(plan: PlanLine, rows: list[RowLine]) -> Demand:
    """Return what is asked for of some of the rows."""
    sensitive = [
        Sensitive(name, np.array([row.sensitive[i] for row in rows], dtype=np.int64), np.array(shares), ordered=ordered)
        for i, (name, ordered, shares) in enumerate(plan.sensitive)
    ]
    per = sensitive.pop() if plan.per else None
    most = int(plan.suppression * len(rows))
    return Demand(k=plan.k, per=per, l=plan.l, t=plan.t, sensitive=sensitive, strict=plan.strict, suppress=most)


def values_of(field: Field, rows: list[RowLine], number: int) -> NDArray[Any]:
    """Return one column of rows, as the field has it."""
    values = [row.values[number] for row in rows]
    if field.kind in ("number", "date"):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.array(values, dtype=object)
