"""Buckets as sorted arrays do what dicts of lists would."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.recall.backends.buckets import Buckets

keys = st.one_of(st.integers(0, 8), st.sampled_from([2**31, 2**32 - 2, 2**32 - 1]))
ids = st.one_of(st.integers(0, 8), st.sampled_from([2**31, 2**32 - 1]))


def array(values):
    return np.array(values, dtype=np.uint32)


@given(st.lists(st.lists(st.tuples(keys, ids), max_size=20), max_size=8), st.lists(keys, max_size=8))
def test_every_text_is_found_as_often_as_it_was_put(batches, asked):
    """However the postings came in."""
    buckets = Buckets()
    for batch in batches:
        buckets.add(array([key for key, _ in batch]), array([one for _, one in batch]))
    expected = Counter(one for key in asked for batch in batches for k, one in batch if k == key)
    assert Counter(buckets.find(array(asked)).tolist()) == expected
    assert sum(map(len, buckets._levels)) == sum(map(len, batches))


@given(st.lists(st.tuples(keys, st.integers(0, 500)), max_size=60), st.lists(keys, max_size=8))
def test_counts_are_those_of_what_is_found(postings, asked):
    buckets = Buckets()
    buckets.add(array([key for key, _ in postings]), array([one for _, one in postings]))
    texts, counts = buckets.count(array(asked))
    assert dict(zip(texts.tolist(), counts.tolist(), strict=True)) == Counter(buckets.find(array(asked)).tolist())


def test_there_are_few_arrays_however_many_times_something_is_added():
    buckets = Buckets()
    for number in range(1000):
        buckets.add(array([number % 7]), array([number]))
    assert len(buckets._levels) <= 10
    assert sum(level.nbytes for level in buckets._levels) == 8 * 1000


@given(st.integers(0, 1000), st.integers(1, 12), st.booleans())
def test_large_buckets_are_not_read_in_full(seed, least, many):
    """Counts are never too low, nothing that has enough is missing, and what has not is mostly left out."""
    chance = np.random.default_rng(seed)
    asked = array(range(12))
    buckets, truth = Buckets(), Counter()
    for key in range(12):
        size = chance.integers(1, 6000 if many and key > 4 else 40)
        texts = chance.choice(6000, size, replace=False)
        buckets.add(array([key] * size), array(texts))
        truth.update(texts.tolist())
    found, counts = buckets.count(asked, least)
    got = dict(zip(found.tolist(), counts.tolist(), strict=True))
    assert {text for text, count in truth.items() if count >= least} <= got.keys()
    assert all(truth[text] <= count for text, count in got.items())
    assert all(count >= least for count in got.values())
