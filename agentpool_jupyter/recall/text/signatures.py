"""Signatures: from shingles to the keys of the buckets in which texts that are alike meet.

Which library answers which question, and why; figures are of 100,000 passages of installed packages, from
``tests/benchmarks/bench_recall.py`` on a machine of two cores.

*Resembles* (Jaccard): MinHash with 126 permutations in 42 bands of 3 rows. Two texts of Jaccard s share at least one
band with probability 1 - (1 - s^3)^42: 0.96 at 0.42, 0.996 at 0.5, and 0.0003 at 0.02, which is what two unrelated
texts have. Measured at 0.5: all 445 of 445. ``rensa`` signs (R-MinHash): 37,700 texts/s, datasketch 7,300. Sorted
arrays hold the bands (:mod:`agentpool_jupyter.recall.backends.buckets`): of 20,000 texts they take 6 MiB, rensa's own
index 80, to find the same 0.03 ms sooner; and where its ``num_bands`` does not divide the permutations it silently
loses texts.

*Is contained in*: every shingle is a key of its own (the same arrays), that is, bands of one row without the sampling.
A thought of ten shingles within a passage of 300 has a Jaccard of 0.03, where MinHash has little to hold on to:
datasketch's LSH Ensemble (Zhu et al., VLDB 2016), which tunes its bands by size, finds 81 of 100 at a threshold of 0.5,
in 1.4 ms among a tenth of the texts, and cannot grow after it was built. Keys of single shingles find everything, in
0.11 ms, and also count what is shared, so that hardly anything is verified in vain.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from . import passages, shingles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    Keys = NDArray[np.uint32]
    """Keys of buckets, or ids of texts."""
    Hashes = NDArray[np.uint64]

FORMAT = 4
"""Changes when what is stored, or how, does."""
BANDS = 42
ROWS = 3
PERMUTATIONS = BANDS * ROWS
SEED = 20260
SURE = 0.42
"""The Jaccard from which on the bands find at least 0.95; below, the shingles' own keys are used."""
_BATCH = 500  # texts signed at a time: rensa gives a signature as a list, of which each number takes 32 bytes

_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64)
_NUMBERS = np.arange(1, BANDS + 1, dtype=np.uint64) * _FACTORS[ROWS]

_PROBE = (
    "the oven lease comes first",
    "def f(x): return x",
    "\u663c\u306e\u30d1\u30f3\u3068\u591c",
    "caf\u00e9 m\u00fcnchen",
    "one",
    "!?",
    "bak\u00adery, co\u200bpy, \x1b[1mbold\x1b[0m and hy-\nphen",  # what normalising takes away
)


class Signed(NamedTuple):
    """The keys of one text."""

    bands: Keys
    """One for each of the 42 bands, in order."""
    hashes: Hashes
    """Of the shingles, 64 bits each, sorted."""
    shingles: Keys
    """One for each shingle; as many as there are shingles, even where two should have one key."""


def hash_shingles(sets: Sequence[AbstractSet[str]]) -> list[Hashes]:
    """Return the 64-bit hashes of the shingles of texts, sorted: all that signing needs; quicker for many at once."""
    from rensa import RMinHash  # type: ignore[import-untyped]  # noqa: PLC0415 - optional

    hashes = RMinHash.hash_token_sets([list(one) for one in sets])
    return [np.sort(np.array(one, dtype=np.uint64)) for one in hashes]


def sign_texts(texts: Sequence[str]) -> list[Signed | None]:
    """Return the keys of texts, None for those that have no shingles; quicker for many at once."""
    sets = [shingles.shingles(text) for text in texts]
    if not any(sets):
        return [None for _ in sets]
    hashes = hash_shingles([one for one in sets if one])
    bands = band_keys(np.concatenate(hashes), list(map(len, hashes)))
    keys = (Signed(band, one, shingle_keys(one)) for band, one in zip(bands, hashes, strict=True))
    return [next(keys) if one else None for one in sets]


def bands_of(query: AbstractSet[str]) -> Keys:
    """Return the band keys of one text, as :func:`sign_texts` does, but ten times as quick for just one."""
    from rensa import RMinHash  # noqa: PLC0415 - optional

    sketch = RMinHash(PERMUTATIONS, SEED)
    sketch.update(list(query))
    keys: Keys = _keys_of(np.array(sketch.digest(), dtype=np.uint64))[0]
    return keys


def band_keys(hashes: Hashes, lengths: Sequence[int] | NDArray[np.int64]) -> Keys:
    """Return the band keys of texts (n x 42), given the hashes of all their shingles in a row and how many each has."""
    from rensa import RMinHash  # noqa: PLC0415 - optional

    ends = np.cumsum([0, *lengths]).astype(np.uint64)
    keys = []
    for first in range(0, len(lengths), _BATCH):
        some = ends[first : first + _BATCH + 1]
        flat = hashes[int(some[0]) : int(some[-1])]
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(flat, some - some[0], PERMUTATIONS, SEED)
        keys.append(_keys_of(np.array(matrix.to_rows(), dtype=np.uint64)))
    return np.concatenate(keys)


def _keys_of(signatures: NDArray[np.uint64]) -> Keys:
    """Return the band keys of MinHash signatures (n x 126)."""
    # Multilinear hashing of a band's rows and number (Carter and Wegman, "Universal classes of hash functions", 1979).
    sums = signatures.reshape(-1, BANDS, ROWS) @ _FACTORS[:ROWS] + _NUMBERS
    return (_mix(sums) >> np.uint64(32)).astype(np.uint32)


def shingle_keys(hashes: Hashes) -> Keys:
    """Return the keys of shingles, given their hashes."""
    return (_mix(hashes) >> np.uint64(32)).astype(np.uint32)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return values with their bits spread: the finaliser of MurmurHash3 (Appleby), 64 bits."""
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xFF51AFD7ED558CCD)
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def stamp_text() -> str:
    """Return what an index must have been made with to be of use here, as JSON."""
    # Of a few texts the keys: a library that signs otherwise than its version promises, or a machine, is found out.
    keys = filter(None, sign_texts(_PROBE))
    digest = hashlib.sha256(b"".join(one.bands.tobytes() + one.shingles.tobytes() for one in keys))
    stamp = {
        "format": FORMAT,
        "rensa": version("rensa"),
        "unicode": unicodedata.unidata_version,
        "minhash": [PERMUTATIONS, BANDS, ROWS, SEED],
        "shingles": [shingles.WORDS, shingles.CHARACTERS],
        "passages": [passages.SIZE, passages.STEP],
        "probe": digest.hexdigest()[:16],
    }
    return json.dumps(stamp, sort_keys=True)
