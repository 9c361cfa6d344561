"""What the cluster's controller is asked: topics, their settings, and the generations of a pool.

A compacted pool is a new topic, the next *generation* of the pool. While it is written its settings say that records
bring their own times (``message.timestamp.type`` is ``CreateTime``): it is a draft. The one change of that setting to
``LogAppendTime`` completes it. A pool is its newest complete generation; older ones may be kept, and are never read.
For example, ``agentpool.bakery`` was the first, ``agentpool-g2.bakery`` is the pool since it was compacted, and
``agentpool-g3.bakery`` is a draft that somebody is filling, or has left.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from kafka import TopicPartition, errors
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec

from agentpool_jupyter.errors import LogError, StoreError, UserError

from . import clients
from .failures import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .address import KafkaAddress

_Answer = TypeVar("_Answer")

LARGEST_BATCH = 2 * clients.MAX_RECORD
"""``max.message.bytes`` of a pool's topic."""

_COPIES = 3
_PAUSE_SECONDS = 0.1
_UNKNOWN_TOPIC = errors.UnknownTopicOrPartitionError.errno
_CLOCK = "message.timestamp.type"
_LARGEST = "max.message.bytes"
_POLICY = "cleanup.policy"
_RETENTION = ("retention.ms", "retention.bytes")


@dataclass(frozen=True, kw_only=True)
class PoolTopic:
    """A pool's topic as the cluster has it."""

    topic: str
    generation: int
    topic_id: str
    """What tells it from another topic of that name."""
    partitions: int
    settings: Mapping[str, str]
    beginning: int
    """The first offset that is still there."""

    def check(self, where: str) -> Iterator[str]:
        """Yield what can cost the pool records; raises StoreError for a topic in which no pool can be kept."""
        named = f"topic {self.topic!r} at {where}"
        if self.partitions != 1:
            message = f"{named} has {self.partitions} partitions: a pool is a topic with one"
            raise StoreError(message)
        if "compact" in self.settings.get(_POLICY, ""):
            message = f"{named} is compacted, which drops records: a pool needs {_POLICY}=delete"
            raise StoreError(message)
        for name in _RETENTION:
            if (kept := self.settings.get(name, "-1")) != "-1":
                yield f"{named} drops records in time ({name}={kept}), and the pool cannot be read then: set {name}=-1"
        if self.beginning:
            yield (
                f"{named} begins at offset {self.beginning}: what stood before was removed (retention, or somebody "
                "deleted records), and the pool cannot be read without; import it again from an export"
            )


