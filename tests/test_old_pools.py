"""A pool that an earlier version made, with all that it derived from it, is read as that version read it."""

import json
import time
import zipfile
from pathlib import Path

import pytest

import agentpool_jupyter as ap
from tests.fixtures.pools.make import read

HERE = Path(__file__).parent / "fixtures" / "pools"


@pytest.fixture
def said(monkeypatch):
    """What the earlier version read, where it read it: clocks showed UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield json.loads((HERE / "read.json").read_text())
    monkeypatch.undo()
    time.tzset()


def as_json(found):
    return json.loads(json.dumps(found))


def test_an_old_store_is_read_as_it_was(store, said):
    """Documents at any position, history, diff and what is alike; its snapshots and its index are used as they are."""
    with zipfile.ZipFile(HERE / "store.zip") as old:
        old.extractall(store)
    files = {path: path.stat().st_mtime_ns for path in store.rglob("*.sqlite")}
    with ap.open_pool("bakery", create=False) as pool:
        assert as_json(read(pool)) == said
        done = ap.snapshot(pool, engine="inline")
        assert (done.start, done.end, done.note) == (1024, 1024, "")
        assert {path: path.stat().st_mtime_ns for path in store.rglob("*.sqlite")} == files
        message = pool.post("And it goes on.")
        assert message.offset == pool.end - 1


def test_an_old_export_is_read_as_it_was(said):
    with ap.import_pool(HERE / "bakery.jsonl.gz") as pool:
        assert as_json(read(pool)) == said
