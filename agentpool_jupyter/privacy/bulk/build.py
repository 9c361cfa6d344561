"""The partition of a large table as a MapReduce job: cut coarsely here, each part then where the engine runs it."""

from __future__ import annotations

from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np

from agentpool_jupyter.jobs import engines, run_job
from agentpool_jupyter.jobs.records import encode
from agentpool_jupyter.jobs.scratch import temporary
from agentpool_jupyter.privacy.partition import partition

from .lines import ClassesLine, PlanLine, RowLine, read_line

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from agentpool_jupyter.jobs import Progress
    from agentpool_jupyter.jobs.engines import OptionValue
    from agentpool_jupyter.privacy.demand import Demand
    from agentpool_jupyter.privacy.diversity import Sensitive
    from agentpool_jupyter.privacy.fields import Field

JOB = "agentpool_jupyter.privacy.bulk.job:PartitionJob"
PART = 50_000
"""Rows of a part, about: a reducer cuts it within a few seconds."""
_LEAST = 100  # times k that half a part has at the least: in smaller ones more than a tenth would be lost
_FILE = 200_000  # rows of one file of input


def partition_by_job(
    fields: Sequence[Field],
    values: Sequence[NDArray[Any]],
    wanted: Demand,
    suppression: float,
    *,
    engine: str,
    part: int = PART,
    options: Mapping[str, OptionValue] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> NDArray[np.int64]:
    """Return the class of each row as :func:`.partition.partition` does, -1 for the suppressed.

    The rest is that of :func:`agentpool_jupyter.jobs.run_job`. The engine does not change the classes; the parts do, a
    little, because no class reaches across two of them.
    """
    engines.find(engine).check()
    columns = [field.column(one) for field, one in zip(fields, values, strict=True)]
    # A part has what is asked for, as a class has, and many more rows.
    coarse = replace(wanted, rows=max(part // 2, _LEAST * wanted.k), strict=True, suppress=0)
    parts = partition(columns, coarse)
    secrets = [*wanted.sensitive, *([wanted.per] if wanted.per is not None else [])]
    plan = PlanLine(
        parts=int(parts.max()) + 1,
        fields=list(fields),
        k=wanted.k,
        l=wanted.l,
        t=wanted.t,
        strict=wanted.strict,
        suppression=suppression,
        sensitive=[(one.name, one.ordered, one.shares.tolist()) for one in secrets],
        per=wanted.per is not None,
    )
    with temporary("agentpool-release-", token_hex(4)) as scratch:
        place = scratch.bulk / "rows"
        place.mkdir()
        for first in range(0, len(parts), _FILE):
            rows = range(first, min(first + _FILE, len(parts)))
            with (place / f"{first:012}.jsonl").open("wb") as out:
                if not first:
                    out.write(encode(plan) + b"\n")
                out.writelines(encode(_line(row, parts, values, secrets)) + b"\n" for row in rows)
        done = run_job(
            JOB,
            [place],
            output=scratch.bulk / "classes",
            engine=engine,
            options=options,
            progress=progress,
            cancel=cancel,
        )
        return _gathered(done.outputs, len(parts))


def _line(row: int, parts: NDArray[np.int64], values: Sequence[NDArray[Any]], secrets: Sequence[Sensitive]) -> RowLine:
    cells = [value[row] for value in values]
    plain = [cell if isinstance(cell, str) else None if np.isnan(cell) else float(cell) for cell in cells]
    return RowLine(int(parts[row]), row, plain, [int(one.ranks[row]) for one in secrets])


def _gathered(outputs: Sequence[Path], count: int) -> NDArray[np.int64]:
    """Return the classes of all parts, numbered through."""
    classes, known = np.full(count, -1, dtype=np.int64), 0
    for path in outputs:
        with path.open("rb") as lines:
            for made in map(read_line, lines):
                if isinstance(made, ClassesLine):
                    mine = np.array(made.classes, dtype=np.int64)
                    classes[made.rows] = np.where(mine < 0, -1, mine + known)
                    known += int(mine.max(initial=-1)) + 1
    return classes
