"""The embedded log."""

from __future__ import annotations

import multiprocessing
import sqlite3

import pytest

from agentpool_jupyter.errors import LogClosedError, LogCorruptError, LogUnavailableError, StoreError
from agentpool_jupyter.log import open_store
from agentpool_jupyter.log.sqlite import SqliteStore

from .conformance import LogConformance


class TestSqliteLog(LogConformance):
    @pytest.fixture
    def store(self, tmp_path):
        return open_store(tmp_path)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "bakery.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LogCorruptError, match="is damaged"):
        open_store(tmp_path).open("bakery")


def test_another_programs_database_is_left_alone(tmp_path):
    db = sqlite3.connect(tmp_path / "bakery.sqlite")
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path).open("bakery")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the folder"):
        open_store(tmp_path / "file" / "pools").open("bakery")


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "bakery.sqlite").mkdir()
    with pytest.raises(LogUnavailableError, match="check the disk"):
        open_store(tmp_path).open("bakery")


def test_addresses(tmp_path, monkeypatch):
    assert open_store(f"sqlite://{tmp_path}").url == str(tmp_path)
    monkeypatch.setenv("AGENTPOOL_STORE", str(tmp_path / "env"))
    assert isinstance(open_store(), SqliteStore)
    assert open_store().url == str(tmp_path / "env")
    with pytest.raises(StoreError, match="unknown kind of store 'redis'"):
        open_store("redis://somewhere")


def _append_in_child(log, results):
    try:
        log.append([b"child"])
    except LogClosedError as error:
        results.put(str(error))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking a threaded process is what this is about
def test_a_forked_child_must_open_its_own(tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    with open_store(tmp_path).open("bakery") as log:
        child = context.Process(target=_append_in_child, args=(log, results))
        child.start()
        child.join()
        assert "open the pool again here" in results.get()
        assert log.end() == 0
