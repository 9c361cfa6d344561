"""A Kafka cluster as a store of pools."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from kafka import errors

from agentpool_jupyter.errors import PoolNotFoundError, StoreError, UserError
from agentpool_jupyter.log.contract import Store
from agentpool_jupyter.log.names import check_name

from . import clients
from .address import KafkaAddress
from .failures import translate
from .log import KafkaLog

if TYPE_CHECKING:
    from collections.abc import Callable

_Answer = TypeVar("_Answer")

_COPIES = 3
_PAUSE_SECONDS = 0.1
_UNKNOWN_TOPIC = errors.UnknownTopicOrPartitionError.errno


class KafkaStore(Store):
    """The pools of a Kafka cluster; nothing is asked of the cluster before it is used."""

    def __init__(self, address: str | KafkaAddress) -> None:
        self.address = KafkaAddress.parse(address) if isinstance(address, str) else address
        self.url = self.address.url

    def open(self, name: str, *, create: bool = True) -> KafkaLog:
        """Open the log of a pool; see :meth:`Store.open`."""
        topic = self.address.topic(check_name(name))
        self._ask(lambda admin: self._ensure(admin, name, topic, create=create))
        return KafkaLog(name, self.address)

    def names(self) -> list[str]:
        """Return the names of the pools, sorted."""
        start = self.address.topic("")
        topics: list[str] = self._ask(lambda admin: admin.list_topics())
        return sorted(topic.removeprefix(start) for topic in topics if topic.startswith(start))

    def delete(self, name: str) -> None:
        """Remove a pool's topic; see :meth:`Store.delete`."""
        topic = self.address.topic(check_name(name))
        if self._ask(lambda admin: _partitions(admin, topic)) is None:
            raise self._missing(name)
        self._ask(lambda admin: _remove(admin, topic))

    def _ensure(self, admin: Any, name: str, topic: str, *, create: bool) -> None:
        partitions = _partitions(admin, topic)
        if partitions is None:
            if not create:
                raise self._missing(name)
            self._create(admin, name, topic)
            partitions = _partitions(admin, topic)
        if partitions not in (None, 1):
            message = f"topic {topic!r} at {self.url} has {partitions} partitions: a pool is a topic with one"
            raise StoreError(message)

    def _create(self, admin: Any, name: str, topic: str) -> None:
        wanted = self.address.replication_factor or min(_COPIES, len(admin.describe_cluster()["brokers"]))
        configs = {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(2 * clients.MAX_RECORD),
            "min.insync.replicas": "2" if wanted >= _COPIES else "1",
            "unclean.leader.election.enable": "false",
        }
        try:
            admin.create_topics(
                {topic: {"num_partitions": 1, "replication_factor": wanted, "configs": configs}},
                wait_for_metadata=True,
            )
        except errors.TopicAlreadyExistsError:
            admin.wait_for_topics([topic])  # another process was quicker
        except errors.InvalidTopicError as error:
            message = (
                f"Kafka refuses the topic of pool {name!r}: "
                "a pool whose name differs only in '.' and '_' is there already"
            )
            raise UserError(message) from error
        except (errors.InvalidReplicationFactorError, errors.PolicyViolationError) as error:
            message = (
                f"Kafka at {','.join(self.address.hosts)} refuses a topic with {wanted} copies: "
                "name another number with ?replication_factor=N"
            )
            raise StoreError(message) from error

    def _missing(self, name: str) -> PoolNotFoundError:
        known = ", ".join(self.names()) or "none yet"
        return PoolNotFoundError(f"no pool {name!r} at {self.url} (there: {known})")

    def _ask(self, action: Callable[[Any], _Answer]) -> _Answer:
        """Do something with an admin client, again while the cluster is away, for up to ``timeout_ms``."""
        timeout = self.address.timeout_ms
        deadline = time.monotonic() + timeout / 1000
        while True:
            try:
                admin = clients.admin(self.address, max(0.0, deadline - time.monotonic()) * 1000)
                try:
                    return action(admin)
                finally:
                    admin.close()
            except (errors.KafkaError, AssertionError, OSError, ValueError) as error:
                retriable = isinstance(error, errors.KafkaError) and error.retriable
                if not retriable or time.monotonic() > deadline:
                    raise translate(error, self.address, timeout) from error
                time.sleep(_PAUSE_SECONDS)


def _partitions(admin: Any, topic: str) -> int | None:
    """Return how many partitions a topic has, or None where there is no such topic."""
    (found,) = admin.describe_topics([topic])
    code = found["error_code"]
    if code == _UNKNOWN_TOPIC:
        return None
    if code:
        raise errors.for_code(code)
    return len(found["partitions"])


def _remove(admin: Any, topic: str) -> None:
    try:
        admin.delete_topics([topic])
    except errors.UnknownTopicOrPartitionError:
        return  # an earlier try did it
    while _partitions(admin, topic) is not None:  # the brokers forget a topic a moment after the controller did
        time.sleep(_PAUSE_SECONDS)
