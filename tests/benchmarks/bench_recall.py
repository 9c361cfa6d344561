"""How well and how fast recall finds: ``python -m tests.benchmarks.bench_recall``.

Real text (documents, licences, docstrings of installed packages), beside datasketch, rensa's own index and brute
force. Quality is against exact Jaccard and exact containment of every text, computed as a sparse matrix product.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import datasketch
import numpy as np
import psutil
import rensa
from scipy import sparse

from agentpool_jupyter.recall.backends.items import Item, Source
from agentpool_jupyter.recall.backends.sqlite_backend import SqliteBackend
from agentpool_jupyter.recall.matches import Search
from agentpool_jupyter.recall.ranking import _Best, _look, candidates
from agentpool_jupyter.recall.text.shingles import jaccard, shingles
from agentpool_jupyter.recall.text.signatures import BANDS, PERMUTATIONS, ROWS, SEED, bands_of, hash_shingles

from . import command, corpus, recall_stores
from .clock import each, timed
from .table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .place import Place

    Sets = Sequence[frozenset[str]]

THRESHOLD = 0.5
BATCH = 500
TIMES = 3
"""How often a query is asked."""
SOURCE = Source("pool:bench")


class Queries(NamedTuple):
    """What is asked: passages of which up to a half of the words were replaced, and excerpts."""

    alike: list[frozenset[str]]
    excerpts: list[frozenset[str]]


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return the tables of speed, size and quality, and of what was chosen from."""
    count, asked, some = (600, 20, 300) if quick else (100_000, 300, 10_000)
    texts = corpus.texts(count)
    sets = [shingles(text) for text in texts]
    texts, sets = zip(*[pair for pair in zip(texts, sets, strict=True) if pair[1]], strict=True)
    queries = _queries(texts, asked)
    backend = SqliteBackend(place.folder / "recall.index")
    try:
        speed, inserted = _speed(backend, texts, sets, queries, brute=2 if quick else 5)
        tables = [speed, _size(place, texts, inserted), _quality(backend, sets, queries), _choice(sets[:some], queries)]
    finally:
        backend.close()
    return [*tables, recall_stores.bulk(place, quick), recall_stores.in_redis(place, texts, sets, quick)]


def _queries(texts: Sequence[str], count: int) -> Queries:
    chance = random.Random(7)
    alike, excerpts = [], []
    for _ in range(count):
        alike.append(shingles(corpus.altered(chance.choice(texts), chance.random() / 3, chance)))
        short = corpus.excerpt(chance.choice(texts), chance.choice((6, 10, 20, 40)), chance)
        excerpts.append(shingles(corpus.altered(short, chance.random() / 4, chance)))
    return Queries([one for one in alike if one], [one for one in excerpts if one])


# Speed and size ----------------------------------------------------------------------------------------------


