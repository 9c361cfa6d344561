"""What every test has: a store of its own, and no key, model or proxy of whoever runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentpool_jupyter import open_pool

pytest_plugins = ["tests.kafka_fixtures", "tests.jobs.clusters", "tests.snapshots.templates"]

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """A folder of pools that is the default store, also of child processes and kernels, which import this clone."""
    for name in os.environ:
        if name.startswith(("OPENAI_", "AGENTPOOL_")) and name != "AGENTPOOL_REQUIRE_ALL":
            monkeypatch.delenv(name)
    folder = tmp_path / "pools"
    monkeypatch.setenv("AGENTPOOL_STORE", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # the logs of jobs
    return folder


@pytest.fixture
def pool(store):
    """An empty pool."""
    with open_pool("bakery") as pool:
        yield pool
