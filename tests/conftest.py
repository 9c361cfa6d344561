"""What every test has: a store of its own, and no key, model or proxy of whoever runs it."""

from __future__ import annotations

import os
import random
import secrets
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from agentpool_jupyter import open_pool

pytest_plugins = ["tests.kafka_fixtures", "tests.jobs.clusters", "tests.snapshots.templates"]

ROOT = Path(__file__).parents[1]
SEED = os.environ.get("AGENTPOOL_TEST_SEED")

# How many examples a property is tried on: few each time, many by night (`--hypothesis-profile=nightly`).
_USUAL = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
settings.register_profile("usual", max_examples=30, **_USUAL)
settings.register_profile("nightly", max_examples=300, **_USUAL)
settings.load_profile("usual")


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


@pytest.fixture
def dice():
    """Chance of a new seed each time; a failure shows the seed, and $AGENTPOOL_TEST_SEED throws the same again."""
    seed = int(SEED or secrets.randbelow(2**32))
    print(f"AGENTPOOL_TEST_SEED={seed}")  # pytest shows it where a test fails
    return random.Random(seed)
