"""Candidates from the buckets, verified on their texts: the best matches, with exact scores.

The buckets say which items can match and, for shared shingles, a bound on how well: an item cannot contain more of a
query than the shingles that they have in common. Candidates are verified from the highest bound down, until no one
left can be among the best. What is returned was compared as text, so that all of it is true and its scores are exact.

For example, a query has 10 shingles and the threshold is 0.5: items that share 5 of them are candidates. One that
shares 6 scores 0.6 at most, and is not even fetched once ``k`` items are known that score 0.6 or more.
"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING

import numpy as np

from .matches import Found, Search
from .text.shingles import containment, jaccard, shingles
from .text.signatures import SURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .backends.backend import Backend
    from .backends.items import Item
    from .matches import Question

_CHUNK = 64  # candidates fetched together
_ANY = 1e-9  # a threshold that whatever shares anything reaches
_LIKELIEST = 8 * _CHUNK  # candidates among which the nearest is looked for


def find(backend: Backend, texts: Iterable[str], search: Search) -> list[Found]:
    """Return the ``k`` best matches of any of the query's texts, best first, newest first where equal.

    An item that both resembles a text and contains it counts as resembling it, unless it contains all of it: a quote
    comes first, whatever stands about it, and the text alone before that. Of passages that overlap, and of a turn's,
    only the best is returned.
    """
    best = _Best(search.k)
    for text in texts:
        if query := shingles(text):
            _look(backend, query, search, best)
    return best.found


def nearest(backend: Backend, texts: Iterable[str], keep: Callable[[Item], bool]) -> Found | None:
    """Return what contains most of any of the texts, however little that is; None where the likeliest are not kept."""
    best, search = _Best(1), Search("contained", _ANY, 1, keep)
    for text in texts:
        if query := shingles(text):
            _look(backend, query, search, best, most=_LIKELIEST)
    return best.found[0] if best.found else None


def candidates(
    backend: Backend, query: frozenset[str], question: Question, threshold: float
) -> list[tuple[float, int]]:
    """Return the items that may match, with an upper bound of their score, best first and newest first."""
    if question == "resembles" and threshold >= SURE:
        ids = backend.near(query)
        bounds = np.ones(len(ids))
    else:
        # A Jaccard is never above the containment, so that these are candidates for both questions.
        ids, counts = backend.sharing(query, max(1, math.ceil(threshold * len(query) - 1e-9)))
        bounds = np.minimum(1.0, counts / len(query))
    order = np.lexsort((-ids.astype(np.int64), -bounds))
    return list(zip(bounds[order].tolist(), ids[order].tolist(), strict=True))


def _look(backend: Backend, query: frozenset[str], search: Search, best: _Best, most: int | None = None) -> None:
    waiting = candidates(backend, query, search.question, search.threshold)[:most]
    for first in range(0, len(waiting), _CHUNK):
        chunk = waiting[first : first + _CHUNK]
        if best.least >= chunk[0][0]:
            break
        fetched = backend.fetch([number for _, number in chunk])
        best.take(_verified(query, fetched, search))


def _verified(query: frozenset[str], fetched: list[tuple[int, Item]], search: Search) -> Iterator[Found]:
    for number, item in fetched:
        if not search.keep(item):
            continue
        text = shingles(item.text)
        alike, inside = jaccard(query, text), containment(query, text)
        quoted = search.question == "both" and inside == 1.0
        if search.question != "contained" and alike >= search.threshold and not (quoted and alike < 1.0):
            yield Found(alike, number, item, "resembles", alike, inside)
        elif search.question != "resembles" and inside >= search.threshold:
            yield Found(inside, number, item, "contained", alike, inside)


class _Best:
    """The best ``k`` of what was found, of overlapping passages only the best; grows by a few at a time."""

    def __init__(self, k: int) -> None:
        self._k = k
        self.found: list[Found] = []
        """What is kept, best first, newest first where equal."""
        self._near: dict[tuple[str, str], list[Found]] = {}  # of the kept ones, by turn or section

    @property
    def least(self) -> float:
        """The score that has to be surpassed; 0 while there is room."""
        return self.found[-1].score if len(self.found) == self._k else 0.0

    def take(self, found: Iterable[Found]) -> None:
        """Take in some more: the best first, so that what one of them displaces does not displace others."""
        for one in sorted(found, key=_rank):
            near = self._near.setdefault((one.item.source, one.item.key), [])
            clash = [other for other in near if one.item.overlaps(other.item)]
            if any(_rank(other) <= _rank(one) for other in clash):
                continue
            for other in clash:
                self._leave(bisect.bisect_left(self.found, _rank(other), key=_rank))
            bisect.insort(self.found, one, key=_rank)
            near.append(one)
        while len(self.found) > self._k:
            self._leave(len(self.found) - 1)

    def _leave(self, place: int) -> None:
        one = self.found.pop(place)
        self._near[one.item.source, one.item.key].remove(one)


def _rank(one: Found) -> tuple[float, float, int]:
    return -one.score, -one.resembles, -one.id  # of two that have all of a text, the one that says little besides
