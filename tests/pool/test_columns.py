"""A pool as a table."""

import json

import pytest

from agentpool_jupyter.errors import UserError
from tests.teams import play


def test_turns_and_events_are_tables(pool, server):
    """In pandas and in Arrow, with the same rows."""
    pool.post("Mind the rent.")
    play(pool, {"ann": "Talks."}, server)
    turns = pool.to_pandas()
    assert list(turns["name"]) == ["you#1", "ann#1"]
    assert turns["completion_tokens"][1] == pool.document().usage.completion
    assert str(turns["time"].dtype) == "datetime64[ms, UTC]"
    assert turns["text"][0] == "Mind the rent."
    assert list(pool.to_pandas(at=0)["name"]) == ["you#1"]
    events = pool.to_pandas("events")
    assert list(events["offset"]) == list(range(pool.end))
    assert json.loads(events["data"][0]) == {"text": "Mind the rent."}
    for rows, table in (("turns", turns), ("events", events)):
        arrow = pool.to_arrow(rows)
        assert arrow.column_names == list(table.columns)
        assert arrow.num_rows == len(table)
    with pytest.raises(UserError, match="no rows of 'words'"):
        pool.to_pandas("words")


def test_an_empty_pool_is_an_empty_table(pool):
    assert len(pool.to_pandas()) == len(pool.to_pandas("events")) == pool.to_arrow().num_rows == 0
