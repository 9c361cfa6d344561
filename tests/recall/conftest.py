"""Pools with something to find in them, and both kinds of backend."""

from functools import partial

import pytest

from agentpool_jupyter.recall.backends.redis_backend import RedisBackend
from agentpool_jupyter.recall.backends.sqlite_backend import SqliteBackend
from tests import teams
from tests.programs import start

from .redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_client(redis_server):
    """A client of an empty Redis."""
    with redis_server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def redis_url(redis_server, redis_client):
    """The address of an empty Redis."""
    return redis_server.url


@pytest.fixture(params=["sqlite", "redis"])
def backend(request, tmp_path):
    """An empty backend of either kind."""
    if request.param == "sqlite":
        backend = SqliteBackend(tmp_path / "recall.index")
    else:
        backend = RedisBackend(request.getfixturevalue("redis_url"), "test")
    yield backend
    backend.close()


def found_by_processes(count, query):
    """How many matches each of some processes finds, which begin at once."""
    program = (
        "import agentpool_jupyter as ap\nfrom agentpool_jupyter.recall import similar\n"
        f"print(len(similar(ap.open_pool('bakery'), {query!r}, k=100)))"
    )
    children = [start(program) for _ in range(count)]
    return [child.communicate()[0].strip() for child in children]


@pytest.fixture
def say(pool):
    """A function with which an agent says something in a turn of its own; returns the turn's id."""
    return partial(teams.say, pool)
