"""Fixtures of the history's tests."""

import shutil
import tempfile

import pytest

from agentpool_jupyter import open_pool
from tests.snapshots.snapshots import build, grow, of_the_log


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Folders of this test's own for temporary files and for what jobs say."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return folder


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A store with a pool that has snapshots of small windows, and records that were delivered again late."""
    folder = tmp_path_factory.mktemp("template")
    with open_pool("bakery", folder, snapshot_every=0) as pool:
        grow(pool, 900)
        late = list(pool.records(3, 200))
        pool.append_records(late)
        grow(pool, 500, seed=2)
        pool.append_records(late[40:70])
        assert build(pool).windows.keys() >= {0, 1, 2}
        return folder, *of_the_log(pool)


@pytest.fixture
def made(template, tmp_path):
    """A copy of the template: its store, its places and what the log says of them."""
    folder, *said = template
    store = tmp_path / "made"
    shutil.copytree(folder, store)
    return store, *said
