"""What a bulk job makes of a source: items that are signed, and their buckets, ready to be put on a shelf."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentpool_jupyter.recall.text.signatures import Hashes, Keys

    from .buckets import Postings
    from .items import Item, Source

    Settle = Callable[[bytes | None], bytes]
    """Given the mark that a source has by now, returns the one that it is to have."""


_LOW = np.uint64(0xFFFFFFFF)


class Bulk(NamedTuple):
    """Many items of one source. Postings name an item by its place in ``items``."""

    source: Source
    items: Sequence[Item]
    hashes: Sequence[Hashes]
    """Of the shingles of each item, sorted."""
    bands: Postings
    """Sorted; by key of a band."""
    shingles: Postings
    """Sorted; by key of a shingle."""
    settle: Settle


def numbered(postings: Postings, ids: Keys) -> Postings:
    """Return postings with an item's id for its place, given the ids, and without those whose id is 0."""
    texts = ids[(postings & _LOW).astype(np.int64)]
    found: Postings = ((postings & ~_LOW) | texts.astype(np.uint64))[texts > 0]
    return found
