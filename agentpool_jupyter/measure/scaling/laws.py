"""How work speeds up with the size of a team: Amdahl's law, Karp and Flatt's measure, Gunther's law, and their fit.

With ``T(n)`` the seconds that ``n`` take, the speed-up is ``S(n) = T(1) / T(n)``. By Gunther's universal scalability
law (*Guerrilla Capacity Planning*, 2007, chapter 4) it is ``n / (1 + sigma (n - 1) + kappa n (n - 1))``: contention
``sigma`` is the share of the work that only one can do at a time, and coherence ``kappa`` the share that each pair
costs, for all have to know what all have done. That is the n² of Brooks, *The Mythical Man-Month* (1975, chapter 2).
With ``kappa = 0`` it is Amdahl's law (AFIPS 1967), whose serial share is ``sigma``.

Multiplied out, ``n T(n) = T(1) + a (n - 1) + b n (n - 1)`` with ``sigma = a / T(1)`` and ``kappa = b / T(1)``: that is
linear in what is sought, so the fit is one of linear least squares, and nothing is searched for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_TINY = 1e-12  # of the seconds, below which a cost is none


def gunther(n: float, sigma: float, kappa: float) -> float:
    """Return the speed-up of ``n`` by Gunther's law; with ``kappa`` 0 that of Amdahl's. No unit."""
    return n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def karp_flatt(speed_up: float, n: float) -> float:
    """Return the serial share that a speed-up of ``n > 1`` shows: ``(1/S - 1/n) / (1 - 1/n)``. No unit.

    Where it grows with ``n``, what holds the team up is not a serial share but what it costs to be many (Karp and
    Flatt, "Measuring parallel processor performance", CACM 33(5), 1990). Below 0 the team is more than n times as fast.
    """
    return (1 / speed_up - 1 / n) / (1 - 1 / n)


def best_size(sigma: float, kappa: float) -> float:
    """Return the size at which Gunther's speed-up is greatest, ``sqrt((1 - sigma) / kappa)``.

    At least 1, and infinite without coherence. After Gunther (2007, section 4.4.1).
    """
    if kappa <= 0:
        return 1.0 if sigma >= 1 else math.inf
    return max(1.0, math.sqrt(max(0.0, 1 - sigma) / kappa))


class Law(NamedTuple):
    """What a fit has found."""

    seconds: float
    """Of one alone."""
    sigma: float
    """Contention, 0 to 1; by Amdahl's law the serial share."""
    kappa: float
    """Coherence, 0 or more."""

    def speed_up(self, n: float) -> float:
        """Return the speed-up of ``n`` by what was found."""
        return gunther(n, self.sigma, self.kappa)


def fit(sizes: Numbers, seconds: Numbers, *, coherence: bool = True) -> Law:
    """Return the law that fits best, with ``0 <= sigma <= 1`` and ``kappa >= 0``; without ``coherence`` Amdahl's.

    Least squares of relative errors, as what disturbs a run grows with its length. Each bound is met or it is not, and
    the best of the few combinations is the answer (Lawson and Hanson, *Solving Least Squares Problems*, 1974, chapter
    23). ``sizes`` and ``seconds`` are of one run each, with two different sizes at least, three with coherence.
    """
    work = sizes * seconds
    weights = 1 / _means(sizes, work)
    one, others, pairs = np.ones_like(sizes), sizes - 1, sizes * (sizes - 1)
    # Columns and what each stands for (seconds, a, b): sigma is free, at 0, or at 1, where a is the seconds.
    ends = [[(one, (1, 0, 0)), (others, (0, 1, 0))], [(one, (1, 0, 0))], [(one + others, (1, 1, 0))]]
    faces = [[*end, (pairs, (0, 0, 1))] for end in ends] if coherence else []
    found: list[tuple[float, Law]] = []
    for face in [*faces, *ends]:
        columns = np.stack([column for column, _ in face], axis=1) * weights[:, None]
        values, *_ = np.linalg.lstsq(columns, work * weights, rcond=None)
        alone, a, b = values @ np.array([meaning for _, meaning in face], dtype=float)
        least = -_TINY * alone
        if alone > 0 and least <= a <= alone - least and b >= least:
            error = float(np.sum((columns @ values - work * weights) ** 2))
            found.append((error, Law(float(alone), float(min(1.0, max(0.0, a / alone))), float(max(0.0, b / alone)))))
    return min(found, key=lambda one: one[0])[1]


def _means(sizes: Numbers, values: Numbers) -> Numbers:
    """Return for each run the mean of all runs of its size."""
    _, place = np.unique(sizes, return_inverse=True)
    return (np.bincount(place, values) / np.bincount(place))[place]
