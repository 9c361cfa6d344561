"""What every test has: a store of its own, and no key, model or proxy of whoever runs it."""

import os
import random
import secrets
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from agentpool_jupyter import open_pool
from tests.openai_server import OpenAIServer

pytest_plugins = ["tests.kafka_fixtures", "tests.jobs.clusters", "tests.snapshots.snapshots"]

ROOT = Path(__file__).parents[1]
_PLACE = pytest.StashKey[int]()
SEED = os.environ.get("AGENTPOOL_TEST_SEED")

# How many examples a property is tried on: few each time, many by night (`--hypothesis-profile=nightly`).
_USUAL = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
settings.register_profile("usual", max_examples=30, **_USUAL)
settings.register_profile("nightly", max_examples=300, **_USUAL)
settings.load_profile("usual")

# Who shares a service that takes long to start is in one group, which one worker runs; the longest groups come first.
_GROUPS = {
    "cluster": {"spark_environment", "hadoop_cluster", "shared_engine"},
    "browser": {"browser"},
    "kafka": {"kafka_broker"},
}
_SECOND_BROWSER = {"test_first_notebook", "test_lab"}  # about half of the browser's time, so that two workers share it


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in a hook of the same name
def pytest_collection_modifyitems(items):
    """Put each test into the group of the service that it shares, or else of its module; services come first."""
    order = ["cluster", "browser", "second browser", "kafka", "service", ""]
    for item in items:
        group = next((name for name, shared in _GROUPS.items() if shared & set(item.fixturenames)), "")
        if group == "browser" and item.path.stem in _SECOND_BROWSER:
            group = "second browser"
        if group == "cluster":
            item.add_marker(pytest.mark.cluster)
        if not group and "kafka" in item.name.partition("[")[2]:  # asks for its store by name
            group = "kafka"
        item.add_marker(pytest.mark.xdist_group(group or item.path.stem))
        own = any(map(item.get_closest_marker, ("kafka", "local_model")))
        item.stash[_PLACE] = order.index(group or ("service" if own else ""))
    items.sort(key=lambda item: item.stash[_PLACE])


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
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # what stands behind pseudonyms
    return folder


@pytest.fixture
def pool(store):
    """An empty pool."""
    with open_pool("bakery") as pool:
        yield pool


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def url(request, store):
    """The address of an empty store, of each kind in turn."""
    return str(store) if request.param == "sqlite" else request.getfixturevalue("kafka_url")


@pytest.fixture
def server():
    """A model server as it is of itself: quick, and of forty tokens."""
    with OpenAIServer() as server:
        yield server


@pytest.fixture
def dice():
    """Chance of a new seed each time; a failure shows the seed, and $AGENTPOOL_TEST_SEED throws the same again."""
    seed = int(SEED or secrets.randbelow(2**32))
    print(f"AGENTPOOL_TEST_SEED={seed}")  # pytest shows it where a test fails
    return random.Random(seed)
