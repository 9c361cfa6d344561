"""In which order the steps of a failed run are tried, and how sure one can be of what came of it.

The more of a failed run is kept, the less often it turns out well when the team goes on from there; at the step that
decided its failure the share drops. That step is looked for by bisection, as ``git bisect`` does and as the binary
search of Zhang et al., *Which agent causes task failures and when?* (ICML 2025, arXiv:2505.00212); because each try is
a throw of dice, each point is tried several times and the majority counts (Karp and Kleinberg, *Noisy binary search and
its applications*, SODA 2007). Of n steps about log2 n are tried.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator

_Z = 1.959964  # the normal distribution's 97.5 % quantile


class WilsonInterval(NamedTuple):
    """Between what and what a share lies with a confidence of 95 %."""

    low: float
    high: float


def wilson(hits: int, tries: int) -> WilsonInterval:
    """Return the 95 % score interval of a share: Wilson, *Probable inference …* (JASA 22, 1927); (0, 1) for no tries.

    >>> low, high = wilson(3, 3)
    >>> round(low, 2), round(high, 2)
    (0.44, 1.0)
    """
    if not tries:
        return WilsonInterval(0.0, 1.0)
    share, z2 = hits / tries, _Z * _Z
    middle = (share + z2 / (2 * tries)) / (1 + z2 / tries)
    reach = _Z / (1 + z2 / tries) * math.sqrt(share * (1 - share) / tries + z2 / (4 * tries * tries))
    return WilsonInterval(max(0.0, middle - reach), min(1.0, middle + reach))


def order(steps: int, *, every: bool) -> Generator[int, bool, int | None]:
    """Yield how many steps to keep, be sent whether that mostly turns out well, and return the step that decided.

    That is its number from 1; None where even the whole run, begun again, mostly fails. With ``every`` all other
    points follow, the nearest to that step first.

    >>> asked, points = order(8, every=False), []
    >>> try:
    ...     point = next(asked)
    ...     while True:
    ...         points.append(point)
    ...         point = asked.send(point < 5)
    ... except StopIteration as end:
    ...     points, end.value
    ([0, 4, 6, 5], 5)
    """
    tried = {0}
    good, bad = 0, steps
    found = None
    if (yield 0):
        while bad - good > 1:
            middle = (good + bad) // 2
            tried.add(middle)
            if (yield middle):
                good = middle
            else:
                bad = middle
        found = bad
    if every:
        near = 0 if found is None else found
        rest = sorted(set(range(steps)) - tried, key=lambda one: (abs(one - near), one))
        for point in rest:  # noqa: UP028 - it is sent answers, which a list does not take
            yield point
    return found