class Topics:
    """The topics of a cluster; every call connects anew, and waits for an absent cluster up to ``timeout_ms``."""

    def __init__(self, address: KafkaAddress, timeout_ms: float | None = None) -> None:
        self._address = address
        self._timeout = address.timeout_ms if timeout_ms is None else timeout_ms

    def generations(self, pool: str | None = None) -> dict[str, list[int]]:
        """Return the generations of each pool (or of one), drafts included, oldest first."""
        return self._ask(lambda admin: self._generations(admin, pool))

    def newest(self, pool: str) -> int | None:
        """Return a pool's newest complete generation, if there is one."""
        found = self.find(pool)
        return found.generation if found else None

    def find(self, pool: str, *, create: bool = False) -> PoolTopic | None:
        """Return the topic of a pool's newest complete generation, if there is one; with ``create`` it is made.

        It is made and none the less None where brokers have not heard of it yet.
        """
        return self._ask(lambda admin: self._find(admin, pool) or (self._made(admin, pool) if create else None))

    def create(self, pool: str, generation: int = 1, *, draft: bool = False) -> bool:
        """Make a topic for a pool and return whether it was not there; raises UserError and StoreError."""
        topic = self._address.topic(pool, generation)
        return self._ask(lambda admin: self._create(admin, pool, topic, draft=draft)) is not None

    def remove(self, topic: str) -> None:
        """Remove a topic for good; one that is not there is none the less gone."""
        self._ask(lambda admin: _remove(admin, topic))

    def complete(self, topic: str) -> None:
        """Make a draft a generation, and return when brokers say so; the last step, which can be taken twice."""
        self._set(topic, _CLOCK, "LogAppendTime")
        deadline = time.monotonic() + self._timeout / 1000
        while self._setting(topic, _CLOCK) != "LogAppendTime" and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)  # they learn of it a moment after the controller has it

    def narrow(self, topic: str, largest: int) -> None:
        """Let a topic take no batch of more than so many bytes; brokers learn of it a moment later."""
        self._set(topic, _LARGEST, str(largest))

    def largest(self, topic: str) -> int:
        """Return how many bytes a batch of a topic may have."""
        return int(self._setting(topic, _LARGEST) or LARGEST_BATCH)

    def _setting(self, topic: str, name: str) -> str | None:
        """Return one of a topic's settings; None where there is no such topic."""
        return self._ask(lambda admin: _settings(admin, topic).get(name))

    def _generations(self, admin: Any, pool: str | None) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for topic in admin.list_topics():
            if (belongs := self._address.generation(topic)) and pool in (None, belongs[0]):
                found.setdefault(belongs[0], []).append(belongs[1])
        return {name: sorted(numbers) for name, numbers in found.items()}

    def _find(self, admin: Any, pool: str) -> PoolTopic | None:
        for number in reversed(self._generations(admin, pool).get(pool, [])):
            if found := self._complete(admin, pool, number):
                return found
        return None

    def _complete(self, admin: Any, pool: str, number: int) -> PoolTopic | None:
        """Return the topic of a generation, if it is complete."""
        topic = self._address.topic(pool, number)
        settings = _settings(admin, topic)
        if not settings or (number > 1 and settings.get(_CLOCK) != "LogAppendTime"):
            return None
        (told,) = admin.describe_topics([topic])
        if told["error_code"]:
            raise errors.for_code(told["error_code"])
        first = TopicPartition(topic, 0)
        return PoolTopic(
            topic=topic,
            generation=number,
            topic_id=str(told["topic_id"]),
            partitions=len(told["partitions"]),
            settings=settings,
            beginning=admin.list_partition_offsets({first: OffsetSpec.EARLIEST})[first].offset,
        )

    def _made(self, admin: Any, pool: str) -> PoolTopic | None:
        """Make the first topic of a pool and return it; as its maker was told, which spares three questions."""
        topic = self._address.topic(pool, 1)
        told = self._create(admin, pool, topic, draft=False)
        if not told or "configs" not in told:  # another process made it, or its settings are not for us to see
            return self._complete(admin, pool, 1)
        return PoolTopic(
            topic=topic,
            generation=1,
            topic_id=str(told["topic_id"]),
            partitions=told["num_partitions"],
            settings={name: str(value["value"]) for name, value in told["configs"].items()},
            beginning=0,
        )

    def _set(self, topic: str, name: str, value: str) -> None:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={name: value})
        answers = self._ask(lambda admin: admin.alter_configs([resource], raise_on_unknown=False))
        answer = answers.get("topic", {}).get(topic)
        if answer != "OK":
            message = f"Kafka at {','.join(self._address.hosts)} refuses to change {name} of topic {topic!r}: {answer}"
            raise LogError(message)

    def _create(self, admin: Any, pool: str, topic: str, *, draft: bool) -> Mapping[str, Any] | None:
        """Return what the cluster says of the new topic; None where it was there."""
        wanted = self._address.replication_factor or min(_COPIES, len(admin.describe_cluster()["brokers"]))
        configs = {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            _CLOCK: "CreateTime" if draft else "LogAppendTime",
            _LARGEST: str(LARGEST_BATCH),
            # Copies keep their times, also those of a clock that ran ahead.
            "message.timestamp.after.max.ms": str(2**63 - 1),
            "min.insync.replicas": "2" if wanted >= _COPIES else "1",
            "unclean.leader.election.enable": "false",
        }
        try:
            (told,) = admin.create_topics(
                {topic: {"num_partitions": 1, "replication_factor": wanted, "configs": configs}},
                wait_for_metadata=True,
            )["topics"]
        except errors.TopicAlreadyExistsError:
            admin.wait_for_topics([topic])  # another process was quicker
            return None
        except errors.InvalidTopicError as error:
            message = (
                f"Kafka refuses the topic of pool {pool!r}: "
                "a pool whose name differs only in '.' and '_' is there already"
            )
            raise UserError(message) from error
        except (errors.InvalidReplicationFactorError, errors.PolicyViolationError) as error:
            message = (
                f"Kafka at {','.join(self._address.hosts)} refuses a topic with {wanted} copies: "
                "name another number with ?replication_factor=N"
            )
            raise StoreError(message) from error
        found: Mapping[str, Any] = told
        return found

    def _ask(self, action: Callable[[Any], _Answer]) -> _Answer:
        """Do something with an admin client, again while the cluster is away, for up to the timeout."""
        deadline = time.monotonic() + self._timeout / 1000
        trouble = ""
        while True:
            try:
                admin = clients.admin(self._address, max(0.0, deadline - time.monotonic()) * 1000)
                try:
                    return action(admin)
                except BaseException as error:
                    clients.note_trouble(error, admin._client)  # noqa: SLF001 - ours
                    raise
                finally:
                    admin.close()
            except (errors.KafkaError, AssertionError, OSError, ValueError) as error:
                retriable = isinstance(error, errors.KafkaError) and error.retriable
                trouble = "; ".join(getattr(error, "__notes__", ())) or trouble  # the last try has no time to find any
                if not retriable or time.monotonic() > deadline:
                    raise translate(error, self._address, self._timeout, trouble) from error
                time.sleep(_PAUSE_SECONDS)


def _settings(admin: Any, topic: str) -> dict[str, str]:
    """Return the settings of a topic; none where there is no such topic."""
    try:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    except errors.UnknownTopicOrPartitionError:
        return {}
    return {name: str(told["value"]) for name, told in found["topic"][topic].items()}


def _partitions(admin: Any, topic: str) -> int | None:
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
