"""Recall over pools that are kept on Kafka."""

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.recall import RecallIndex, similar

LEASE = "the oven lease comes first because nothing bakes without an oven"


@pytest.mark.kafka
def test_a_pool_on_kafka_is_followed_and_gone_on_with(kafka_url, tmp_path):
    """Its index is a file of this machine, and goes on where it stood."""
    with open_pool("bakery", kafka_url) as pool:
        pool.post(LEASE)
        with RecallIndex(pool.store, tmp_path / "recall.index") as index:
            assert [match.turn for match in similar(pool, LEASE, index=index, over="all")] == ["you#1"]
    with open_pool("bakery", kafka_url) as pool, RecallIndex(pool.store, tmp_path / "recall.index") as index:
        pool.post(f"{LEASE} again")
        matches = similar(pool, LEASE, index=index)
        assert ([match.turn for match in matches], matches.notes) == (["you#1", "you#2"], [])
