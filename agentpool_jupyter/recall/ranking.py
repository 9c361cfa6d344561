"""Candidates from the buckets, verified on their texts: the best matches, with exact scores.

The buckets say which items can match and, for shared shingles, a bound on how well: an item cannot contain more of a
query than the shingles that they have in common. Candidates are verified from the highest bound down, until no one
left can be among the best. What is returned was compared as text, so that its precision is 1 and its scores are exact.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from .shingles import containment, jaccard, shingles
from .signatures import SURE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .items import Item
    from .search import Question, Search
    from .shelf import Shelf

_CHUNK = 64  # candidates fetched together


class Found(NamedTuple):
    """An item that matches, and how well."""

    score: float
    """Jaccard or containment, as ``question`` says."""
    id: int
    item: Item
    question: Literal["resembles", "contained"]
    resembles: float
    """The exact Jaccard of the query and the item."""
    contained: float
    """How much of the query is in the item, exactly."""


def find(shelf: Shelf, texts: Iterable[str], search: Search) -> list[Found]:
    """Return the ``k`` best matches of any of the query's texts, best first, newest first where equal.

    An item that both resembles a text and contains it counts as resembling it. Of passages that overlap, and of a
    turn's, only the best is returned.
    """
    best: list[Found] = []
    for text in texts:
        if query := shingles(text):
            best = _distinct(best + _best(shelf, query, search), search.k)
    return best


def candidates(shelf: Shelf, query: frozenset[str], question: Question, threshold: float) -> list[tuple[float, int]]:
    """Return the items that may match, with an upper bound of their score, best first and newest first."""
    if question == "resembles" and threshold >= SURE:
        ids = shelf.near(query)
        bounds = np.ones(len(ids))
    else:
        # A Jaccard is never above the containment, so that these are candidates for both questions.
        ids, counts = shelf.sharing(query, max(1, math.ceil(threshold * len(query) - 1e-9)))
        bounds = np.minimum(1.0, counts / len(query))
    order = np.lexsort((-ids.astype(np.int64), -bounds))
    return list(zip(bounds[order].tolist(), ids[order].tolist(), strict=True))


def _best(shelf: Shelf, query: frozenset[str], search: Search) -> list[Found]:
    found: list[Found] = []
    waiting = candidates(shelf, query, search.question, search.threshold)
    for first in range(0, len(waiting), _CHUNK):
        chunk = waiting[first : first + _CHUNK]
        if len(found) == search.k and found[-1].score >= chunk[0][0]:
            break
        fetched = shelf.fetch([number for _, number in chunk])
        found = _distinct(found + list(_verified(query, fetched, search)), search.k)
    return found


def _verified(query: frozenset[str], fetched: list[tuple[int, Item]], search: Search) -> Iterator[Found]:
    for number, item in fetched:
        if not search.keep(item):
            continue
        text = shingles(item.text)
        alike, inside = jaccard(query, text), containment(query, text)
        if search.question != "contained" and alike >= search.threshold:
            yield Found(alike, number, item, "resembles", alike, inside)
        elif search.question != "resembles" and inside >= search.threshold:
            yield Found(inside, number, item, "contained", alike, inside)


def _distinct(found: list[Found], k: int) -> list[Found]:
    """Return the best ``k``, of overlapping passages only the best."""
    kept: list[Found] = []
    seen: dict[tuple[str, str], list[Item]] = {}
    waiting = [(-one.score, -one.id, i) for i, one in enumerate(found)]
    heapq.heapify(waiting)
    while waiting and len(kept) < k:
        one = found[heapq.heappop(waiting)[2]]
        near = seen.setdefault((one.item.source, one.item.key), [])
        if not any(one.item.overlaps(other) for other in near):
            near.append(one.item)
            kept.append(one)
    return kept
