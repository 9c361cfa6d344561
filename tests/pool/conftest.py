"""Pools on the embedded log."""

from __future__ import annotations

import itertools

import pytest

from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool import Pool, open_pool


@pytest.fixture
def pool(tmp_path):
    with open_pool("bakery", tmp_path) as pool:
        yield pool


@pytest.fixture(scope="module")
def new_pool(tmp_path_factory):
    """A function that opens a new, empty pool; for tests that need one for each example."""
    store = open_store(tmp_path_factory.mktemp("pools"))
    numbers = itertools.count()
    opened = []

    def opening() -> Pool:
        while opened:
            opened.pop().close()
        opened.append(Pool(store.open(f"pool{next(numbers)}"), store))
        return opened[-1]

    yield opening
    for pool in opened:
        pool.close()
