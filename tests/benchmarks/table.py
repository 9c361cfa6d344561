"""A table of results, as markdown that also reads well in a terminal."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """What one benchmark found."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()
    """What a reader must know to judge the numbers, one sentence or two each."""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        rule = tuple(("-" if i == 0 else "-" * (width - 1) + ":").ljust(width, "-") for i, width in enumerate(widths))
        lines = ["| " + " | ".join(map(_pad, row, widths)) + " |" for row in (self.columns, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *lines, *("\n" + note for note in self.notes)])


def spread(values: list[float], digits: int) -> tuple[str, ...]:
    """Return cells of the median, the 95th percentile and the largest value."""
    cuts = (statistics.median(values), statistics.quantiles(values, n=20)[-1], max(values))
    return tuple(f"{value:.{digits}f}" for value in cuts)


def at_most(value: float, goal: float) -> str:
    """Return a cell that says whether a figure is as low as it should be."""
    return f"at most {goal:g}: {'met' if value <= goal else '**missed**'}"


def at_least(value: float, goal: float) -> str:
    """Return a cell that says whether a figure is as high as it should be."""
    return f"at least {goal:g}: {'met' if value >= goal else '**missed**'}"


def _pad(cell: str, width: int) -> str:
    return cell.ljust(width)
