"""kafka-python's clients, made as an address says.

The client's own log is noisy while a broker is away, so unless somebody gave the logger ``kafka`` a level, only
what is CRITICAL passes; ``logging.getLogger("kafka").setLevel(...)`` brings it back at any time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from . import compression, network

if TYPE_CHECKING:
    from collections.abc import Callable

    from .address import KafkaAddress

MAX_RECORD = 8 * 1024 * 1024
"""The largest record, in bytes, that pools take (Kafka's own default is 1 MiB)."""

_OVERHEAD = 1024  # what the client adds to a record and a batch, generously
_REQUEST_MS = 30_000
_DEFAULTS = {
    # The client's default of 30 s would let a broker be back for half a minute before anybody notices.
    "reconnect_backoff_max_ms": 1_000,
    "metrics_enabled": False,
    # A topic that was deleted and made anew is noticed by what the client knows of it.
    "metadata_max_age_ms": 30_000,
}


def _prepare() -> None:
    logger = logging.getLogger("kafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
    network.hide_logins()
    compression.install()


def _make(
    factory: Callable[..., Any], address: KafkaAddress, timeout_ms: float, topic: str | None = None, **options: Any
) -> Any:
    _prepare()
    made: list[Any] = []

    def connect(**configs: Any) -> Any:
        made.append(network.network(topic, **configs))
        return made[-1]

    options = _DEFAULTS | {"request_timeout_ms": _REQUEST_MS} | options | dict(address.client)
    if factory is KafkaAdminClient:
        del options["metrics_enabled"]
    try:
        return factory(
            bootstrap_servers=list(address.hosts),
            bootstrap_timeout_ms=timeout_ms,
            kafka_client=connect,
            **options,
        )
    except BaseException as error:
        for client in made:  # else its thread would stay for good
            note_trouble(error, client)
            client.close()
        raise


def note_trouble(error: BaseException, client: Any) -> None:
    """Have an error tell which server a client of ours could not reach last."""
    for told in client._manager.trouble[-1:]:  # noqa: SLF001 - our own
        error.add_note(told)


def admin(address: KafkaAddress, timeout_ms: float) -> Any:
    """Return an admin client, connected; raises the client's errors."""
    return _make(KafkaAdminClient, address, timeout_ms)


def producer(address: KafkaAddress, timeout_ms: float, topic: str | None = None, **more: Any) -> Any:
    """Return an idempotent producer, connected; ``topic`` is what it is for, ``more`` options win.

    Raises the client's errors.
    """
    options = {
        "batch_size": 256 * 1024,  # one batch is under way at a time, so its size bounds the throughput
        # What any consumer can read. A batch stays compressed on the brokers' disks, and that is what a pool takes.
        "compression_type": "gzip",
        **address.producer,
        **more,
    }
    return _make(
        KafkaProducer,
        address,
        timeout_ms,
        topic,
        acks="all",
        enable_idempotence=True,
        delivery_timeout_ms=address.delivery_timeout_ms,
        max_block_ms=address.delivery_timeout_ms,
        request_timeout_ms=min(_REQUEST_MS, address.delivery_timeout_ms),
        max_request_size=MAX_RECORD + _OVERHEAD,
        **options,
    )


def consumer(address: KafkaAddress, partition: TopicPartition, *, wait_ms: int, fetch_bytes: int) -> Any:
    """Return a consumer of one partition, connected; it belongs to no group, so that no poll interval exists.

    ``wait_ms`` is how long the broker holds a fetch at the end of the log, and ``fetch_bytes`` about how much it
    sends at once (a larger batch comes whole, KIP-74). Raises the client's errors.
    """
    made = _make(
        KafkaConsumer,
        address,
        address.timeout_ms,
        partition.topic,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",  # what another program's transaction took back was never said
        auto_offset_reset="none",  # records that went missing are an error, never a silent jump
        fetch_max_wait_ms=wait_ms,
        max_partition_fetch_bytes=fetch_bytes,
    )
    made.assign([partition])
    return made
