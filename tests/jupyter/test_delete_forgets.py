"""``%pool delete`` takes a pool out of the index of its store, too."""

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.log import open_store
from agentpool_jupyter.recall import RecallIndex
from agentpool_jupyter.services.broker_setup import free_port

LEASE = "the oven lease comes first because nothing bakes without an oven"


@pytest.fixture
def bakery(store):
    """A pool in which something was said."""
    with open_pool("bakery") as pool:
        pool.post(LEASE)
    return open_store(store)


@pytest.mark.parametrize("searched", ["here", "elsewhere"])
def test_nothing_of_it_is_left_in_the_index(shell, bakery, store, searched):
    """Be the index open in this notebook, or just there."""
    if searched == "here":
        shell.run_line_magic("pool", "use bakery")
        shell.run_cell_magic("similar", "", LEASE)
    else:
        with open_pool("bakery") as pool, RecallIndex(pool.store) as index:
            index.follow(pool)
    assert any(b"nothing bakes" in path.read_bytes() for path in store.glob("recall.index*"))
    told = shell.run_line_magic("pool", "delete bakery --yes")
    assert repr(told) == "deleted pool 'bakery'"
    assert not any(b"nothing bakes" in path.read_bytes() for path in store.iterdir())


@pytest.mark.usefixtures("bakery")
def test_no_index_is_made_for_it(shell, store):
    shell.run_line_magic("pool", "delete bakery --yes")
    assert list(store.glob("recall.index*")) == []


@pytest.mark.usefixtures("bakery")
def test_an_index_that_is_away_is_told(shell, store, monkeypatch):
    """The pool is deleted all the same."""
    monkeypatch.setenv("AGENTPOOL_INDEX", f"redis://:secret@127.0.0.1:{free_port()}/0")
    told = repr(shell.run_line_magic("pool", "delete bakery --yes"))
    assert told.startswith("deleted pool 'bakery'; what was said in it may still be in the index: ")
    assert "secret" not in told
    assert open_store(store).names() == []
