"""Where recall keeps its buckets: indexes that a job makes beside those that follow a pool, and Redis. Part of
``bench_recall``.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import datasketch
import numpy as np
import redis

from agentpool_jupyter.pool import open_pool
from agentpool_jupyter.recall import RecallIndex
from agentpool_jupyter.recall.backends.items import Item, Source
from agentpool_jupyter.recall.backends.redis_backend import RedisBackend
from agentpool_jupyter.recall.bulk.build import index_pools
from agentpool_jupyter.recall.ranking import candidates
from agentpool_jupyter.recall.text.shingles import shingles
from agentpool_jupyter.recall.text.signatures import BANDS, PERMUTATIONS, ROWS
from tests.recall.redis_server import RedisServer

from .clock import each, timed
from .table import Table
from .turns import Author

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentpool_jupyter.pool import Pool

    from .place import Place

TURN = 1_300
"""Bytes of text a turn: 12 deltas, 14 events."""
_CASES = (
    ("job, inline", "inline", {}),
    ("job, local, 1 process", "local", {"num_cores": 1}),
    ("job, local, 2 processes", "local", {"num_cores": 2}),
    ("job, Spark, local[2]", "spark", {"spark_master": "local[2]"}),
)


def bulk(place: Place, quick: bool) -> Table:  # noqa: FBT001
    """Return how long it takes to make an index of a long pool, and to open it, in each way."""
    events = 2_000 if quick else 300_000
    rows = []
    with open_pool("recall-bulk", place.embedded) as pool:
        Author(pool, size=TURN, batch=500, prompts=300).write(until=events)
        queries = [shingles(turn.text) for turn in pool.document().turns[:200]]
        for number, (name, engine, options) in enumerate((("following", "", {}), *_CASES)):
            if quick and engine == "spark":
                continue
            path = place.folder / f"bulk-{number}.index"
            begin = time.perf_counter()
            with RecallIndex(pool.store, path) as index:
                if engine:
                    index_pools([pool], engine, options=options, index=index)
                else:
                    index.follow(pool)
                made, count = time.perf_counter() - begin, len(index.backend)
            rows.append((name, f"{events / made:,.0f}", f"{made:.1f}", *_opened(pool, path, queries), f"{count:,}"))
    columns = (
        "index made by",
        "events/s",
        "seconds",
        "first `resembles`, s",
        "first `contained`, s",
        "`resembles` p50, ms",
        "p95, ms",
        "passages",
    )
    note = (
        f"{events:,} events on the embedded store. The first question of a process reads the index: buckets that a job "
        "has made are read as they are; else they are made from the hashes of shingles. A job starts processes, and "
        "writes and sorts its input; it is for clusters, and for what is to be opened often."
    )
    return Table("Making an index in bulk", columns, rows, (note,))


def _opened(pool: Pool, path: object, queries: Sequence[frozenset[str]]) -> tuple[str, ...]:
    with RecallIndex(pool.store, path) as index:
        first = each(lambda ask: ask(queries[0]), (index.backend.near, index.backend.sharing))
        return *(f"{seconds:.2f}" for seconds in first), *_quantiles(queries, index.backend.near)


def in_redis(place: Place, texts: Sequence[str], sets: Sequence[frozenset[str]], quick: bool) -> Table:  # noqa: FBT001
    """Return how recall's use of datasketch's Redis storage does beside datasketch's own index in Redis."""
    count = 200 if quick else 5_000
    columns = ("what", "inserting, texts/s", "query p50, ms", "query p95, ms", "the server reads, a query")
    if shutil.which("redis-server") is None:
        return Table("Recall in Redis", columns, (("not measured: no redis-server here",),))
    texts, sets = texts[:count], sets[:count]
    asked = sets[:: max(1, count // 200)]
    source = Source("pool:bench")
    server = RedisServer(place.folder)
    server.start()
    place.callback(server.stop)
    port = server.port
    backend = RedisBackend(f"redis://127.0.0.1:{port}/0", "bench")
    items = [Item(source=source, key=f"{i}", text=text) for i, text in enumerate(texts)]
    rate = f"{count / timed(lambda: backend.put(source, b'{}', items))[1]:,.0f}"
    trips = _trips(port, lambda: backend.near(asked[0]))
    rows = [("recall: resembles", rate, *_quantiles(asked, backend.near), trips)]

    def contained(one: frozenset[str]) -> object:
        return candidates(backend, one, "contained", 0.5)

    trips = _trips(port, lambda: contained(asked[0]))
    rows.append(("recall: contained, threshold 0.5", "", *_quantiles(asked, contained), trips))
    backend.close()
    config = {"type": "redis", "basename": b"bench", "redis": {"host": "127.0.0.1", "port": port, "db": 1}}
    lsh = datasketch.MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS), storage_config=config)
    begin = time.perf_counter()
    with lsh.insertion_session(buffer_size=5_000) as session:
        for number, one in enumerate(sets):
            session.insert(number, sketch(one))
    rate = f"{count / (time.perf_counter() - begin):,.0f}"
    trips = _trips(port, lambda: lsh.query(sketch(asked[0])))
    found = _quantiles(asked, lambda one: lsh.query(sketch(one)))
    rows.append((f"datasketch MinHashLSH, {BANDS} bands of {ROWS}: resembles", rate, *found, trips))
    for table in (*lsh.hashtables, lsh.keys):
        table._redis.close()
    note = (
        f"{count:,} texts on a server of this machine; a query is signed and asked. Both keep their buckets in "
        "datasketch's Redis storage; recall also puts the text and the buckets of shingles there."
    )
    return Table("Recall in Redis", columns, rows, (note,))


def _trips(port: int, ask: Callable[[], object]) -> str:
    """Return how often the server had to answer: reads from its sockets, without those of this count."""
    ask()
    with redis.Redis(port=port) as client:
        before = client.info("stats")["total_reads_processed"]
        ask()
        return str(client.info("stats")["total_reads_processed"] - before - 1)


def sketch(one: frozenset[str]) -> datasketch.MinHash:
    """Return datasketch's signature of a set."""
    made = datasketch.MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32", permutations=_PERMUTATIONS)
    made.update_batch([shingle.encode() for shingle in one])
    return made


_PERMUTATIONS = datasketch.MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32").permutations


def _quantiles(asked: Sequence[frozenset[str]], query: Callable[[frozenset[str]], object]) -> tuple[str, str]:
    query(asked[0])
    low, high = np.quantile(each(query, asked), [0.5, 0.95]) * 1e3
    return f"{low:.2f}", f"{high:.2f}"
