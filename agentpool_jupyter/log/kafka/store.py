"""A Kafka cluster as a store of pools."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import PoolNotFoundError, StoreWarning
from agentpool_jupyter.log.contract import Store, check_name
from agentpool_jupyter.log.home import data_home

from .address import KafkaAddress
from .log import KafkaLog
from .rewrite import install
from .topics import Topics
from .writer import fill

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agentpool_jupyter.log.contract import Record


class KafkaStore(Store):
    """The pools of a Kafka cluster; nothing is asked of the cluster before it is used."""

    def __init__(self, address: str | KafkaAddress) -> None:
        self.address = KafkaAddress.parse(address) if isinstance(address, str) else address
        self.url = self.address.url
        self._topics = Topics(self.address)

    @property
    def identity(self) -> str:
        """The cluster's address; see :attr:`Store.identity`."""
        return self.url

    @property
    def archives(self) -> Path:
        """A folder in the user's data, for all clusters; see :attr:`Store.archives`."""
        return data_home() / "archives"

    @property
    def index(self) -> Path:
        """A file in the user's data, one for each cluster; see :attr:`Store.index`."""
        return data_home() / "recall" / f"{self._cluster}.index"

    def open(self, name: str, *, create: bool = True) -> KafkaLog:
        """Open the log of a pool, in its newest complete generation; see :meth:`Store.open`."""
        found = self._topics.find(check_name(name), create=create)
        if found is None and not create:
            raise self._missing(name)
        if found is None:  # a broker that has not heard of it yet
            return KafkaLog(name, self.address)
        for trouble in found.check(self.url):
            warnings.warn(trouble, StoreWarning, stacklevel=2)
        return KafkaLog(name, self.address, found.generation, found.topic_id)

    def restore(self, name: str, records: Iterable[Record]) -> None:
        """Make a log of copies of records; see :meth:`Store.restore`."""
        self._make_room(name)
        # A second generation or a later one, because only those can be drafts, which nobody opens.
        number = 1 + max([1, *self._topics.generations(name).get(name, [])])
        topic = self.address.topic(name, number)
        self._topics.create(name, number, draft=True)
        try:
            fill(self.address, topic, records)
            install(name, self.address, number)
        except BaseException:
            self._topics.remove(topic)
            raise

    def names(self) -> list[str]:
        """Return the names of the pools, sorted."""
        found = self._topics.generations()
        # A pool without its first topic may be a draft of one that nobody completed.
        return sorted(name for name, numbers in found.items() if numbers[0] == 1 or self._topics.newest(name))

    def delete(self, name: str) -> None:
        """Remove a pool's topics, those of older generations, too; see :meth:`Store.delete`."""
        generations = self._topics.generations(check_name(name)).get(name)
        if not generations:
            raise self._missing(name)
        for generation in generations:  # the oldest first: whatever is left is the pool as it is now
            self._topics.remove(self.address.topic(name, generation))
        shutil.rmtree(self.derived(name), ignore_errors=True)

    def derived(self, name: str) -> Path:
        """Return a folder in the user's data, one for each cluster; see :meth:`Store.derived`."""
        return data_home() / "derived" / self._cluster / check_name(name)

    @property
    def _cluster(self) -> str:
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    def _missing(self, name: str) -> PoolNotFoundError:
        known = ", ".join(self.names()) or "none yet"
        return PoolNotFoundError(f"no pool {name!r} at {self.url} (there: {known})")
