"""Making snapshots: what is new in logs goes through the MapReduce job, and what it makes into each pool's file."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.jobs import engines
from agentpool_jupyter.jobs.backlog import FEW, Backlog, Outcome, work_off, work_off_few

from . import intake
from .file import open_sound
from .folder import current, discard, locked, making, sweep
from .lines import SummaryLine, read_line
from .schema import Anchor
from .steps import Summarising
from .summary import SCALE, Scale

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from agentpool_jupyter.jobs import Progress
    from agentpool_jupyter.jobs.engines import OptionValue
    from agentpool_jupyter.log import Record
    from agentpool_jupyter.pool import Pool

    from .file import SnapshotFile

_PATIENCE = 600.0
JOB = "agentpool_jupyter.snapshots.job:SnapshotJob"


@dataclass(kw_only=True)
class Snapshot(Outcome):
    """What was built for one pool, from offset 0 on where everything was made anew; displays itself."""

    windows: dict[int, int] = field(default_factory=dict)
    """How many summaries were added, by level."""
    size: int = 0
    """Bytes of the file."""
    note: str = ""
    """What was wrong with the file that was there before."""

    def __repr__(self) -> str:
        note = f" ({self.note}: made anew)" if self.note else ""
        if not self.end:
            return f"pool {self.pool!r}: nothing to do, a pool this short is read from its log at once{note}"
        if not self.events:
            return f"pool {self.pool!r}: nothing to do, snapshots reach offset {self.end:,}{note}"
        made = ", ".join(f"{count} of level {level}" for level, count in sorted(self.windows.items())) or "none"
        return (
            f"pool {self.pool!r}: {self.events:,} events in {self.seconds:.1f} s on {self.engine}; summaries: {made}; "
            f"they reach offset {self.end:,} and take {self.size / 1000:,.0f} kB{note}"
        )


def snapshot(pool: Pool, engine: str = "local", **options: Any) -> Snapshot:
    """Bring the snapshots of a pool up to date and return what was built; see :func:`snapshot_all`."""
    return snapshot_all([pool], engine, **options)[0]


def snapshot_all(
    pools: Sequence[Pool],
    engine: str = "local",
    *,
    options: Mapping[str, OptionValue] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    patience: float = _PATIENCE,
    scale: Scale = SCALE,
    verify: bool = True,
    few_here: bool = False,
) -> list[Snapshot]:
    """Bring the snapshots of several pools up to date in one job, and return what was built for each.

    Only what is new is read. Files that are damaged, that were made of another log, or in windows of another
    ``scale``, are made anew, and the result says so. ``engine``, ``options``, ``progress`` and ``cancel`` are those of
    :func:`agentpool_jupyter.jobs.run_job`. Another process that builds a pool's snapshots is waited for, up to
    ``patience`` seconds. Without ``verify`` the files that are there are compared with their manifests, and not every
    text in them with its checksum, which takes time that grows with them. With ``few_here`` no job is run for less than
    a process takes to start (:data:`~agentpool_jupyter.jobs.backlog.FEW`): that is done here, and not broken off.

    Raises EngineError, JobError, JobCancelledError, LogError, and UserError where the other process takes longer; what
    was there before is untouched then.
    """
    if not few_here:  # else only what runs a job needs an engine, which takes a moment to find
        engines.find(engine).check()
    begun = time.monotonic()
    stop = cancel.is_set if cancel else bool
    with contextlib.ExitStack() as stack:
        once = {(pool.store.url, pool.name): pool for pool in pools}
        plans = {}
        for place in sorted(once):  # all lock in one order
            stack.enter_context(locked(_folder(once[place]), place[1], patience))
            plans[place] = stack.enter_context(_planned(once[place], scale, stop if verify else None))
        work = [plan for plan in plans.values() if plan.start < plan.end]
        if few_here and sum(plan.end - plan.start for plan in work) <= FEW:
            log = None
            work_off_few(work, Summarising(scale, [plan.end for plan in work]).chain(), read_line)
        else:
            own: dict[str, OptionValue] = {"window": scale.window, "fan": scale.fan}
            wanted = {**(options or {}), **own, "until": [str(plan.end) for plan in work]}
            log = work_off(work, JOB, engine, read=read_line, options=wanted, progress=progress, cancel=cancel)
        for pool in pools:
            pool.snapshots.look_again(plans[pool.store.url, pool.name].end)
        return [plans[pool.store.url, pool.name].told(engine, time.monotonic() - begun, log) for pool in pools]


class _Plan(Backlog[SummaryLine]):
    """What is to be done for one pool."""

    def __init__(self, pool: Pool, before: SnapshotFile | None, scale: Scale, note: str) -> None:
        start = before.anchor.end if before else 0
        super().__init__(pool.log, start, max(start, scale.full(pool.end)))
        self._pool = pool
        self._folder = _folder(pool)
        self._before = before
        self._scale = scale
        self._note = note
        self._windows: Counter[int] = Counter()

    def records(self, start: int, stop: int) -> Iterator[Record]:
        """Yield records without what came too late for its claim, which no summary is to hold."""
        return self._pool.unfenced(start, stop)

    def known(self, source: int) -> Iterator[SummaryLine]:
        """Yield the summaries that are not yet part of a larger one."""
        for summary in self._before.unfinished(self.start) if self._before else ():
            yield SummaryLine(source, summary)

    def take_in(self, made: Sequence[SummaryLine]) -> None:
        """Put what the job made into the pool's file."""
        nodes = [line.node for line in made if line.node is not None]
        self._windows = Counter(node.level for node in nodes)
        with contextlib.nullcontext(self._before) if self._before else making(self._folder, self._scale) as file:
            intake.add(file, nodes, Anchor.of(self.log, self.end))

    def told(self, engine: str, seconds: float, log: Path | None) -> Snapshot:
        """Return what is to be told of it."""
        made = current(self._folder)
        size = self._before.size if self._before else made.stat().st_size if made else 0
        facts = self.facts(self._pool.name, engine, seconds, log)
        return Snapshot(**facts, windows=dict(self._windows), size=size, note=self._note)


def _folder(pool: Pool) -> Path:
    return pool.store.derived(pool.name)


@contextlib.contextmanager
def _planned(pool: Pool, scale: Scale, stop: Callable[[], bool] | None) -> Iterator[_Plan]:
    """Yield what is to be done for a pool, whose folder is locked; what is there and not to be used is removed."""
    folder, file, note = _folder(pool), None, ""
    sweep(folder)
    if path := current(folder):
        try:
            file = open_sound(path, pool.log)
            if stop:
                file.verify(stop)
            if file.scale != scale:
                note = f"its windows were of {file.scale.window} offsets"
        except SnapshotError as error:
            note = str(error)
    if note:
        file = None
        if not scale.full(pool.end):  # nothing will take its place
            discard(folder)
    with contextlib.closing(file) if file else contextlib.nullcontext():
        yield _Plan(pool, file, scale, note)
