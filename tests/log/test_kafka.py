"""The log on Apache Kafka, against real brokers."""

from __future__ import annotations

import contextlib
import gc
import gzip
import logging
import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import traceback
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.errors import (
    LogBusyError,
    LogClosedError,
    LogCorruptError,
    LogError,
    LogMovedError,
    LogUnavailableError,
    PoolNotFoundError,
    ServiceError,
    StoreError,
    UserError,
)
from agentpool_jupyter.log import FILLER, open_store
from agentpool_jupyter.log.kafka import KafkaAddress, KafkaStore, clients, compression, fence
from agentpool_jupyter.log.kafka.reader import scan
from agentpool_jupyter.log.kafka.rewrite import Rewriting
from agentpool_jupyter.log.kafka.topics import Topics
from agentpool_jupyter.services import broker
from tests.kafka_fixtures import require_kafka, running_broker

from .conformance import LONG, LogConformance, shortened

pytestmark = pytest.mark.kafka


class TestKafkaLog(LogConformance):
    @pytest.fixture
    def store(self, kafka_store):
        return kafka_store


def test_a_topic_is_known_by_the_same_id_whoever_says_it(kafka_store):
    """The controller and the connection by which it is read: else the pool is looked for again and again."""
    for _ in range(2):
        with kafka_store.open("bakery") as log:
            assert log.end() == 0
            assert log._reader.topic_id == log._topic_id != ""


@contextlib.contextmanager
def raw_admin(store):
    """The client's own admin interface, to look at what a store did and to do what a store would not."""
    admin = clients.admin(store.address, 10_000)
    try:
        yield admin
    finally:
        admin.close()


def topic_configs(store, topic):
    from kafka.admin import ConfigResource, ConfigResourceType

    with raw_admin(store) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    text = repr(found)
    assert topic in text
    return found


# --- topics -----------------------------------------------------------------------------------------------------


def test_a_pools_topic_keeps_everything_forever(kafka_store):
    """One partition, no deletion by age or size, the broker's own clock."""
    kafka_store.open("bakery").close()
    topic = kafka_store.address.topic("bakery")
    with raw_admin(kafka_store) as admin:
        (described,) = admin.describe_topics([topic])
    assert len(described["partitions"]) == 1
    configs = topic_configs(kafka_store, topic)["topic"][topic]
    values = {name: config["value"] for name, config in configs.items()}
    assert values["retention.ms"] == values["retention.bytes"] == "-1"
    assert values["cleanup.policy"] == "delete"
    assert values["message.timestamp.type"] == "LogAppendTime"


