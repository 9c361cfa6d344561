"""Texts that resemble one: rensa's MinHash index in memory, with bands that are chosen here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agentpool_jupyter.recall.text.signatures import BANDS, PERMUTATIONS, SEED

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from agentpool_jupyter.recall.text.signatures import Hashes, Keys


class Sketches:
    """Texts by the bands of their MinHash signatures. Not safe for threads: the owner has a lock.

    Signing is so quick (200,000 texts/s) that signatures are not stored anywhere: they are made from the shingles'
    hashes whenever an index is loaded.
    """

    def __init__(self) -> None:
        from rensa import RMinHash, RMinHashLSH  # type: ignore[import-untyped]  # noqa: PLC0415 - optional

        self._signer = RMinHash
        # The threshold is no part of the look-up; the bands are, and rensa takes other ones than it was told if
        # they do not divide the permutations.
        self._index = RMinHashLSH(threshold=0.5, num_perm=PERMUTATIONS, num_bands=BANDS)
        if self._index.get_num_bands() != BANDS:
            message = f"rensa made {self._index.get_num_bands()} bands of {PERMUTATIONS} permutations, not {BANDS}"
            raise RuntimeError(message)
        self._ids: list[NDArray[np.uint32]] = []
        self._count = 0
        self._all: Keys = np.empty(0, dtype=np.uint32)

    def __len__(self) -> int:
        """Return the number of texts."""
        return self._count

    def add(self, hashes: Hashes, lengths: NDArray[np.int64], ids: Keys) -> None:
        """Put texts in: the hashes of all their shingles in a row, how many each has, and their ids."""
        if not len(ids):
            return
        ends = np.concatenate(([0], np.cumsum(lengths))).astype(np.uint64)
        matrix = self._signer.digest_matrix_from_flat_token_hashes(hashes, ends, PERMUTATIONS, SEED)
        self._index.insert_matrix(matrix, self._count)
        self._ids.append(ids)
        self._count += len(ids)

    def find(self, query: AbstractSet[str]) -> Keys:
        """Return the ids of the texts that share at least one band with a text's shingles, each once, in no order."""
        if len(self._ids) != 1 or len(self._all) != self._count:
            self._all = np.concatenate(self._ids) if self._ids else self._all
            self._ids = [self._all] if self._count else []
        sketch = self._signer(PERMUTATIONS, SEED)
        sketch.update(list(query))
        found = self._index.query(sketch)
        return self._all[np.array(found, dtype=np.int64)]
