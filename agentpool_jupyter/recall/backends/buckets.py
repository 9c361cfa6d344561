"""Buckets: which texts have a key, as sorted arrays in memory.

A posting is one 64-bit number, the key above the text's number (of key 3 and text 7, 3 * 2**32 + 7), so that a bucket
is a part of a sorted array and a query is two binary searches for each of its keys, all in one call. New postings make
small arrays that are merged into ones of twice their size (the logarithmic method, Bentley and Saxe 1980): adding stays
cheap, and there are never more arrays than the logarithm of the number of postings. Eight bytes a posting, against
several hundred in dicts of sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from agentpool_jupyter.recall.text.signatures import Keys

    Postings = NDArray[np.uint64]
    """A key above the number of a text, 32 bits each."""
    Places = NDArray[np.int64]
    """Which of some buckets, from 0."""

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_SOUGHT = 1024  # postings that are looked for at a time
_SMALL = 65_536  # postings of an array that is merged at once
_NONE = np.empty(0, dtype=np.uint32)


def postings(keys: Keys, texts: Keys) -> Postings:
    """Return the postings of texts and their keys: two arrays of one length."""
    found: Postings = (keys.astype(np.uint64) << _SHIFT) | texts.astype(np.uint64)
    return found


def numbered(found: Postings, ids: Keys) -> Postings:
    """Return postings of places with the ids of what stands there, and without those whose id is 0."""
    texts = ids[(found & _LOW).astype(np.int64)]
    named: Postings = ((found & ~_LOW) | texts.astype(np.uint64))[texts > 0]
    return named


class Buckets:
    """Texts by key; keys and texts' numbers are 32 bits each. Not safe for threads: the owner has a lock."""

    def __init__(self) -> None:
        self._levels: list[Postings] = []

    def add(self, keys: Keys, texts: Keys) -> None:
        """Put texts into the buckets of their keys: two arrays of one length."""
        self.merge(np.sort(postings(keys, texts)))

    def merge(self, level: Postings) -> None:
        """Put postings in, which are sorted, or several sorted runs."""
        if not len(level):
            return
        runs = [level]
        while self._levels and len(self._levels[-1]) < max(_SMALL, 2 * sum(map(len, runs))):
            runs.insert(0, self._levels.pop())
        # A stable sort of integers finds runs that are sorted already, and merges them.
        self._levels.append(np.sort(np.concatenate(runs), kind="stable"))

    def find(self, keys: Keys) -> Keys:
        """Return the texts in the buckets of keys: each as often as it is in one, in no order."""
        low = np.sort(keys).astype(np.uint64) << _SHIFT
        found = [_texts(level, *_stretches(level, low)) for level in self._levels]
        return np.concatenate(found) if found else _NONE

    def count(self, keys: Keys, least: int = 1) -> tuple[Keys, NDArray[np.int64]]:
        """Return the texts that are in at least ``least`` of the buckets of keys, each once, and in how many."""
        low = np.sort(keys).astype(np.uint64) << _SHIFT
        stretches = [_stretches(level, low) for level in self._levels]
        sizes = sum((end - begin for begin, end in stretches), np.zeros(len(low), dtype=np.int64))

        def find(some: Places) -> Keys:
            pairs = zip(self._levels, stretches, strict=True)
            found = [_texts(level, begin[some], end[some]) for level, (begin, end) in pairs]
            return np.concatenate(found) if found else _NONE

        return count_shared(sizes, least, _SOUGHT, find, lambda some, texts: self._has(np.sort(low[some]), texts))

    def _has(self, low: NDArray[np.uint64], texts: Keys) -> NDArray[np.int64]:
        """Return in how many of some buckets each text is."""
        wanted = (low[:, None] | texts.astype(np.uint64)).ravel()
        found = np.zeros(len(wanted), dtype=np.int64)
        for level in self._levels:
            place = np.searchsorted(level, wanted)
            found += level[np.minimum(place, len(level) - 1)] == wanted
        counts: NDArray[np.int64] = found.reshape(len(low), len(texts)).sum(axis=0)
        return counts


def count_shared(
    sizes: Sequence[int] | NDArray[np.int64],
    least: int,
    sought: int,
    find: Callable[[Places], Keys],
    has: Callable[[Places, Keys], NDArray[np.int64]],
) -> tuple[Keys, NDArray[np.int64]]:
    """Return the texts that are in at least ``least`` of some buckets, given the sizes of these, and in how many.

    A text that is in ``least`` of n buckets is in one of any n - least + 1 of them: only the smallest are read in full
    by ``find``, and what is found there is looked for in the others, from small to large, for as long as it can still
    reach ``least`` (prefix filtering, after Chaudhuri, Ganti and Kaushik, ICDE 2006). ``has`` says in how many of some
    buckets each text is; it is asked for about ``sought`` postings at a time.

    For example, of 10 keys a text is to have 8, so that it lacks 2 at most and has one of any 3: the 3 smallest
    buckets are read, and the other 7 are only asked for the texts that were found in those.
    """
    order = np.argsort(sizes, kind="stable")
    read = max(0, len(order) - least + 1)
    rest = order[read:]
    texts, counts = _tally(find(order[:read]))
    while len(rest) and len(texts):
        some = max(1, sought // len(texts))
        counts = counts + has(rest[:some], texts)
        rest = rest[some:]
        able = counts + len(rest) >= least
        texts, counts = texts[able], counts[able]
    return texts, counts


def _stretches(level: NDArray[np.uint64], low: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the buckets of keys begin and end in a level."""
    return level.searchsorted(low), level.searchsorted(low | _LOW, side="right")


def _texts(level: NDArray[np.uint64], begin: NDArray[np.int64], end: NDArray[np.int64]) -> Keys:
    """Return the texts in some stretches of a level, one after the other."""
    lengths = end - begin
    total = int(lengths.sum())
    if not total:
        return _NONE
    shift = np.repeat(begin - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    picked: Keys = (level[shift + np.arange(total)] & _LOW).astype(np.uint32)
    return picked


def _tally(found: Keys) -> tuple[Keys, NDArray[np.int64]]:
    if not len(found):
        return _NONE, np.empty(0, dtype=np.int64)
    if len(found) * 20 < int(found.max()):
        texts, counts = np.unique(found, return_counts=True)
        return texts, counts
    counts = np.bincount(found)
    (present,) = np.nonzero(counts)
    return present.astype(np.uint32), counts[present]


def bucket(found: Postings) -> Iterator[tuple[int, Keys]]:
    """Yield each key of sorted postings with the texts that have it."""
    keys, begins = np.unique(found >> _SHIFT, return_index=True)
    texts = np.split((found & _LOW).astype(np.uint32), begins[1:])
    yield from zip(keys.tolist(), texts, strict=False)  # no postings are split into one part, which is empty
