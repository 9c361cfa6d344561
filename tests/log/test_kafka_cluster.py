"""Three brokers: pools are kept three times, and outlive the loss of one."""

import contextlib
import re
import secrets

import pytest

from agentpool_jupyter.log import open_store
from agentpool_jupyter.services import broker
from agentpool_jupyter.services.broker_setup import free_port
from tests.kafka_fixtures import require_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.nightly, pytest.mark.timeout(300)]


def _join_cluster(first, folder, node):
    """Start one more broker in the cluster of the first, whose node is the controller."""
    (folder / "topics").mkdir(parents=True)
    meta = (first.data / "topics" / "meta.properties").read_text()
    meta = re.sub(r"node\.id=.*", f"node.id={node}", meta)
    meta = re.sub(r"directory\.id=.*", f"directory.id={secrets.token_urlsafe(16)}", meta)
    (folder / "topics" / "meta.properties").write_text(meta)
    voters = re.search(r"controller\.quorum\.voters=(.*)", (first.data / "server.properties").read_text())[1]
    port = free_port()
    listener = f"PLAINTEXT://{broker.HOST}:{port}"
    return broker.start(
        port,
        folder,
        properties={
            "process.roles": "broker",
            "node.id": str(node),
            "controller.quorum.voters": voters,
            "listeners": listener,
            "advertised.listeners": listener,
        },
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    root = tmp_path_factory.mktemp("cluster")
    with contextlib.ExitStack() as stack:
        first = require_kafka(lambda: broker.start(0, root / "1"))
        stack.callback(broker.stop, root / "1")
        nodes = [first]
        for node in (2, 3):
            stack.callback(broker.stop, root / str(node))
            nodes.append(_join_cluster(first, root / str(node), node))
        yield nodes


def test_a_pool_has_three_copies_two_of_which_must_be_in_step(cluster):
    """With three brokers a new pool's topic has three replicas and min.insync.replicas 2, and is kept for ever."""
    from agentpool_jupyter.log.kafka import KafkaStore, clients

    url = "kafka://" + ",".join(node.address for node in cluster)
    store = open_store(url)
    assert isinstance(store, KafkaStore)
    with store.open("bakery") as log:
        assert log.append([b"a", b"b"]) == [0, 1]
    admin = clients.admin(store.address, 10_000)
    try:
        (topic,) = admin.describe_topics(["agentpool.bakery"])
        assert len(topic["partitions"]) == 1
        configs = admin.describe_configs([_resource("agentpool.bakery")])["topic"]["agentpool.bakery"]
    finally:
        admin.close()
    partition = topic["partitions"][0]
    replicas = partition.get("replica_nodes") or partition.get("replicas")
    assert sorted(replicas) == [1, 2, 3]
    wanted = {"min.insync.replicas": "2", "retention.ms": "-1", "retention.bytes": "-1"}
    assert {name: configs[name]["value"] for name in wanted} == wanted


def _resource(topic):
    from kafka.admin import ConfigResource, ConfigResourceType

    return ConfigResource(ConfigResourceType.TOPIC, topic)


def test_the_loss_of_one_broker_stops_nobody(cluster):
    """While one of three brokers is away, everything acknowledged can be read and new records are taken."""
    url = "kafka://" + ",".join(node.address for node in cluster)
    with open_store(url).open("resilient") as log:
        for i in range(20):
            log.append([b"%d" % i])
        broker.stop(cluster[2].data)
        for i in range(20, 40):
            log.append([b"%d" % i])
        assert [int(record.value) for record in log.read()] == list(range(40))