def test_opening_at_the_same_time_makes_one_topic(kafka_store):
    logs = []
    threads = [threading.Thread(target=lambda: logs.append(kafka_store.open("bakery"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    offsets = sorted(offset for log in logs for offset in log.append([b"x"]))
    for log in logs:
        log.close()
    assert offsets == list(range(6))


def test_a_topic_with_more_partitions_is_no_pool(kafka_store):
    topic = kafka_store.address.topic("wide")
    with raw_admin(kafka_store) as admin:
        admin.create_topics({topic: {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
    with pytest.raises(StoreError, match="has 3 partitions: a pool is a topic with one"):
        kafka_store.open("wide")


def test_names_that_kafka_cannot_tell_apart_are_refused(kafka_store):
    kafka_store.open("a.b").close()
    with pytest.raises(UserError, match=r"differs only in '\.' and '_'"):
        kafka_store.open("a_b")


def test_more_copies_than_brokers_are_refused(kafka_url):
    with pytest.raises(StoreError, match="refuses a topic with 2 copies"):
        open_store(f"{kafka_url}?replication_factor=2").open("bakery")


@pytest.mark.nightly
def test_nothing_makes_the_broker_create_a_topic(tmp_path):
    """Even where the cluster would, looking for a pool and using a deleted one creates nothing."""
    with running_broker(tmp_path / "kafka", properties={"auto.create.topics.enable": "true"}) as status:
        store = open_store(f"kafka://{status.address}?delivery_timeout_ms=2000&timeout_ms=2000")
        with pytest.raises(PoolNotFoundError, match="no pool 'nowhere'"):
            store.open("nowhere", create=False)
        with store.open("bakery") as log:
            log.append([b"x"])
            store.delete("bakery")
            with pytest.raises(LogError):
                log.append([b"y"])
            with pytest.raises(LogError):
                log.end()
        assert store.names() == []


# --- records ----------------------------------------------------------------------------------------------------


def test_a_record_that_is_too_large_is_told_and_nothing_is_stored(kafka_store):
    with kafka_store.open("bakery") as log:
        with pytest.raises(LogError, match="8,388,609 bytes is larger than the 8,388,608"):
            log.append([b"small", b"x" * (clients.MAX_RECORD + 1)])
        assert log.end() == 0
        assert log.append([os.urandom(clients.MAX_RECORD), b"next"]) == [0, 1]
        assert [len(record.value) for record in log.read()] == [clients.MAX_RECORD, 4]


def test_a_topic_that_takes_less_is_told(kafka_store):
    topic = kafka_store.address.topic("narrow")
    with raw_admin(kafka_store) as admin:
        configs = {"max.message.bytes": "10000", "retention.ms": "-1"}
        admin.create_topics(
            {topic: {"num_partitions": 1, "replication_factor": 1, "configs": configs}}, wait_for_metadata=True
        )
    with kafka_store.open("narrow") as log:
        with pytest.raises(LogError, match="does not take a record of that size"):
            log.append([os.urandom(50_000)])
        assert log.append([b"fits"]) == [0]


@given(st.lists(st.binary(max_size=300), max_size=3))
def test_batches_are_gzip_as_everyone_reads_and_writes_it(parts):
    """Also where there are several behind each other."""
    data = b"".join(parts)
    assert gzip.decompress(compression.compress(data)) == data
    assert compression.decompress(b"".join(map(gzip.compress, parts))) == data
    with pytest.raises(zlib.error):
        compression.decompress(gzip.compress(data)[:-1])


def test_what_is_appended_together_takes_a_fraction_of_its_bytes_and_reads_as_it_was(kafka_store):
    values = [b'{"type":"delta","id":"AbCdEfGh.%x","turn":"AbCdEfGh.1","text":"some words"}' % i for i in range(200)]
    with kafka_store.open("bakery") as log:
        log.append(values)
        with raw_admin(kafka_store) as admin:
            topics = [
                topic for found in admin.describe_log_dirs() for one in found["log_dirs"] for topic in one["topics"]
            ]
        (ours,) = [topic for topic in topics if topic["name"] == kafka_store.address.topic("bakery")]
        stored = ours["partitions"][0]["partition_size"]
        assert stored < sum(map(len, values)) / 5
        assert [record.value for record in log.read()] == values


def test_what_was_read_and_is_kept_is_not_taken_for_what_a_rewrite_has_made_of_it(kafka_store):
    """By the log that did it, nor by another that was open."""
    with kafka_store.open("bakery") as log, kafka_store.open("bakery") as other:
        log.append([LONG % i for i in range(3_000)])
        for one in (log, other):
            for start, stop in ((0, 3_000), (1_000, 2_100), (1_024, 2_048), (5, 6)):
                assert [r.value for r in one.read(start, stop)] == [LONG % i for i in range(start, stop)]
        log.rewrite(shortened(3, 1_500))
        assert [r.value for r in log.read(0, 2_000) if r.value == b"short"] == [b"short"] * 2
        for use in (lambda: list(other.read()), lambda: list(other.read(0, 2_000))):
            with pytest.raises(LogMovedError, match="open it again"):
                use()


def test_the_end_is_true_after_every_burst(kafka_store):
    """No reader, old or new, ever sees less than what was acknowledged."""
    with kafka_store.open("bakery") as log, kafka_store.open("bakery") as other:
        expected = 0
        for size in (1, 3000, 1, 700, 5000, 2):
            expected = log.append([b"%d" % i for i in range(size)])[-1] + 1
            assert log.end() == other.end() == expected
            assert sum(1 for _ in other.read()) == expected


def test_records_that_a_reader_missed_for_good_are_told(kafka_store):
    """A log whose beginning somebody deleted is never silently shorter."""
    from kafka import TopicPartition

    with kafka_store.open("bakery") as log:
        log.append([b"%d" % i for i in range(5)])
        with raw_admin(kafka_store) as admin:
            admin.delete_records({TopicPartition(kafka_store.address.topic("bakery"), 0): 3})
        with pytest.raises(LogCorruptError, match="no longer has offset 0"):
            next(log.follow())
        with pytest.raises(LogCorruptError, match="has lost records"):
            list(log.read())
        assert [record.offset for record in log.read(3)] == [3, 4]


def test_a_follower_of_the_future_waits_for_it(kafka_store):
    with kafka_store.open("bakery") as log:
        follower = log.follow(3)
        timer = threading.Timer(0.5, log.append, [[b"0", b"1", b"2", b"3"]])
        timer.start()
        assert [record.offset for record in next(follower)] == [3]
        timer.join()


def test_closing_leaves_no_thread(kafka_store):
    before = set(threading.enumerate())
    log = kafka_store.open("bakery")
    follower = log.follow()
    log.append([b"x"])
    assert next(follower)[0].value == b"x"
    assert list(log.read())
    log.close()
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(10)
    assert [thread for thread in left if thread.is_alive()] == []


def test_closing_a_client_that_has_something_to_send_leaves_no_connection(kafka_store):
    """What it would have sent has no loop to send it any more."""
    with raw_admin(kafka_store) as admin:
        admin.list_topics()
        client = admin._client
        client._net.stop()
        (transport,) = [one.transport for one in client._manager._conns.values()]
        sock = transport._sock
        transport.write(bytes(64 << 20))  # more than a socket takes at once
    assert sock.fileno() == -1


def _append_in_child(log, results):
    try:
        log.append([b"child"])
    except LogClosedError as error:
        results.put(str(error))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking a threaded process is what this is about
def test_a_forked_child_must_open_its_own(kafka_store):
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    with kafka_store.open("bakery") as log:
        log.append([b"parent"])
        child = context.Process(target=_append_in_child, args=(log, results))
        child.start()
        child.join()
        assert "open the pool again here" in results.get()
        assert log.append([b"parent"]) == [1]
        assert log.end() == 2


# --- generations --------------------------------------------------------------------------------------------------


def topics_of(store):
    with raw_admin(store) as admin:
        return sorted(topic for topic in admin.list_topics() if topic.startswith(store.address.prefix))


def test_a_rewrite_makes_a_new_topic_and_keeps_the_old_one(kafka_store):
    """As it was; the new one is a pool's topic like any other, and both go when the pool is deleted."""
    from kafka import TopicPartition

    with kafka_store.open("bakery") as log:
        log.append([LONG % i for i in range(5)])
        done = log.rewrite(shortened(1, 2))
        assert log.append([LONG % 5])[0] > 5
    first, second = (kafka_store.address.topic("bakery", number) for number in (1, 2))
    assert topics_of(kafka_store) == sorted([first, second])
    assert first in done.kept
    assert done.moved
    assert (done.records, done.before - done.after) == (2, 2 * (len(LONG % 1) - len(b"short")))
    old = [found.value for found in scan(kafka_store.address, TopicPartition(first, 0))]
    assert old[:5] == [LONG % i for i in range(5)]
    configs = topic_configs(kafka_store, second)["topic"][second]
    assert configs["message.timestamp.type"]["value"] == "LogAppendTime"
    assert configs["retention.ms"]["value"] == "-1"
    assert kafka_store.names() == ["bakery"]
    kafka_store.delete("bakery")
    assert topics_of(kafka_store) == []


def test_the_old_topic_goes_when_told_to(kafka_url):
    """Whoever still has it open learns that the pool moved, not that a topic is missing."""
    store = open_store(f"{kafka_url}?delivery_timeout_ms=2000&timeout_ms=2000&patience_ms=2000")
    with store.open("bakery") as log, store.open("bakery") as other:
        log.append([LONG % i for i in range(5)])
        assert other.end() == 5
        follower = other.follow()
        next(follower)
        done = log.rewrite(shortened(1), delete_old=True)
        assert done.kept == ""
        assert topics_of(store) == [store.address.topic("bakery", 2)]
        for use in (lambda: other.append([LONG % 6]), other.end, lambda: next(follower)):
            with pytest.raises(LogMovedError, match="open it again"):
                use()
        log.rewrite(shortened(2))
        assert topics_of(store) == [store.address.topic("bakery", number) for number in (2, 3)]
    store.delete("bakery")


_REWRITER = """
import sys
from agentpool_jupyter.log import open_store
with open_store(sys.argv[1]).open("bakery") as log:
    print("open", flush=True)
    log.rewrite(lambda read: [(record.offset, b"short") for record in read() if record.offset < 1000])
"""


@pytest.mark.parametrize("kills", [2, pytest.param(24, marks=pytest.mark.nightly)])
def test_a_rewrite_that_is_killed_at_any_moment_is_there_whole_or_not_at_all(kafka_url, dice, kills):
    """A writer waits behind the fence of the dead for a while and moves the pool on; the next rewrite succeeds."""
    store = open_store(f"{kafka_url}?timeout_ms=3000")
    for _ in range(kills):
        with store.open("bakery") as log:
            log.append([LONG % number for number in range(1000)])
        rewriter = subprocess.Popen(
            [sys.executable, "-c", _REWRITER, f"{kafka_url}"], stdout=subprocess.PIPE, text=True
        )
        assert rewriter.stdout.readline() == "open\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            rewriter.wait(dice.uniform(0.2, 2))
        rewriter.kill()
        rewriter.wait()
        rewriter.stdout.close()
        with store.open("bakery") as log:
            (offset,) = log_or_again(store, log, LONG % 1000)
        with store.open("bakery") as log:
            values = [record.value for record in log.read()]
            assert values[offset] == LONG % 1000
            assert values[:1000] in ([LONG % number for number in range(1000)], [b"short"] * 1000)
            assert set(values[1000:offset]) <= {FILLER, FILLER + b" " * fence.FENCED}
            log.rewrite(lambda read: [(record.offset, b"new") for record in read() if record.offset < 1000])
            assert [record.value for record in log.read(0, 1000)] == [b"new"] * 1000
            assert [record.value for record in log.read(offset, offset + 1)] == [LONG % 1000]
        store.delete("bakery")


def log_or_again(store, log, value):
    """Append as a caller does who opens the pool again when told to."""
    try:
        return log.append([value])
    except LogMovedError:
        with store.open("bakery") as again:
            return again.append([value])


def test_a_pool_that_is_written_to_is_not_rewritten(kafka_store):
    """Nothing has changed then, and everyone goes on as before; when nobody writes any more, it is."""
    with kafka_store.open("bakery") as log, kafka_store.open("bakery") as writer:
        log.append([LONG % i for i in range(5)])

        def changes(read):
            found = list(shortened(1)(read))
            writer.append([LONG % writer.end()])
            return found

        with pytest.raises(LogBusyError, match="pool 'bakery' is in use") as caught:
            log.rewrite(changes)
        assert caught.value.retriable
        assert topics_of(kafka_store) == [kafka_store.address.topic("bakery")]
        assert (writer.append([LONG % 6]), log.append([LONG % 7])) == ([6], [7])
        assert [record.value for record in log.read()] == [LONG % i for i in range(8)]
        assert log.rewrite(shortened(1)).records == 1
        with pytest.raises(LogMovedError, match="open it again"):
            writer.append([LONG % 8])


def test_what_is_written_at_the_very_moment_of_the_fence_stays(kafka_store, monkeypatch):
    """And at its offset: the pool moves on as it is, and is rewritten from there."""
    put_up = fence.put_up
    with kafka_store.open("bakery") as log, kafka_store.open("bakery") as writer:
        log.append([LONG % i for i in range(5)])
        late = [LONG % 5]

        def write_and_put_up(*told):
            if late:
                assert writer.append([late.pop()]) == [5]
            return put_up(*told)

        monkeypatch.setattr(fence, "put_up", write_and_put_up)
        assert log.rewrite(shortened(1)).records == 1
        assert [record.value for record in log.read(0, 6)] == [LONG % 0, b"short", *(LONG % i for i in range(2, 6))]


@pytest.mark.parametrize("decided", [False, True])
def test_a_pool_that_was_left_behind_a_fence_is_moved_on_by_who_writes(kafka_url, decided):
    """By a process that was killed there, or is slow and learns then that it was; all that was written is kept."""
    slow, hasty = open_store(kafka_url), open_store(f"{kafka_url}?timeout_ms=1500")
    with slow.open("bakery") as log, hasty.open("bakery") as writer:
        log.append([LONG % i for i in range(5)])
        address = slow.address
        cut = fence.put_up(Topics(address), address, address.topic("bakery"))
        number = Rewriting("bakery", address, 1)._draft(cut, {1: b"short"})
        if decided:
            assert fence.decide(address, address.topic("bakery"), cut, number) == number
        assert [record.value for record in writer.read(0, 5)] == [LONG % i for i in range(5)]
        with pytest.raises(LogMovedError, match="open it again"):
            writer.append([LONG % 5])
        with pytest.raises(LogMovedError, match="open it again"):
            log.rewrite(shortened(2))
        if not decided:
            assert fence.decide(address, address.topic("bakery"), cut, number) == number + 1
    with slow.open("bakery") as log:
        assert [record.value for record in log.read(0, 5)] == [
            LONG % 0,
            b"short" if decided else LONG % 1,
            *(LONG % i for i in range(2, 5)),
        ]
        (offset,) = log.append([LONG % 6])
        assert [record.value for record in log.read(offset)] == [LONG % 6]
    slow.delete("bakery")
    assert topics_of(slow) == []


def test_two_rewrites_at_once_lose_nothing(kafka_store):
    """One of them is told, or both are done one after the other."""
    with kafka_store.open("bakery") as log:
        log.append([LONG % i for i in range(500)])
    errors = []

    def rewrite(place):
        with kafka_store.open("bakery") as log:
            try:
                log.rewrite(shortened(place))
            except (LogBusyError, LogMovedError) as error:
                errors.append((place, str(error)))

    threads = [threading.Thread(target=rewrite, args=(place,)) for place in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = {place for place, _ in errors}
    with kafka_store.open("bakery") as log:
        values = [record.value for record in log.read(0, 500)]
    assert values == [b"short" if i in {1, 2} - failed else LONG % i for i in range(500)]
    assert len(failed) < 2


# --- outages ----------------------------------------------------------------------------------------------------


def test_a_while_without_a_broker_loses_nothing(tmp_path, caplog):  # noqa: C901 - one story
    """Appends and followers wait; what was acknowledged is there, in one order for all, and nobody hears a noise."""
    data = tmp_path / "kafka"
    with running_broker(data) as status:
        store = open_store(f"kafka://{status.address}")
        writer, first, second = (store.open("bakery") for _ in range(3))
        orders = [[], []]
        acknowledged = {}
        back = threading.Event()

        def collect(order, follower):
            for batch in follower:
                order.extend(batch)
                if order[-1].value == b"last":
                    return

        def write(mark):
            i = 0
            after = 0
            while after < 20:
                value = b"%d:%d" % (mark, i)
                (offset,) = writer.append([value])
                acknowledged[offset] = value
                i += 1
                after += back.is_set()

        readers = [
            threading.Thread(target=collect, args=(orders[i], log.follow())) for i, log in enumerate((first, second))
        ]
        writers = [threading.Thread(target=write, args=(mark,)) for mark in range(4)]
        for thread in (*readers, *writers):
            thread.start()
        broker.stop(data)
        threading.Event().wait(4)  # waits for nothing: that nobody is there for a while is what this is about
        broker.start(status.port, data)
        back.set()
        for thread in writers:
            thread.join(90)
        writer.append([b"last"])
        for thread in readers:
            thread.join(30)
        stored = {record.offset: record.value for record in first.read()}
        for log in (writer, first, second):
            log.close()
    assert acknowledged.items() <= stored.items()
    assert list(stored) == list(range(len(stored)))
    assert orders[0] == orders[1]
    assert {record.offset: record.value for record in orders[0]} == stored
    for mark in range(4):
        mine = [int(value.split(b":")[1]) for value in stored.values() if value.startswith(b"%d:" % mark)]
        assert mine == list(range(len(mine)))
    assert [record for record in caplog.records if record.name.startswith("kafka")] == []


@pytest.mark.nightly
def test_a_long_outage_is_one_clear_error_and_the_log_recovers(tmp_path):
    data = tmp_path / "kafka"
    with running_broker(data) as status:
        store = open_store(
            f"kafka://{status.address}?delivery_timeout_ms=3000&timeout_ms=2000&patience_ms=3000&request_timeout_ms=2000"
        )
        with store.open("bakery") as log:
            log.append([b"before"])
            follower = log.follow()
            assert [record.value for record in next(follower)] == [b"before"]
            broker.stop(data)
            for use, seconds in (
                (lambda: log.append([b"lost?"]), 3),
                (log.end, 2),
                (lambda: next(follower), 3),
                (lambda: store.open("bakery"), 2),
                (log.follow, 2),
            ):
                with pytest.raises(LogUnavailableError) as caught:
                    use()
                assert f"Kafka at {status.address} did not answer within {seconds} s" in str(caught.value)
                assert "agentpool kafka start" in str(caught.value)
                assert caught.value.retriable
            broker.start(status.port, data)
            (offset,) = log.append([b"after"])
            stored = [record.value for record in log.read()]
            assert stored[offset] == b"after"
            assert stored[0] == b"before"
            assert [record.value for record in next(follower)][-1] == stored[-1]


@pytest.mark.nightly
def test_closing_during_an_outage_ends_readers_and_writers(tmp_path):
    data = tmp_path / "kafka"
    with running_broker(data) as status:
        log = open_store(f"kafka://{status.address}").open("bakery")
        log.append([b"x"])
        follower = log.follow(1)
        ended = []

        def follow():
            ended.append(list(follower))

        def append():
            try:
                log.append([b"y"])
            except LogClosedError as error:
                ended.append(str(error))

        broker.stop(data)
        threads = [threading.Thread(target=follow), threading.Thread(target=append)]
        for thread in threads:
            thread.start()
        threads[1].join(7)  # the follower is asking whether the cluster is there by now
        log.close()
        for thread in threads:
            thread.join(20)
    assert [] in ended
    assert [text for text in ended if text] == ["the log of pool 'bakery' is closed; open the pool again"]


def test_no_broker_at_all_is_told():
    store = open_store("kafka://127.0.0.1:1?timeout_ms=500")
    with pytest.raises(
        LogUnavailableError, match=r"Kafka at 127\.0\.0\.1:1 did not answer within 0\.5 s; is it running"
    ):
        store.open("bakery")


def _openssl():
    path = shutil.which("openssl")
    if path is None:
        message = "no openssl on the PATH to make a certificate with: install it"
        raise ServiceError(message)
    return path


PASSWORD = "p@ss/w:rd?%"
ENCODED = "p%40ss%2Fw%3Ard%3F%25"


@pytest.fixture(scope="module")
def guarded_broker(tmp_path_factory):
    """The addresses of a broker's listeners that want TLS and a login (SASL PLAIN), and the certificate to trust."""
    openssl = require_kafka(_openssl)
    folder = tmp_path_factory.mktemp("guarded")
    key, certificate, both = (folder / name for name in ("key.pem", "certificate.pem", "both.pem"))
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([openssl, *request, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        port, controller = (probe.getsockname()[1] for probe in (one, other))  # these two have to be known before
    listeners = f"PLAINTEXT://127.0.0.1:{port},SSL://127.0.0.1:0,LOGIN://127.0.0.1:0"
    properties = {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,LOGIN:SASL_PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(both),
        "listener.name.login.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.login.plain.sasl.jaas.config": (
            f'org.apache.kafka.common.security.plain.PlainLoginModule required user_baker="{PASSWORD}";'
        ),
    }
    with running_broker(folder / "kafka", port, properties=properties) as status:
        tls, login = (
            re.search(rf"name='{name}', host='127.0.0.1', port=(\d+)", status.log.read_text())[1]
            for name in ("SSL", "LOGIN")
        )
        yield f"127.0.0.1:{tls}", f"127.0.0.1:{login}", certificate


def test_tls_with_a_certificate_of_ones_own(guarded_broker):
    address, _, certificate = guarded_broker
    store = open_store(f"kafka://{address}?security_protocol=SSL&ssl_cafile={certificate}")
    with store.open("bakery") as log:
        assert log.append([b"x"]) == [0]
        assert [record.value for record in log.read()] == [b"x"]


@pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")  # of kafka-python's, when TLS fails
def test_a_certificate_that_is_not_trusted_is_told(guarded_broker):
    with pytest.raises(StoreError, match="certificate is not trusted: name its authority with ssl_cafile"):
        open_store(f"kafka://{guarded_broker[0]}?security_protocol=SSL").open("bakery")
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")  # of kafka-python's, when TLS fails
def test_a_broker_that_does_not_speak_tls_is_told(kafka_broker):
    with pytest.raises(LogUnavailableError):
        open_store(f"kafka://{kafka_broker.address}?security_protocol=SSL&timeout_ms=1000").names()
    gc.collect()


# --- logins and addresses -----------------------------------------------------------------------------------------


def test_a_login_works_and_is_never_shown(guarded_broker, caplog):
    """Not in reprs, addresses, or what the client logs, even at DEBUG."""
    _, address, _ = guarded_broker
    logger = logging.getLogger("kafka")
    with caplog.at_level(logging.DEBUG, logger="kafka"):
        store = open_store(f"kafka://baker:{ENCODED}@{address}?security_protocol=SASL_PLAINTEXT")
        with store.open("bakehouse") as log:
            follower = log.follow()
            assert log.append([b"x"]) == [0]
            assert len(next(follower)) == 1
            assert [record.value for record in log.read()] == [b"x"]
            shown = [repr(store), repr(log), store.url, log.url, repr(store.address), repr(vars(store.address))]
    assert logger.level != logging.DEBUG
    assert store.url == f"kafka://{address}"
    assert caplog.records
    for text in (*shown, caplog.text):
        assert PASSWORD not in text
        assert ENCODED not in text


@pytest.mark.parametrize("login", ["baker:wrong-password", "thief:wrong-password"])
def test_a_wrong_login_is_told(guarded_broker, login):
    store = open_store(f"kafka://{login}@{guarded_broker[1]}?security_protocol=SASL_PLAINTEXT")
    with pytest.raises(StoreError, match="refused the login: check user, password") as caught:
        store.open("bakery")
    assert "wrong-password" not in "".join(traceback.format_exception(caught.value))


class HangingUp:
    """Hands a broker's third answer on together with the end of the connection, as a loaded machine may."""

    def __init__(self, host: str, port: int) -> None:
        self._broker = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                broker = socket.create_connection(self._broker)
                threading.Thread(target=self._pass, args=(client, broker), daemon=True).start()
                threading.Thread(target=self._answer, args=(broker, client), daemon=True).start()

    def _pass(self, client: socket.socket, broker: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                broker.sendall(data)

    def _answer(self, broker: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError), broker, broker.makefile("rb") as answers, client:
            for number in range(3):
                size = answers.read(4)
                answer = size + answers.read(int.from_bytes(size, "big"))
                if number == 2:
                    answers.read()  # until the broker has hung up
                client.sendall(answer, socket.MSG_MORE if number == 2 else 0)  # in one segment with the end
            client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()


def test_a_wrong_login_is_told_also_where_the_broker_hangs_up_at_once(guarded_broker):
    host, _, port = guarded_broker[1].partition(":")
    with contextlib.closing(HangingUp(host, int(port))) as between:
        store = open_store(f"kafka://baker:wrong@{between.address}?security_protocol=SASL_PLAINTEXT&timeout_ms=5000")
        with pytest.raises(StoreError, match="refused the login: check user, password"):
            store.names()


def test_options_come_from_the_environment_and_the_address_wins(monkeypatch):
    monkeypatch.setenv("AGENTPOOL_KAFKA_SASL_PLAIN_PASSWORD", "secret")
    monkeypatch.setenv("AGENTPOOL_KAFKA_TIMEOUT_MS", "5")
    monkeypatch.setenv("AGENTPOOL_KAFKA_SSL_CHECK_HOSTNAME", "no")
    address = KafkaAddress.parse("kafka://ann@b1:9093,[::1]/team?timeout_ms=7&linger_ms=2")
    assert address.hosts == ("b1:9093", "[::1]:9092")
    assert address.topic("bakery") == "team.bakery"
    assert address.timeout_ms == 7
    assert address.producer == {"linger_ms": 2}
    assert address.client == {
        "sasl_mechanism": "PLAIN",
        "sasl_plain_password": "secret",
        "sasl_plain_username": "ann",
        "security_protocol": "SASL_SSL",
        "ssl_check_hostname": False,
    }
    assert address.url == "kafka://b1:9093,[::1]:9092/team"
    assert "secret" not in repr(address) + repr(address.client)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("kafka://", "not a broker's host:port"),
        ("kafka://host:0", "not a broker's host:port"),
        ("kafka://host:port", "'host:port' is not a broker's host:port"),
        ("kafka://host:99999", "not a broker's host:port"),
        ("kafka://host,,other", "not a broker's host:port"),
        ("kafka://host/ü", "the prefix in a Kafka address"),
        ("kafka://host/team-g2", "must not end like 'team-g2'"),
        ("kafka://host?sasl_mechanisms=PLAIN", "did you mean 'sasl_mechanism'"),
        ("kafka://host?zzz=1", "unknown Kafka option 'zzz' in the address: known are"),
        ("kafka://host?timeout_ms=soon", "'timeout_ms' in the address has a value that does not fit"),
        ("kafka://host?security_protocol=TLS", "has a value that does not fit"),
        ("kafka://host?ssl_cafile=/no.pem", "'ssl_cafile' in the address names a file that is not there: /no.pem"),
        ("kafka://ann@host", "a Kafka user without a password"),
        ("kafka://ann:SECRET@host?security_protocol=SSL", "needs security_protocol SASL_SSL or SASL_PLAINTEXT"),
        ("kafka://ann:SECRET/x@host", "a password that needs percent-encoding"),
        ("kafka://ann:SECRET@x@host", "percent-encoded"),
        ("kafka://ann:SECRET@:9", "percent-encoding"),
        ("kafka://ann:x@host?sasl_plain_pasword=SECRET", "did you mean 'sasl_plain_password'"),
    ],
)
def test_addresses_that_cannot_be_used_are_told_without_secrets(address, problem):
    with pytest.raises(StoreError) as caught:
        KafkaStore(address)
    assert problem in str(caught.value)
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))