def _speed(
    backend: SqliteBackend, texts: Sequence[str], sets: Sets, queries: Queries, brute: int
) -> tuple[Table, dict[str, float]]:
    count = len(texts)
    rows = []
    begin = time.perf_counter()
    # What an index does: it makes signatures of hashes, many texts at a time.
    hashes = [one for first in range(0, count, BATCH) for one in hash_shingles(sets[first : first + BATCH])]
    ends = np.cumsum([0, *map(len, hashes)]).astype(np.uint64)
    rensa.RMinHash.digest_matrix_from_flat_token_hashes(np.concatenate(hashes), ends, PERMUTATIONS, SEED)
    ours = time.perf_counter() - begin
    items = [Item(source=SOURCE, key=f"{i}", text=text) for i, text in enumerate(texts)]
    _, stored = timed(lambda: backend.put(SOURCE, b"{}", items))
    held = {}
    for name, load in (("bands", backend.near), ("shingles", backend.sharing)):
        memory = psutil.Process().memory_info().rss
        _, held[f"{name} loaded"] = timed(lambda load=load: load(queries.alike[0]))
        held[name] = psutil.Process().memory_info().rss - memory
    near = _times([bands_of(one) for one in queries.alike], backend._bands.find)
    whole = _times(queries.alike, backend.near)
    short = _times(queries.excerpts, lambda one: candidates(backend, one, "contained", THRESHOLD))
    both = _times(queries.alike, lambda one: candidates(backend, one, "both", THRESHOLD))
    verified = _times(queries.alike, lambda one: _verified(backend, one))
    rates = (f"{count / ours:,.0f}", f"{count / stored:,.0f}")
    rows.append(("recall: resembles, given the signature", *rates, *_quantiles(near), ""))
    rows.append(("recall: resembles, given the shingles", "", "", *_quantiles(whole), ""))
    rows.append(("recall: contained, excerpts", "", "", *_quantiles(short), ""))
    rows.append(("recall: both, whole passages", "", "", *_quantiles(both), ""))
    rows.append(("recall: resembles, verified, k=5", "", "", *_quantiles(verified), ""))
    sketches, theirs = timed(lambda: [recall_stores.sketch(one) for one in sets])
    plain = [recall_stores.sketch(one) for one in queries.alike]
    for options in ({"params": (BANDS, ROWS)}, {}):
        lsh = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, **options)
        memory, begin = psutil.Process().memory_info().rss, time.perf_counter()
        for i, sketch in enumerate(sketches):
            lsh.insert(i, sketch)
        took = time.perf_counter() - begin
        name = f"datasketch, {lsh.b} bands of {lsh.r}"
        if options:  # afterwards the memory of the first is used again
            held[name] = psutil.Process().memory_info().rss - memory
        rates = (f"{count / theirs:,.0f}", f"{count / took:,.0f}")
        found = _times(plain, lsh.query)
        ratio = statistics.median(found) / statistics.median(near)
        rows.append((f"{name}, given the signature", *rates, *_quantiles(found), f"{ratio:.0f}"))
        found = _times(queries.alike, lambda one, lsh=lsh: lsh.query(recall_stores.sketch(one)))
        ratio = statistics.median(found) / statistics.median(whole)
        rows.append((f"{name}, given the shingles", "", "", *_quantiles(found), f"{ratio:.0f}"))
        del lsh
    exact = _times(queries.alike[:brute], lambda one: [jaccard(one, other) >= THRESHOLD for other in sets])
    ratio = statistics.median(exact) / statistics.median(whole)
    rows.append(("brute force on sets", "", "", *_quantiles(exact), f"{ratio:,.0f}"))
    about = (
        f"{count:,} passages and docstrings, {statistics.mean(map(len, sets)):.0f} shingles each. Queries are "
        f"{len(queries.alike)} passages with up to a third of the words replaced, and {len(queries.excerpts)} excerpts "
        "of 6 to 40 words. A query is the candidates, without verification, where nothing else is said. Goal: p95 "
        "under 1 ms, and at least 10 times as fast as plain datasketch; the ratio is of medians, to the row of recall "
        "that is given the same."
    )
    inserting = (
        "Inserting here also cuts the text into shingles and stores both durably in one file; datasketch puts "
        "signatures that it has into dicts in memory."
    )
    notes = (about, inserting)
    columns = ("what", "signing, texts/s", "inserting, texts/s", "query p50, ms", "query p95, ms", "times as long")
    return Table("Speed of recall", columns, rows, notes), held


def _verified(backend: SqliteBackend, query: frozenset[str]) -> list:
    """Return the best five: what ``find`` does with one text."""
    best = _Best(5)
    _look(backend, query, Search("resembles", THRESHOLD, 5, lambda _: True), best)
    return best.found


def _size(place: Place, texts: Sequence[str], held: dict[str, float]) -> Table:
    count = len(texts)
    file = sum(os.path.getsize(path) for path in place.folder.glob("recall.index*"))  # noqa: PTH202
    plain = sum(len(text.encode()) for text in texts)
    sizes = {"text": plain, "index file, with the text": file}
    sizes |= {f"memory: {name}": size for name, size in held.items() if "loaded" not in name}
    rows = [(name, f"{size / count:,.0f}", f"{size / 2**20:,.0f}") for name, size in sizes.items()]
    note = (
        "Memory is the growth of the process: bands for `resembles`, shingles for `contained`, each only when first "
        f"asked for. Loading them from the file takes {held['bands loaded']:.1f} and {held['shingles loaded']:.1f} s."
    )
    return Table("Size of the index", ("what", "bytes a text", "MiB"), rows, (note,))


# Quality -----------------------------------------------------------------------------------------------------


class Exact:
    """Exact Jaccard and containment of queries with every text."""

    def __init__(self, sets: Sets) -> None:
        self._columns: dict[str, int] = {}
        for one in sets:
            for shingle in one:
                self._columns.setdefault(shingle, len(self._columns))
        self._sizes = np.array([len(one) for one in sets])
        self._texts = self._matrix(sets)

    def _matrix(self, sets: Sets) -> sparse.csr_matrix:
        columns = [[self._columns[shingle] for shingle in one if shingle in self._columns] for one in sets]
        ends = np.cumsum([0, *map(len, columns)])
        indices = np.array([column for one in columns for column in one], dtype=np.int64)
        return sparse.csr_matrix((np.ones(len(indices), np.int32), indices, ends), (len(sets), len(self._columns)))

    def matches(self, queries: Sets, question: str, threshold: float) -> list[dict[int, float]]:
        """Return, for each query, the texts at or above a threshold with their scores."""
        shared = (self._texts @ self._matrix(queries).T).tocsc()
        found = []
        for number, query in enumerate(queries):
            part = shared[:, [number]].tocoo()
            texts, counts = part.coords[0], part.data
            total = len(query) if question == "contained" else len(query) + self._sizes[texts] - counts
            scores = counts / total
            found.append({int(t): float(s) for t, s in zip(texts, scores, strict=True) if s >= threshold})
        return found


