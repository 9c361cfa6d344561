"""A real Apache Kafka for tests: started with the code behind ``agentpool kafka start``, gone at the end."""

import contextlib
import secrets
from functools import partial

import pytest

from agentpool_jupyter.errors import ServiceError
from agentpool_jupyter.services import broker
from tests.needs import require

require_kafka = partial(require, absent=ServiceError)


@contextlib.contextmanager
def running_broker(data, port=0, **options):
    """A broker of one's own, for tests that stop it or need it otherwise."""
    require_kafka(lambda: broker.start(port, data, **options))
    try:
        yield broker.status(data)
    finally:
        broker.stop(data)


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory):
    """The status of a broker that all tests share; use ``kafka_store`` to be alone on it."""
    with running_broker(tmp_path_factory.mktemp("kafka")) as status:
        yield status


@pytest.fixture
def kafka_url(kafka_broker):
    """A store address of its own on the shared broker: no other test sees its pools."""
    return f"kafka://{kafka_broker.address}/test-{secrets.token_hex(6)}"


@pytest.fixture
def kafka_store(kafka_url):
    """An empty store on the shared broker; its topics are removed afterwards."""
    from agentpool_jupyter.log import open_store

    store = open_store(kafka_url)
    yield store
    for name in store.names():
        store.delete(name)
