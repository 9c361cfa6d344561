"""What a larger team gains: ``scaling(table)`` over any table of sizes and seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from agentpool_jupyter.errors import UserError

from .gains import Interval, Scaling, ScalingFit, ScalingRow
from .laws import Law, best_size, fit, karp_flatt
from .samples import samples_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .laws import Numbers
    from .samples import Samples

_FOR_COHERENCE = 3  # sizes: with two, a third unknown could be anything
_UNKNOWN = Interval(math.nan, math.nan)


def scaling(
    table: Any,
    size: str = "n",
    seconds: str = "seconds",
    by: Sequence[str] | str = (),
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Scaling:
    """Return what a larger team gains, from any table with one row a run.

    ``table`` is a DataFrame (pandas, Arrow, Polars), a list of dicts or a dict of columns. ``size`` is the column with
    how many worked, ``seconds`` that with how long it took, and ``by`` are columns whose values are looked at apart.
    Rows of the same size are repeats. Where runs do different amounts of work, hand over seconds per piece of it.

    Speed-up is of mean times. Intervals are percentiles of ``resamples`` bootstraps within each size (Efron and
    Tibshirani, *An Introduction to the Bootstrap*, 1993, chapters 8 and 13), drawn by ``seed``; with few repeats they
    are too narrow rather than too wide. There are none where a size was run once only. The laws and their sources stand
    in :mod:`.laws`.

    Raises UserError where a column is missing, a row has no such number, or no group has runs of one and of more; some
    groups that have not are left out, and named in the result.
    """
    if not 0 < level < 1:
        message = f"level = {level} is no share: say how sure intervals shall be, such as 0.95"
        raise UserError(message)
    by = [by] if isinstance(by, str) else list(by)
    rows: list[ScalingRow] = []
    fits: list[ScalingFit] = []
    notes: list[str] = []
    for samples in samples_of(table, size, seconds, by):
        whose = ", ".join(map(str, samples.group))
        if why := samples.lacks(size):
            notes.append(f"{whose}: {why}" if whose else why)
            continue
        draws = _draws(samples, resamples, np.random.default_rng(seed))
        law = _law(samples.sizes, samples.seconds)
        found = _rows(samples, draws, law.whole, level)
        rows += found
        fits.append(_fit(samples, law, draws, level, found))
    if not fits:
        raise UserError("; ".join(notes))
    return Scaling(rows, fits, by, level, notes)


class _Laws(NamedTuple):
    """The two laws fitted to the same runs."""

    amdahl: Law
    gunther: Law | None
    """None with too few sizes."""

    @property
    def whole(self) -> Law:
        return self.gunther or self.amdahl

    @property
    def best(self) -> float:
        return math.nan if self.gunther is None else best_size(self.gunther.sigma, self.gunther.kappa)


class _Draws(NamedTuple):
    """Bootstraps: of the mean seconds by size, and of the laws."""

    means: list[dict[float, float]]
    laws: list[_Laws]


def _law(sizes: Numbers, seconds: Numbers) -> _Laws:
    enough = len(np.unique(sizes)) >= _FOR_COHERENCE
    return _Laws(fit(sizes, seconds, coherence=False), fit(sizes, seconds) if enough else None)


def _draws(samples: Samples, resamples: int, random: np.random.Generator) -> _Draws:
    means, laws = [], []
    for _ in range(resamples):
        seconds = samples.resampled(random)
        means.append({size: float(seconds[samples.sizes == size].mean()) for size in samples.different})
        if _repeated(samples):
            laws.append(_law(samples.sizes, seconds))
    return _Draws(means, laws)


def _repeated(samples: Samples) -> bool:
    return all(len(samples.of(size)) > 1 for size in samples.different)


def _rows(samples: Samples, draws: _Draws, law: Law, level: float) -> list[ScalingRow]:
    rows = []
    alone = samples.of(1)
    for size in samples.different:
        runs = samples.of(size)
        speed_up = float(alone.mean() / runs.mean())
        known = size > 1 and len(alone) > 1 and len(runs) > 1
        rows.append(
            ScalingRow(
                group=samples.group,
                n=int(size),
                runs=len(runs),
                seconds=float(runs.mean()),
                speed_up=speed_up,
                interval=_interval([one[1] / one[size] for one in draws.means], level) if known else _UNKNOWN,
                efficiency=speed_up / size,
                serial=karp_flatt(speed_up, size) if size > 1 else math.nan,
                predicted=law.speed_up(size),
            )
        )
    return rows


def _fit(samples: Samples, law: _Laws, draws: _Draws, level: float, rows: Sequence[ScalingRow]) -> ScalingFit:
    drawn = [one.gunther for one in draws.laws if one.gunther]
    return ScalingFit(
        group=samples.group,
        parallel=1 - law.amdahl.sigma,
        parallel_interval=_interval([1 - one.amdahl.sigma for one in draws.laws], level),
        bound=1 / law.amdahl.sigma if law.amdahl.sigma else math.inf,
        sigma=law.gunther.sigma if law.gunther else math.nan,
        sigma_interval=_interval([one.sigma for one in drawn], level),
        kappa=law.gunther.kappa if law.gunther else math.nan,
        kappa_interval=_interval([one.kappa for one in drawn], level),
        best=law.best,
        best_interval=_interval([one.best for one in draws.laws if one.gunther], level),
        largest=int(samples.different[-1]),
        error=float(np.mean([abs(row.predicted - row.speed_up) / row.speed_up for row in rows])),
    )


def _interval(drawn: Sequence[float], level: float) -> Interval:
    if not drawn:
        return _UNKNOWN
    # Of values that were drawn: between a size and an infinite one there is nothing to interpolate.
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="closest_observation")
    return Interval(float(low), float(high))
