"""Recall: what was said or written before, found by locality-sensitive hashing and verified exactly.

In reading order; imports go from the top down::

    similar     the way in: ``similar(pool, query)``
    pools       the pools of a store, of which a few stay open
    index       the index of a store: follows its pools, keeps a library, and searches
    ranking     candidates from the buckets, verified on their texts: the best, with exact scores
    matches     a search, what is found, and the matches that people see
    turns       from a pool's events to items: turns as they finish
    documents/  the library: documents that are searched beside the pools
    backends/   what keeps an index: an SQLite file, or Redis
    text/       shingles, signatures, passages, thoughts
    file_names  how files are named where others read it
    bulk/       the MapReduce job that indexes many pools; uses all of these
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .index import RecallIndex
    from .matches import Match, Matches
    from .similar import similar

__all__ = ["Match", "Matches", "RecallIndex", "similar"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "index": ["RecallIndex"],
        "matches": ["Match", "Matches"],
        "similar": ["similar"],
    },
)
