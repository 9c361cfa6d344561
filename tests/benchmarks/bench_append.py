"""How fast a pool takes events, beside its store's bare client: ``python -m tests.benchmarks.bench_append``.

The bare client stores the same bytes with the same promise (idempotent and acknowledged by all, or synced to disk)
and hands back as much: one acknowledgement for each call. Both sides take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import itertools
import sqlite3
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agentpool_jupyter.log.kafka import KafkaStore
from agentpool_jupyter.pool.codec import encode
from agentpool_jupyter.pool.events import Delta

from . import command
from .table import Table, at_least
from .teams import fresh_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentpool_jupyter.pool import Pool

    from .place import Place

    Append = Callable[[Sequence], object]

SHAPES = ((1, 1), (10, 1), (500, 1), (1, 8))
"""Events a call, and threads that call at once."""
GOALS = {"kafka": 0.9}
"""The least ratio."""
TEXT = "the oven lease comes first, because nothing bakes "


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return appends per second of pool and bare client, and their ratio."""
    rounds, seconds = (1, 0.02) if quick else (5, 0.5)
    rows = []
    for store, bare in (("kafka", BareKafka), ("sqlite", BareSqlite)):
        with fresh_pool(place.stores[store]) as pool:
            plain = bare(place, pool)
            try:
                for size, threads in SHAPES:
                    *rates, ratio = _compare(pool, plain, size=size, threads=threads, rounds=rounds, seconds=seconds)
                    goal = at_least(ratio, GOALS[store]) if store in GOALS else ""
                    rates = [f"{rate:,.0f}" for rate in rates]
                    rows.append((store, f"{size}", f"{threads}", *rates, f"{ratio:.2f}", goal))
            finally:
                plain.close()
    title = "Appends to a pool over the bare client of its store"
    columns = ("store", "events a call", "threads", "pool, events/s", "bare client, events/s", "ratio", "goal")
    example = len(encode(_batches(pool, 1, 1)[0][0]))
    note = (
        f"Delta events of {example} bytes; medians of {rounds} interleaved rounds, the ratio is the median of the "
        "rounds' ratios. Both sides compress what they send to Kafka (gzip). Bare SQLite commits once a call, the pool "
        "once for all threads that wait."
    )
    return [Table(title, columns, rows, (note,))]


def _compare(
    pool: Pool, plain: BareKafka | BareSqlite, *, size: int, threads: int, rounds: int, seconds: float
) -> tuple[float, float, float]:
    """Return events per second of both, and their ratio."""
    probe = [[encode(event) for event in batch] for batch in _batches(pool, size, 4 * threads)]
    _rate(plain.append, probe, threads)  # connects
    calls = max(1, int(_rate(plain.append, probe, threads) * seconds / size / threads)) * threads
    pairs = []
    for number in range(rounds):
        events = _batches(pool, size, calls)
        values = [[encode(event) for event in batch] for batch in _batches(pool, size, calls)]
        sides: list[tuple[Append, list]] = [(pool.append, events), (plain.append, values)]
        order = (0, 1) if number % 2 else (1, 0)
        rates = {side: _rate(*sides[side], threads) for side in order}
        pairs.append((rates[0], rates[1]))
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return ours, theirs, ratio


def _batches(pool: Pool, size: int, count: int) -> list[list[Delta]]:
    header = pool.header("main", "run-of-bench", "planner")
    return [
        [Delta(**header | {"id": pool.new_id()}, turn="turn-of-bench", seq=seq, text=TEXT) for seq in range(size)]
        for _ in range(count)
    ]


def _rate(append: Append, batches: list, threads: int) -> float:
    """Return events per second."""
    begin = threading.Barrier(threads + 1)

    def work(share: list) -> None:
        begin.wait()
        for batch in share:
            append(batch)

    with ThreadPoolExecutor(threads) as executor:
        done = [executor.submit(work, batches[i::threads]) for i in range(threads)]
        begin.wait()
        start = time.perf_counter()
        for future in done:
            future.result()
        return sum(map(len, batches)) / (time.perf_counter() - start)


class BareKafka:
    """kafka-python's producer with the settings that the pool's has."""

    def __init__(self, place: Place, pool: Pool) -> None:
        from kafka import KafkaProducer

        address = KafkaStore(place.stores["kafka"]).address
        self._topic = address.topic(f"{pool.name}-bare")
        KafkaStore(address).open(f"{pool.name}-bare").close()  # the same kind of topic
        self._producer = KafkaProducer(
            bootstrap_servers=[urlsplit(place.stores["kafka"]).netloc],
            acks="all",
            enable_idempotence=True,
            batch_size=256 * 1024,
            compression_type="gzip",
            metrics_enabled=False,
        )

    def append(self, values: Sequence[bytes]) -> None:
        """Send, and wait for every acknowledgement."""
        for future in [self._producer.send(self._topic, value, partition=0) for value in values]:
            future.get(30)

    def close(self) -> None:
        self._producer.close()


class BareSqlite:
    """sqlite3 with the pool's settings and schema: one connection, one commit a call."""

    def __init__(self, place: Place, pool: Pool) -> None:
        path = place.folder / f"{pool.name}-bare.sqlite"
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE records (offset INTEGER PRIMARY KEY, time INTEGER NOT NULL, value BLOB NOT NULL)"
        )
        self._lock = threading.Lock()

    def append(self, values: Sequence[bytes]) -> None:
        """Insert in one transaction."""
        now = time.time_ns() // 1_000_000
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO records (time, value) VALUES (?, ?)", zip(itertools.repeat(now), values))
            self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()


if __name__ == "__main__":
    command.run(measure, __doc__)
