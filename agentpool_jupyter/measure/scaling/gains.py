"""What was measured and fitted of a table of runs: numbers, sentences, and how they are displayed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.display.pictures.curves import Curve, Point, curves_html, curves_text
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.pool.columns import frame_of

from .laws import gunther

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .samples import Group

_MANY = 1000  # from here on, digits after the point say nothing
_STEPS = 60  # of a curve that is drawn


class Interval(NamedTuple):
    """Where a number lies; NaN at both ends where a size that it rests on was run once only."""

    low: float
    high: float

    def __str__(self) -> str:
        return "" if math.isnan(self.low) else f" ({short(self.low)} to {short(self.high)})"


@dataclass(frozen=True, kw_only=True)
class ScalingRow:
    """One size of one group."""

    group: Group
    n: int
    runs: int
    seconds: float
    """Mean of the runs."""
    speed_up: float
    """``T(1) / T(n)``, of means; no unit."""
    interval: Interval
    efficiency: float
    """``S(n) / n``: what each of the team still gains. No unit."""
    serial: float
    """Karp and Flatt's serial share (:func:`.laws.karp_flatt`); NaN for one. No unit."""
    predicted: float
    """The speed-up by the fitted law."""


@dataclass(frozen=True, kw_only=True)
class ScalingFit:
    """What was found for one group; shares have no unit."""

    group: Group
    parallel: float
    """Amdahl's parallel share p, fitted with no coherence: the speed-up stays below ``bound``."""
    parallel_interval: Interval
    bound: float
    """``1 / (1 - p)``: what no team exceeds by Amdahl's law, however large."""
    sigma: float
    """Gunther's contention; NaN with fewer than three sizes."""
    sigma_interval: Interval
    kappa: float
    """Gunther's coherence; NaN with fewer than three sizes."""
    kappa_interval: Interval
    best: float
    """The size at which Gunther's speed-up is greatest; infinite where it grows without end, NaN with fewer sizes."""
    best_interval: Interval
    largest: int
    """The largest team that was measured: beyond it all is guessed."""
    error: float
    """Mean of ``|predicted - measured| / measured`` over the sizes."""

    @property
    def name(self) -> str:
        """The group, for people; empty where there is only one."""
        return ", ".join(map(str, self.group))

    def speed_up(self, n: float) -> float:
        """Return the speed-up of ``n`` by the fitted law: Gunther's, or Amdahl's with fewer than three sizes."""
        return self.amdahl(n) if math.isnan(self.sigma) else gunther(n, self.sigma, self.kappa)

    def amdahl(self, n: float) -> float:
        """Return the speed-up of ``n`` by Amdahl's law, with the fitted parallel share."""
        return gunther(n, 1 - self.parallel, 0)

    def told(self) -> list[str]:
        """Return what was found, in sentences."""
        bound = "no bound" if math.isinf(self.bound) else f"{short(self.bound)} times as fast at most, however many"
        share = f"parallel share p = {short(self.parallel)}{self.parallel_interval}"
        lines = [f"Amdahl: {share}, {bound}"]
        if math.isnan(self.sigma):
            return [*lines, "Gunther: needs three sizes or more"]
        contention = f"contention sigma = {short(self.sigma)}{self.sigma_interval}"
        lines.append(f"Gunther: {contention}, coherence kappa = {short(self.kappa)}{self.kappa_interval}")
        return [*lines, self._best(), f"the law misses the measured speed-ups by {self.error:.1%} on average"]

    def _best(self) -> str:
        if math.isinf(self.best):
            return f"best size: none in sight up to {self.largest}; by this law, more are never slower"
        gained = f"{short(self.speed_up(self.best))} times as fast as one"
        beyond = f"; a guess, as {self.largest} is the largest that was run" if self.best > self.largest else ""
        return f"best size: {short(self.best)}{self.best_interval}, {gained}{beyond}"


class Scaling:
    """What a larger team gains, measured and fitted; displays itself as a table, a picture and sentences."""

    def __init__(
        self,
        rows: Sequence[ScalingRow],
        fits: Sequence[ScalingFit],
        by: Sequence[str],
        level: float,
        notes: Sequence[str] = (),
    ) -> None:
        self.rows = list(rows)
        """One a size of a group."""
        self.fits = list(fits)
        """One a group."""
        self.by = list(by)
        self.level = level
        self.notes = list(notes)
        """Which groups were left out, and why."""

    @property
    def table(self) -> Table:
        """The rows as they are displayed."""
        head = ("n", "runs", "seconds", "speed-up", f"{self.level:.0%} interval", "efficiency", "serial", "by the law")
        rows = [
            (
                *row.group,
                row.n,
                row.runs,
                short(row.seconds),
                f"{row.speed_up:.2f}",
                "" if math.isnan(row.interval.low) else f"{row.interval.low:.2f} to {row.interval.high:.2f}",
                f"{row.efficiency:.0%}",
                "" if math.isnan(row.serial) else f"{row.serial:.3f}",
                f"{row.predicted:.2f}",
            )
            for row in self.rows
        ]
        return Table((*self.by, *head), rows, numbers=True)

    def to_pandas(self) -> Any:
        """Return a DataFrame, one row a size of a group, with what was fitted for the group beside it."""
        fits = {one.group: one for one in self.fits}
        return frame_of([self._plain(row, fits[row.group]) for row in self.rows])

    def _plain(self, row: ScalingRow, found: ScalingFit) -> dict[str, Any]:
        measured = {name: getattr(row, name) for name in ("n", "runs", "seconds", "speed_up")}
        ends = {"low": row.interval.low, "high": row.interval.high}
        derived = {name: getattr(row, name) for name in ("efficiency", "serial", "predicted")}
        law = {name: getattr(found, name) for name in ("parallel", "bound", "sigma", "kappa", "best")}
        return dict(zip(self.by, row.group, strict=True)) | measured | ends | derived | law

    def told(self) -> list[str]:
        """Return what was found, in sentences, and what was left out."""
        lines = [f"{found.name}: {line}" if found.name else line for found in self.fits for line in found.told()]
        return [*lines, *self.notes]

    def _curves(self) -> list[Curve]:
        curves = []
        for found in self.fits:
            rows = [row for row in self.rows if row.group == found.group]
            points = [Point(row.n, row.speed_up, *row.interval) for row in rows]
            law, bound = (_drawn(line, found.largest) for line in (found.speed_up, found.amdahl))
            curves.append(Curve(found.name, points, law, bound, found.best))
        return curves

    def __repr__(self) -> str:
        return curves_text(self.table, self.told())

    def _repr_html_(self) -> str:
        return curves_html(self._curves(), self.table, self.told())


def _drawn(line: Callable[[float], float], largest: int) -> list[tuple[float, float]]:
    sizes = [1 + (largest - 1) * step / _STEPS for step in range(_STEPS + 1)]
    return [(n, line(n)) for n in sizes]


def short(number: float) -> str:
    """Return a number for people, with three digits that count."""
    return f"{number:,.0f}" if _MANY <= abs(number) < math.inf else f"{number:.3g}"
