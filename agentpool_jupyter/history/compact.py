"""Compaction: a pool whose finished turns take less space, and say the same."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import LogCorruptError, RunActiveError
from agentpool_jupyter.log.files import make_folder
from agentpool_jupyter.pool.codec import decode
from agentpool_jupyter.pool.runs import Runs
from agentpool_jupyter.snapshots.folder import discard, locked
from agentpool_jupyter.snapshots.summary import SCALE

from .folding import changes
from .transfer import check_export, export_pool

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from agentpool_jupyter.log import Record, Rewritten
    from agentpool_jupyter.pool import Pool

_PATIENCE = 600.0  # seconds for which another process that makes snapshots is waited for
_UNITS = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """What a compaction did; displays itself."""

    pool: str
    records: int
    """How many records were folded into others, or took others in."""
    limit: int
    """Only turns that ended below this offset were folded."""
    before: int
    """Bytes of the log before: its files on SQLite, the sum of its records' sizes on Kafka."""
    after: int
    """Bytes of the log now."""
    archive: Path | None
    """The pool as it was, for ``%pool import``; None where none was wanted, or nothing was changed."""
    kept: str = ""
    """Where the log still is as it was, in words; empty where it is not."""
    moved: bool = False
    """Whether the pool is in another place of its store now, so that others who have it open must open it again."""

    @property
    def saved(self) -> int:
        """How many bytes fewer the log takes."""
        return self.before - self.after

    def __repr__(self) -> str:
        if not self.limit:
            return f"pool {self.pool!r} has nothing to fold: only whole stretches of {SCALE.window:,} events are folded"
        if not self.records:
            return f"pool {self.pool!r} has nothing to fold below offset {self.limit:,}: {_bytes(self.after)}"
        share = f" ({self.saved / self.before:.0%} less)" if self.before > 0 else ""
        sizes = f"{_bytes(self.before)} → {_bytes(self.after)}{share}"
        parts = [f"pool {self.pool!r}: {sizes}, {self.records:,} records folded below offset {self.limit:,}"]
        if self.archive:
            parts.append(f"as it was: {self.archive}")
        if self.kept:
            parts.append(f"also kept: {self.kept}")
        return "\n".join(parts)


def compact(
    pool: Pool,
    *,
    limit: int | None = None,
    archive: str | os.PathLike[str] | bool = True,
    delete_old: bool = False,
) -> Compacted:
    """Fold the deltas of finished turns into whole text, and say how much that saved.

    Only windows of 1,024 offsets that lie wholly below ``limit`` (default: the pool's end) are touched. Offsets, times,
    branches, tags and all documents at turns, messages, forks and tags stay as they are; see :mod:`.folding`. Before
    anything is changed the pool is exported: to a file beside the store, or the one that ``archive`` names; False
    writes none. That file is on disk, and was read back, before the pool is changed. On Kafka the result is a new
    topic, and the old one is kept unless ``delete_old``; nobody may write to the pool meanwhile, and other processes
    that have it open are told to open it again.

    Raises RunActiveError while a team runs in the pool, LogBusyError while somebody writes to it (on Kafka), UserError
    where the archive cannot be written, SnapshotsBusyError where another process makes snapshots for more than ten
    minutes, LogCorruptError where the archive cannot be read back, LogError and LogUnavailableError where the log
    cannot be rewritten; the pool is as it was then.
    """
    _refuse_live_runs(pool.name, pool.runs)
    end = pool.end
    limit = SCALE.full(end if limit is None else min(limit, end))
    path = None
    # Nobody makes snapshots meanwhile, nor compacts: who comes second finds what the first has made.
    with locked(pool.store.derived(pool.name), pool.name, _PATIENCE):
        if any(True for _ in changes(pool.log.read, limit)):
            path = _archive_of(pool, archive)
            if path:
                _export(pool, path)
            done = _rewrite(pool, limit, delete_old=delete_old)
        else:
            done = pool.log.rewrite(lambda _: ())  # which gives back what an earlier one could not
    return Compacted(pool=pool.name, limit=limit, archive=path, **done._asdict())


def _rewrite(pool: Pool, limit: int, *, delete_old: bool) -> Rewritten:
    def folded(read: Callable[[], Iterator[Record]]) -> Iterable[tuple[int, bytes]]:
        runs = Runs()
        for record in read():
            runs.absorb(decode(record))
        _refuse_live_runs(pool.name, runs)  # a team may have started while the archive was written
        # Snapshots hold some of the deltas that go: none may outlive them, whenever this process ends.
        discard(pool.store.derived(pool.name))
        pool.snapshots.look_again(0)
        return changes(read, limit)

    return pool.log.rewrite(folded, delete_old=delete_old)


def _refuse_live_runs(name: str, runs: Runs) -> None:
    for run in runs.alive():
        message = f"run {run.id} is live in pool {name!r} ({run.owner}): stop it first, with `%agents stop {name}`"
        raise RunActiveError(message)


def _export(pool: Pool, path: Path) -> None:
    export_pool(pool, path)
    try:
        check_export(path)
    except LogCorruptError as error:
        path.unlink()
        message = f"the archive of pool {pool.name!r} could not be read back ({error}): the pool is as it was"
        raise LogCorruptError(message) from error


def _archive_of(pool: Pool, archive: str | os.PathLike[str] | bool) -> Path | None:  # noqa: FBT001 - or a path
    if archive is False:
        return None
    if archive is not True:
        return Path(archive).expanduser()
    make_folder(pool.store.archives)
    # Others may compact a pool of that name in this second, too.
    return pool.store.archives / f"{pool.name}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}.jsonl.gz"


def _bytes(count: int) -> str:
    for unit, size in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