def _quality(backend: SqliteBackend, sets: Sets, queries: Queries) -> Table:
    exact = Exact(sets)
    rows = []
    for question, asked in (("resembles", queries.alike), ("contained", queries.excerpts)):
        for threshold in (0.3, 0.42, 0.5, 0.7, 0.9):
            truth = exact.matches(asked, question, threshold)
            found = []
            for query in asked:
                ids = [number for _, number in candidates(backend, query, question, threshold)]
                scores = {}
                for first in range(0, len(ids), 500):
                    for _, item in backend.fetch(ids[first : first + 500]):
                        text = shingles(item.text)
                        score = jaccard(query, text) if question == "resembles" else len(query & text) / len(query)
                        if score >= threshold:
                            scores[int(item.key)] = score
                found.append((len(ids), scores))
            wanted = sum(map(len, truth))
            hits = sum(len(one.keys() & scores.keys()) for one, (_, scores) in zip(truth, found, strict=True))
            right = all(truth[i].get(t) == s for i, (_, scores) in enumerate(found) for t, s in scores.items())
            seen = sum(number for number, _ in found)
            share = f"{hits / wanted:.4f}" if wanted else "none"
            cells = (f"{wanted:,}", share, "yes" if right else "NO", f"{seen / len(asked):,.1f}")
            rows.append((question, f"{threshold}", *cells))
    note = f"{len(sets):,} texts. Goal: recall at least 0.95; precision after verification 1, every score exact."
    columns = ("question", "threshold", "true matches", "recall", "all returned true and exact", "candidates a query")
    return Table("Recall against exact Jaccard and containment", columns, rows, (note,))


def _choice(sets: Sets, queries: Queries) -> Table:
    """Return how those do that were not chosen."""
    exact = Exact(sets)
    rows = []
    sketches = [recall_stores.sketch(one) for one in sets]
    truth = exact.matches(queries.alike, "resembles", THRESHOLD)
    signed = rensa.RMinHash.from_token_sets([list(one) for one in sets], PERMUTATIONS, SEED)
    for bands in (63, 42, 21, 14):
        index = rensa.RMinHashLSH(THRESHOLD, PERMUTATIONS, bands)
        index.insert_many(signed)
        name = f"{bands} bands of {PERMUTATIONS // bands}"
        asked = rensa.RMinHash.from_token_sets([list(one) for one in queries.alike], PERMUTATIONS, SEED)
        rows.append(("resembles", f"rensa's index, {name}", *_judge(truth, asked, index.query)))
    lsh = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    for i, sketch in enumerate(sketches):
        lsh.insert(i, sketch)
    asked = [recall_stores.sketch(one) for one in queries.alike]
    rows.append(("resembles", f"datasketch MinHashLSH, b={lsh.b} r={lsh.r}", *_judge(truth, asked, lsh.query)))
    truth = exact.matches(queries.excerpts, "contained", THRESHOLD)
    ensemble = datasketch.MinHashLSHEnsemble(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_part=16, m=8)
    ensemble.index([(i, sketch, len(one)) for i, (sketch, one) in enumerate(zip(sketches, sets, strict=True))])
    pairs = [(recall_stores.sketch(one), len(one)) for one in queries.excerpts]
    rows.append(
        ("contained", "datasketch LSH Ensemble, 16 parts, m=8", *_judge(truth, pairs, lambda one: ensemble.query(*one)))
    )
    single = datasketch.MinHashLSH(num_perm=PERMUTATIONS, params=(PERMUTATIONS, 1))
    for i, sketch in enumerate(sketches):
        single.insert(i, sketch)
    asked = [recall_stores.sketch(one) for one in queries.excerpts]
    rows.append(("contained", "MinHash, 128 bands of 1", *_judge(truth, asked, single.query)))
    notes = (f"{len(sets):,} texts, threshold {THRESHOLD}; the same queries as above, before verification.",)
    columns = ("question", "what", "true matches", "recall", "candidates a query", "query p50, ms")
    return Table("What recall was chosen from", columns, rows, notes)


def _judge(truth: list[dict[int, float]], asked: Sequence, query: Callable) -> tuple[str, ...]:
    found = [set(query(one)) for one in asked]
    took = _times(asked, lambda one: list(query(one)))
    wanted = sum(map(len, truth))
    hits = sum(len(one.keys() & got) for one, got in zip(truth, found, strict=True))
    share = f"{hits / wanted:.4f}" if wanted else "none"
    return f"{wanted:,}", share, f"{sum(map(len, found)) / len(found):,.1f}", f"{statistics.median(took) * 1e3:.2f}"


def _times(asked: Sequence, query: Callable) -> list[float]:
    """Return the seconds that each query took, at its quickest."""
    query(asked[0])
    return each(query, asked, TIMES)


def _quantiles(seconds: list[float]) -> tuple[str, str]:
    low, high = np.quantile(seconds, [0.5, 0.95]) * 1e3
    return f"{low:.3f}", f"{high:.3f}"


if __name__ == "__main__":
    command.run(measure, __doc__)
