"""Keys of buckets: the same everywhere, and pure enough for MapReduce."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from agentpool_jupyter.recall.backends.buckets import bucket, postings
from agentpool_jupyter.recall.text.shingles import jaccard, shingles
from agentpool_jupyter.recall.text.signatures import BANDS, ROWS, SURE, bands_of, sign_texts, stamp_text


def test_the_keys_are_the_same_in_every_process():
    """Whatever its hash seed is."""
    program = "from agentpool_jupyter.recall.text.signatures import stamp_text; print(stamp_text())"
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == stamp_text()


def test_the_keys_are_those_of_every_machine():
    """Pinned: another value means another rensa, and that every index is rebuilt."""
    assert json.loads(stamp_text())["probe"] == "87808245b3302fb7"


def test_one_text_alone_has_the_keys_that_it_has_among_others():
    texts = ["the oven lease comes first", "one", "昼のパンと夜のパン", "jam " * 3000]
    for text, signed in zip(texts, sign_texts(texts), strict=True):
        assert np.array_equal(bands_of(shingles(text)), signed.bands)


def test_a_blank_text_has_no_keys():
    first, second = sign_texts(["", "the oven lease"])
    assert first is None
    assert len(second.bands) == BANDS
    assert len(second.shingles) == 2


@pytest.mark.parametrize("score", [0.3, SURE, 0.5, 0.7])
def test_texts_meet_as_often_as_the_formula_says(score):
    chance = random.Random(3)
    hits = 0
    count, size = 800, 120
    for number in range(count):
        shared = round(2 * size * score / (1 + score))
        common = [f"{number} {i} {chance.random()}" for i in range(shared)]
        one, other = (frozenset(common + [f"{side} {number} {i}" for i in range(size - shared)]) for side in "ab")
        assert jaccard(one, other) == pytest.approx(score, abs=0.01)
        hits += bool((bands_of(one) == bands_of(other)).any())
    expected = 1 - (1 - score**ROWS) ** BANDS
    spread = 4 * (expected * (1 - expected) / count) ** 0.5 + 0.01
    assert hits / count == pytest.approx(expected, abs=spread)


def test_a_mapper_signs_and_a_reducer_buckets():
    """What the two find together is what shares a band."""
    texts = ["the oven lease comes first", "the oven lease comes first!", "jam is sweet and red"]
    bands = np.concatenate([one.bands for one in sign_texts(texts)])
    found = np.sort(postings(bands, np.repeat(np.arange(3, dtype=np.uint32), BANDS)))
    assert {tuple(together.tolist()) for _, together in bucket(found) if len(together) > 1} == {(0, 1)}
    assert sum(len(together) for _, together in bucket(found)) == 3 * BANDS


def test_nothing_to_bucket():
    assert list(bucket(np.empty(0, dtype=np.uint64))) == []
