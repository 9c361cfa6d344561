"""What one notebook holds open: its pools, the runs it shows, and its hold on the bundled model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from agentpool_jupyter.errors import LogMovedError, PoolNotFoundError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.agents import Run, TeamSpec
    from agentpool_jupyter.agents.runs.report import Report
    from agentpool_jupyter.log import Store
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.recall import RecallIndex
    from agentpool_jupyter.services.local_model import LocalModel

    from .live.show import Show
    from .live.widget import FrontEnd

DEFAULT_POOL = "default"
_SHOWS_KEPT = 20  # widgets that stay alive for pages that are opened again


class Closable(Protocol):
    """What a session keeps alive for the page, until it has to go."""

    def close(self) -> None:
        """Let go of it; twice is fine."""


class Session:
    """The state behind the magics of one shell; :meth:`close` leaves no thread and no child."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self.widgets = hasattr(shell, "kernel")
        """Whether the front end shows widgets (a notebook) or only text (a terminal)."""
        self.name = DEFAULT_POOL
        self.store: str | None = None
        self.snapshot_every: int | None = None
        """After how many events pools are snapshotted by themselves; None: as the environment says."""
        self.shows: dict[str, Show] = {}
        self._pools: dict[tuple[str, str], Pool] = {}
        self._indexes: dict[str, RecallIndex] = {}
        self._kept: list[Closable] = []
        self._front_end: FrontEnd | None = None
        self._local: LocalModel | None = None

    @property
    def variables(self) -> dict[str, Any]:
        """The notebook's variables: functions for Python agents, and what fills ``{{name}}``."""
        return self._shell.user_ns  # type: ignore[no-any-return]

    def use(self, name: str, store: str | None = None) -> None:
        """Make a pool the one that magics take where none is named."""
        self.name, self.store = name, store if store is not None else self.store

    def open_store(self, url: str | None = None) -> Store:
        """Return a store (default: that of the current pool)."""
        from agentpool_jupyter.log import open_store  # noqa: PLC0415 - loading the extension stays quick

        return open_store(url or self.store)

    def pool(
        self, name: str | None = None, store: str | None = None, *, create: bool = False, tell: bool = True
    ) -> Pool:
        """Return an open pool (default: the current one); raises PoolNotFoundError without ``create``.

        One that another process has compacted meanwhile is opened again, and with ``tell`` a line says so.
        """
        key = self._key(name or self.name, store)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._open(key, create=create)
        elif _moved(pool):
            pool = self._open_again(pool, create=create, tell=tell)
        return pool

    def has_open(self, name: str, store: str | None = None) -> bool:
        """Return whether :meth:`pool` would give a pool that is open already."""
        return self._key(name, store) in self._pools

    def _key(self, name: str, store: str | None) -> tuple[str, str]:
        from agentpool_jupyter.log.stores import default_store  # noqa: PLC0415 - loading the extension stays quick

        store = self.store if store is None else store
        return name, default_store() if store is None else store  # the default can be another one in the next cell

    def _open(self, key: tuple[str, str], *, create: bool) -> Pool:
        from agentpool_jupyter.snapshots.opening import open_pool  # noqa: PLC0415 - loading the extension stays quick

        try:
            pool = open_pool(*key, create=create, snapshot_every=self.snapshot_every)
        except PoolNotFoundError as error:
            message = f"{error}; `%pool use {key[0]}` makes it"
            raise PoolNotFoundError(message) from None
        pool.redact = lambda text: _redacted(pool, text)
        return pool

    def _open_again(self, old: Pool, *, create: bool = False, tell: bool) -> Pool:
        """Put a pool in the place of one whose log has moved, also for the runs that are shown.

        Raises PoolNotFoundError, without ``create``, where it was deleted.
        """
        keys = [key for key, pool in self._pools.items() if pool is old]
        if not keys:
            message = f"pool {old.name!r} was compacted or deleted, and is open here no more: open it again"
            raise LogMovedError(message)
        try:
            new = self._open(keys[0], create=create)
        except PoolNotFoundError:
            self.forget(old)
            raise
        new.trusted = old.trusted
        self._pools |= dict.fromkeys(keys, new)
        for show in self.shows.values():
            if show.pool is old:
                show.go_on_with(new)
        old.close()
        if tell:
            print(f"pool {new.name!r} was compacted or made anew meanwhile: opened it again")  # noqa: T201 - said in passing
        return new

    def report(self, run: Run) -> Report:
        """Return what a run of this kernel did, also where its pool was compacted meanwhile."""
        if _moved(run.pool):
            self._open_again(run.pool, tell=True)
        return run.report()

    def forget(self, pool: Pool) -> None:
        """Close a pool and what is shown of it."""
        for run_id in [run_id for run_id, show in self.shows.items() if show.pool is pool]:
            self.shows.pop(run_id).close()
        self._pools = {key: other for key, other in self._pools.items() if other is not pool}
        pool.close()

    def forget_store(self, url: str) -> None:
        """Close the pools of a store, and what is shown of them, because the store goes away."""
        for pool in {id(pool): pool for pool in self._pools.values() if pool.store.url == url}.values():
            self.forget(pool)
        if url in self._indexes:
            self._indexes.pop(url).close()
        if self.store == url:
            self.store = None

    def index(self, store: Store) -> RecallIndex:
        """Return the index of a store's pools and documents, opened once; raises IndexUnavailableError."""
        from agentpool_jupyter.recall import RecallIndex  # noqa: PLC0415

        if store.url not in self._indexes:
            self._indexes[store.url] = RecallIndex(store)
        return self._indexes[store.url]

    def _index_of(self, pool: Pool) -> RecallIndex:
        return self.index(pool.store)

    def keep(self, shown: Closable) -> None:
        """Keep something on the page alive, such as hits that can be clicked; of such things the latest stay."""
        self._kept.append(shown)
        for old in self._kept[:-_SHOWS_KEPT]:
            old.close()
        del self._kept[:-_SHOWS_KEPT]

    def runs(self) -> list[Run]:
        """Return the runs of this kernel that are still shown, oldest first."""
        return [show.run for show in self.shows.values() if show.run is not None]

    def running(self) -> list[Run]:
        """Return the runs of this kernel that have not ended."""
        return [run for run in self.runs() if run.status in ("running", "stopping")]

    def show(self, pool: Pool, run_id: str, run: Run | None = None, *, text: bool = False, waits: bool = False) -> Show:
        """Show a run, in place of an earlier showing of the same one; with ``waits`` somebody waits for its end."""
        from .live.show import Show  # noqa: PLC0415 - it brings in the runtime of agents

        earlier = self.shows.pop(run_id, None)
        if earlier is not None:
            run = run or earlier.run
            earlier.close()
        front_end = None if text else self._find_front_end()
        show = Show(pool, run_id, run, front_end, self.running, index=self._index_of, waits=waits)
        self.shows[run_id] = show
        running = self.running()
        for old in list(self.shows.values())[:-_SHOWS_KEPT]:
            if old.run not in running:
                self.shows.pop(old.run_id).close()
        return show

    def greet(self) -> None:
        """Have the page load what draws a team while the kernel still looks for what there is to show."""
        self._find_front_end()

    def _find_front_end(self) -> FrontEnd | None:
        """Return what draws this notebook's widgets, made once; None in a terminal."""
        if self.widgets and self._front_end is None:
            from .live.widget import FrontEnd  # noqa: PLC0415 - it brings in the widgets' own library

            self._front_end = FrontEnd()
        return self._front_end

    def hold_model(self, team: TeamSpec) -> None:
        """Keep the bundled model's server up between this notebook's runs, where the team uses it."""
        from agentpool_jupyter.agents.models.endpoint import endpoint_of  # noqa: PLC0415
        from agentpool_jupyter.services.local_model import LocalModel  # noqa: PLC0415

        agents = ((one, agent) for one in team.whole() for agent in one.agents)
        if any(agent.python is None and endpoint_of(one, agent).local for one, agent in agents):
            self._local = self._local or LocalModel()
            self._local.acquire()

    def stop(self, runs: Sequence[Run]) -> None:
        """Stop runs, all at once, and wait for them."""
        for run in runs:
            run.stop(timeout=0)
        for run in runs:
            run.stop()

    def settle(self, _result: object = None) -> None:
        """Have what is shown of runs that have ended show the end: a cell may have waited for one, and be the last."""
        for show in list(self.shows.values()):
            if show.run is not None and show.run.status not in ("running", "stopping"):
                show.wait(5)
                show.finish()
        if self._front_end is not None and not any(show.seen for show in self.shows.values()):
            self._front_end.leave_out()

    def find_run(self, word: str | None) -> Run:
        """Return a run of this kernel by id or pool name (default: the latest)."""
        runs = self.runs()
        found = [run for run in runs if word in (None, run.id, run.pool.name)]
        if not found:
            known = ", ".join(run.id for run in runs) or "none"
            message = f"this kernel has no run {word or ''}".rstrip() + f" (there are: {known})"
            raise UserError(message)
        return found[-1]

    def close(self) -> None:
        """Stop what runs and close what is open; twice is fine."""
        self.stop(self.running())
        for held in (*self.shows.values(), *self._kept, *self._indexes.values(), *self._pools.values()):
            held.close()
        for holder in (self.shows, self._kept, self._indexes, self._pools):
            holder.clear()
        if self._front_end is not None:
            self._front_end.close()
            self._front_end = None
        if self._local is not None:
            self._local.release()
            self._local = None


def _redacted(pool: Pool, text: str) -> str:
    """Return what a person says as the pool's team may read it."""
    from agentpool_jupyter.agents.runs.redaction import redact_said  # noqa: PLC0415 - loading the extension stays quick

    return redact_said(pool, text)


def _moved(pool: Pool) -> bool:
    """Whether another process has compacted a pool into another place of its store, or deleted it."""
    try:
        _ = pool.lineage, pool.end  # the first reads up to the mark of it, the second asks what the mark means
    except LogMovedError:
        return True
    return False
