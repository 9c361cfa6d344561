"""Files that travel in time, in a pool of 10,000 versions: ``python -m tests.benchmarks.bench_files``.

How long any earlier state takes to be there, beside folding the log; how many bytes are stored for each byte that is
written; and what it costs to write a version by the rules, read back from the log, beside appending it.
"""

from __future__ import annotations

import random
import statistics
from typing import TYPE_CHECKING

import agentpool_jupyter as ap
from agentpool_jupyter.pool.events import File, Message
from agentpool_jupyter.pool.files.packing import digest_of_contents, packed
from tests.openai_server import WORDS

from . import command
from .clock import each, timed
from .table import Table

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool

    from .place import Place

_BATCH = 100
_FOLDS = 5


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return what restoring, storing and writing take."""
    versions, paths, count = (400, 20, 20) if quick else (10_000, 200, 200)
    restored, stored = [], []
    for store, url in place.stores.items():
        size = _write(url, versions, paths)
        with ap.open_pool("files", url, snapshot_every=0) as pool:
            bare = _times(pool, _FOLDS)
            snapshots = ap.snapshot(pool, engine="inline").size
        with ap.open_pool("files", url, snapshot_every=0) as pool:
            pool.document()
            restored.append((store, *_quantiles(_times(pool, count)), f"{1000 * statistics.median(bare):,.0f}"))
            restored[-1] += _quantiles(_times(pool, count, read=True))
        on_disk = place.stored(store, "files")
        stored.append(
            (store, f"{size:,}", f"{on_disk:,}", f"{on_disk / size:.2f}", f"{snapshots:,}", f"{snapshots / size:.3f}")
        )
    columns = ("store", "p50, ms", "p95, ms", "full fold, ms", "and a file, p50, ms", "p95, ms")
    how = (
        f"{versions:,} versions of {paths} files, 1 to 8 kB each, by four agents in turns, a message behind each; "
        f"`pool.document(at)` at {count} random positions. *Full fold* is the same without snapshots. *And a file* "
        "reads the contents of one of its files, too."
    )
    bytes_of = ("store", "bytes written", "bytes of the log", "per byte", "bytes of snapshots", "per byte")
    told = "What is written are the contents of all versions, whole; the log holds the messages, too."
    return [
        Table("Restoring files at a position", columns, restored, (how,)),
        Table("Bytes stored for files", bytes_of, stored, (told,)),
        _writing(place, 100 if quick else 1_000),
    ]


def _write(url: str, versions: int, paths: int) -> int:
    """Write the pool and return the bytes of all contents."""
    chance, numbers, size = random.Random(5), dict.fromkeys(range(paths), 0), 0
    with ap.open_pool("files", url, snapshot_every=0) as pool:
        for start in range(0, versions, _BATCH):
            events: list[File | Message] = []
            for number in range(start, start + _BATCH):
                one = chance.randrange(paths)
                data = _contents(chance)
                size += len(data)
                header = pool.header("main", agent=f"agent{number % 4}")
                events.append(_version(header, f"src/part{one % 9}/module{one}.py", numbers[one], data))
                numbers[one] += 1
                events.append(Message(**pool.header("main"), text=f"Version {number} is there."))
            pool.append(events)
    return size


def _version(header: dict[str, object], path: str, read: int, data: bytes) -> File:
    fields = {**header, "path": path, "read": read, "digest": digest_of_contents(data), "size": len(data)}
    return File(**fields, **packed(data))


def _contents(chance: random.Random) -> bytes:
    return " ".join(chance.choices(WORDS, k=chance.randrange(150, 1_200))).encode()


def _times(pool: Pool, count: int, *, read: bool = False) -> list[float]:
    chance = random.Random(6)

    def restore(at: int) -> None:
        files = pool.document(at).files
        if read and not files[chance.choice(list(files))].text:
            message = "a file lost its text"
            raise AssertionError(message)

    return each(restore, [chance.randrange(1, pool.end) for _ in range(count)])


def _writing(place: Place, count: int) -> Table:
    rows = []
    for store, url in place.stores.items():
        chance = random.Random(7)
        with ap.open_pool("writing", url, snapshot_every=0) as pool:
            texts = [_contents(chance) for _ in range(count)]
            plain = [
                timed(
                    lambda n=n, t=text: pool.append([_version(pool.header("main"), f"plain{n % 20}.md", n // 20, t)])
                )[1]
                for n, text in enumerate(texts)
            ]
            checked = [
                timed(lambda n=n, t=text: pool.write_file(f"f{n % 20}.md", t))[1] for n, text in enumerate(texts)
            ]
        ratio = statistics.median(checked) / statistics.median(plain)
        rows.append((store, *(f"{1000 * statistics.median(one):.2f}" for one in (plain, checked)), f"{ratio:.1f}"))
    told = f"{count:,} versions of 20 files, one at a time. `pool.write_file` looks at what there is, and reads back."
    return Table("Writing a version", ("store", "append, ms", "write_file, ms", "ratio"), rows, (told,))


def _quantiles(times: list[float]) -> tuple[str, str]:
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return f"{1000 * cuts[9]:.1f}", f"{1000 * cuts[18]:.1f}"


if __name__ == "__main__":
    command.run(measure, __doc__)
