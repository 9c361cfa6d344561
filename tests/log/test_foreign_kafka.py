"""Topics that are not as we made them, or change beneath an open pool, against a real broker."""

from __future__ import annotations

import contextlib

import pytest

from agentpool_jupyter.errors import LogMovedError, LogUnavailableError, StoreError, StoreWarning, UserError
from agentpool_jupyter.log import FILLER, Record, open_store
from agentpool_jupyter.log.kafka import clients
from agentpool_jupyter.services.broker_setup import free_port
from tests.kafka_fixtures import running_broker
from tests.teams import until

from .test_kafka import raw_admin

pytestmark = pytest.mark.kafka


@contextlib.contextmanager
def another_program(store, **options):
    """A producer of somebody else's."""
    producer = clients.producer(store.address, 10_000, **options)
    try:
        yield producer
    finally:
        producer.close()


def values(log):
    return [record.value for record in log.read()]


def test_marks_of_transactions_and_what_they_took_back_say_nothing(kafka_store):
    """They have offsets, which stay dense for all that stands above; readers and followers see the same."""
    topic = kafka_store.address.topic("bakery")
    with kafka_store.open("bakery") as log, another_program(kafka_store, transactional_id=topic) as producer:
        log.append([b"0"])
        producer.init_transactions()
        for value, end in ((b"1", producer.commit_transaction), (b"3", producer.abort_transaction)):
            producer.begin_transaction()
            producer.send(topic, value, partition=0).get(10)
            end()
        until(lambda: log.end() == 5)  # the last mark is written after its client was answered
        assert log.append([b"5"]) == [5]
        wanted = [b"0", b"1", FILLER, FILLER, FILLER, b"5"]
        assert values(log) == wanted
        assert [(r.offset, r.value) for r in log.read(2, 3)] == [(2, FILLER)]
        assert all(record.time for record in log.read())
        follower, found = log.follow(), []
        while len(found) < 6:
            found += next(follower)
        assert [record.value for record in found] == wanted
        log.rewrite(lambda read: ((r.offset, b"first") for r in read() if r.value == b"0"))
        assert values(log)[:6] == [b"first", *wanted[1:]]


def test_an_open_transaction_is_told_where_it_stands_in_the_way(kafka_broker, kafka_store):
    topic = kafka_store.address.topic("bakery")
    with (
        open_store(f"kafka://{kafka_broker.address}/{kafka_store.address.prefix}?timeout_ms=1500").open(
            "bakery"
        ) as log,
        another_program(kafka_store, transactional_id=topic) as producer,
    ):
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, b"0", partition=0).get(10)
        log.append([b"1"])
        with pytest.raises(LogUnavailableError, match="another program has a transaction open there"):
            values(log)
        producer.commit_transaction()
        assert values(log)[:2] == [b"0", b"1"]


def test_keys_of_others_are_no_marks(kafka_store):
    """What stands under them is kept by a rewrite, too."""
    topic = kafka_store.address.topic("bakery")
    with kafka_store.open("bakery") as log, another_program(kafka_store) as producer:
        for key in (b"theirs", b"m12345", b"moved", b""):
            producer.send(topic, b"under " + key, key=key, partition=0).get(10)
        log.append([b"long"])
        log.rewrite(lambda _: [(4, b"short")])
        assert values(log)[:5] == [b"under theirs", b"under m12345", b"under moved", b"under ", b"short"]


def test_a_topic_that_was_deleted_and_made_anew_is_told(kafka_store):
    """By what was open: whoever reads, appends or follows."""
    reader, writer, followed = (kafka_store.open("bakery") for _ in range(3))
    writer.append([b"%d" % i for i in range(5)])
    assert reader.end() == followed.end() == 5
    follower = followed.follow()
    next(follower)
    kafka_store.delete("bakery")
    with kafka_store.open("bakery") as new:
        new.append([b"new"])
        for use in (reader.end, lambda: writer.append([b"x"]), lambda: next(follower)):
            with pytest.raises(LogMovedError, match="deleted and made anew: open the pool again"):
                use()
    for log in (reader, writer, followed):
        log.close()


SETTINGS = {
    "compact": ({"cleanup.policy": "compact"}, StoreError, "is compacted, which drops records"),
    "retention": ({"retention.ms": "86400000"}, StoreWarning, r"drops records in time \(retention\.ms=86400000\)"),
    "size": ({"retention.ms": "-1", "retention.bytes": "9"}, StoreWarning, r"retention\.bytes=9"),
}


@pytest.mark.parametrize(("configs", "kind", "told"), SETTINGS.values(), ids=SETTINGS)
def test_topics_that_lose_records_are_told_at_once(kafka_store, configs, kind, told):
    topic = kafka_store.address.topic("found")
    with raw_admin(kafka_store) as admin:
        admin.create_topics(
            {topic: {"num_partitions": 1, "replication_factor": 1, "configs": configs}}, wait_for_metadata=True
        )
    with pytest.raises(kind, match=told):  # warnings are errors here
        kafka_store.open("found")


def test_a_topic_whose_beginning_is_gone_is_told_at_once(kafka_store):
    from kafka import TopicPartition

    with kafka_store.open("bakery") as log:
        log.append([b"%d" % i for i in range(5)])
    with raw_admin(kafka_store) as admin:
        admin.delete_records({TopicPartition(kafka_store.address.topic("bakery"), 0): 3})
    with pytest.raises(StoreWarning, match="begins at offset 3: what stood before was removed"):
        kafka_store.open("bakery")


def test_times_of_a_clock_that_ran_ahead(kafka_store):
    """They can be copied here, and spoil no others."""
    ahead, now = 2**42, 1_000_000
    times = [*range(now, now + 20), ahead, *range(now + 20, now + 1_000)]
    kafka_store.restore("twin", [Record(i, time, b"x") for i, time in enumerate(times)])
    with kafka_store.open("twin") as log:
        assert [record.time for record in log.read()] == times
        assert log.offset_at(now + 10) == 10
        assert [log.offset_at(now + moment) for moment in (100, 500, 900)] == [101, 501, 901]
        assert log.offset_at(ahead + 1) == log.end()


@pytest.mark.parametrize("said", [[], [b"hello"]], ids=["silent", "used"])
def test_an_import_meets_a_pool_that_is_being_born(kafka_store, said):
    """Neither replaces the other, and nothing that was said is lost."""

    def copies():
        yield Record(0, 1, b"copy")
        with kafka_store.open("bakery") as born:
            if said:
                born.append(said)

    with pytest.raises(UserError, match="another process made pool 'bakery' meanwhile"):
        kafka_store.restore("bakery", copies())
    with kafka_store.open("bakery", create=False) as log:
        assert values(log) == said


@pytest.mark.nightly
def test_an_address_to_which_clients_are_sent_on_in_vain_is_told(tmp_path):
    """As of a broker in a container that is reached from outside."""
    port, outside, controller, nowhere = (free_port() for _ in range(4))
    here = f"PLAINTEXT://127.0.0.1:{port}"
    properties = {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"{here},OUTSIDE://127.0.0.1:{outside},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"{here},OUTSIDE://127.0.0.1:{nowhere}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:PLAINTEXT",
    }
    told = rf"sends its clients on to 127\.0\.0\.1:{nowhere}, which cannot be reached .*: see its advertised"
    with running_broker(tmp_path, port, properties=properties), pytest.raises(LogUnavailableError, match=told):
        open_store(f"kafka://127.0.0.1:{outside}?timeout_ms=1500").open("bakery")
