"""Where pages of JupyterLab come to: each is told what it watches, when that has changed, and its errands are run.

One thread does all of it, so that a page never waits for a cell, nor a cell for a page. It sleeps until a page says
something; only while a page can be seen does it look around once a second.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.jupyter.comms import hear_comm_at_once

from .wire import TARGET, FromPage, Overview, PoolDocument, Running, RunRow, ToPage, Watch

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.agents import Run
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool

    from .census import Census

_LOOK = 1.0  # seconds between two looks, while somebody watches
_READ = 0.3  # seconds of a look that go into logs which were not read yet


class Visit:
    """One page, by its comm."""

    def __init__(self, comm: Any) -> None:
        self._comm = comm
        self._sent: dict[type, bytes] = {}
        self._parts: dict[str, list[str]] = {}  # of documents, by their pools, as they were sent last
        self.watch = Watch()

    def send(self, message: ToPage) -> None:
        """Send a message, from any thread."""
        with contextlib.suppress(Exception):  # a page that has gone is no matter of anybody's
            self._comm.send(msgspec.to_builtins(message))

    def show(self, message: ToPage) -> None:
        """Send what is watched, where it is not what was sent last."""
        encoded = msgspec.json.encode(message)
        if self._sent.get(type(message)) != encoded:
            self._sent[type(message)] = encoded
            self.send(message)

    def show_document(self, pool: str, parts: list[str], events: int) -> None:
        """Send what of a document is not what was sent last: a long one costs what is new in it."""
        known = self._parts.get(pool)
        self._parts[pool] = parts
        if known is None or known != parts:
            was = dict(enumerate(known or []))
            changed = {str(place): part for place, part in enumerate(parts) if was.get(place) != part}
            self.send(PoolDocument(pool=pool, parts=changed, turns=len(parts), events=events))

    def look_at(self, watch: Watch) -> None:
        """Take what can be seen from now on; all of it is sent anew."""
        self.watch = watch
        self._sent.clear()
        self._parts.clear()


class Desk:
    """The kernel's side of all pages that show its notebook; :meth:`close` leaves no thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._visits: dict[str, Visit] = {}
        self._jobs: queue.SimpleQueue[tuple[Visit, FromPage] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._census: Census | None = None
        self._documents: dict[str, Pool] = {}

    def welcome(self, comm: Any, _opening: object) -> None:
        """Take in a page that opened a comm; runs on whichever thread takes the kernel's comm messages."""
        hear_comm_at_once(comm)
        visit = self._visits[comm.comm_id] = Visit(comm)
        comm.on_msg(partial(self._hear, visit))
        comm.on_close(lambda _message: self._leave(comm.comm_id))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="agentpool-desk", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Say goodbye to all pages and end the thread; twice is fine."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        for visit in list(self._visits.values()):
            with contextlib.suppress(Exception):
                visit._comm.close()  # noqa: SLF001 - the module's own
        self._visits.clear()

    def _hear(self, visit: Visit, message: dict[str, Any]) -> None:
        try:
            said: FromPage = msgspec.convert(message["content"]["data"], FromPage)
        except (msgspec.ValidationError, KeyError, TypeError):
            return  # of a page that is newer than this kernel
        self._jobs.put((visit, said))

    def _leave(self, comm_id: str) -> None:
        visit = self._visits.pop(comm_id, None)
        if visit is not None:
            self._jobs.put((visit, Watch()))  # the thread sees that there may be nobody left

    # The thread --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        from .errands import run_errand  # noqa: PLC0415 - loading the extension stays quick

        more = False
        while True:
            watched = any(visit.watch != Watch() for visit in list(self._visits.values()))
            pause = (0.05 if more else _LOOK) if watched else None
            try:
                job = self._jobs.get(timeout=pause)
                if job is None:
                    break
                visit, said = job
                if isinstance(said, Watch):
                    visit.look_at(said)
                else:
                    answer = run_errand(self._session, said)
                    visit.send(answer)
            except queue.Empty:
                pass
            more = self._look()
        self._forget_pools()
        for pool in self._documents.values():
            pool.close()
        self._documents.clear()

    def _look(self) -> bool:
        """Tell every page what it watches; returns whether there is more to be read at once."""
        visits, runs, more = list(self._visits.values()), self._session.running(), False
        if watching := [visit for visit in visits if visit.watch.running]:
            _show(watching, Running(runs=[_row(run) for run in runs], current=self._session.name))
        if watching := [visit for visit in visits if visit.watch.pools]:
            overview, more = self._overview(frozenset(run.id for run in runs))
            _show(watching, overview)
        else:
            self._forget_pools()
        names = {name for visit in visits for name in visit.watch.documents}
        for name in names:
            self._show_document(name, [visit for visit in visits if name in visit.watch.documents])
        for name in self._documents.keys() - names:
            self._documents.pop(name).close()
        return more

    def _overview(self, mine: frozenset[str]) -> tuple[Overview, bool]:
        from .census import Census  # noqa: PLC0415 - loading the extension stays quick

        deadline = time.monotonic() + _READ
        url = str(self._session.store or "")
        try:
            store = self._session.open_store()
            url = store.url
            if self._census is None or self._census.store.url != store.url:
                self._forget_pools()
                self._census = Census(store)
            return self._census.overview(self._session.name, mine, lambda: time.monotonic() > deadline)
        except (AgentPoolError, OSError) as error:
            self._forget_pools()
            return Overview(store=url, pools=[], runs=[], waiting=[], problem=str(error)), False

    def _show_document(self, name: str, visits: list[Visit]) -> None:
        """Show a pool's document to those who watch it, where it can be read now."""
        from agentpool_jupyter.pool import Pool  # noqa: PLC0415 - loading the extension stays quick

        try:
            store = self._session.open_store()
            if name in self._documents and self._documents[name].store.url != store.url:  # the notebook has moved
                self._documents.pop(name).close()
            if name not in self._documents:
                self._documents[name] = Pool(store.open(name, create=False), store)
            pool = self._documents[name]
            parts, events = pool.document().parts, pool.end
        except (AgentPoolError, OSError):  # deleted or compacted: it is opened anew the next time
            if name in self._documents:
                self._documents.pop(name).close()
            return
        for visit in visits:
            visit.show_document(name, parts, events)

    def _forget_pools(self) -> None:
        if self._census is not None:
            self._census.close()
            self._census = None


def _show(visits: list[Visit], message: ToPage) -> None:
    for visit in visits:
        visit.show(message)


def _row(run: Run) -> RunRow:
    """Return a run of this kernel for the status bar, which shows no numbers: its log is not read."""
    return RunRow(
        id=run.id,
        pool=run.pool.name,
        state=run.status,
        here=True,
        owner="",
        task=run.team.task,
        agents=[agent.name for agent in run.team.agents],
        tokens=0,
        estimated=False,
        cost=None,
    )


def install_desk(shell: InteractiveShell, session: Session) -> None:
    """Let pages of JupyterLab come, where the shell is a kernel's; they may be there already."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return
    desk = Desk(session)
    shell._agentpool_desk = desk  # noqa: SLF001 - the shell is the one object that lives as long as the kernel
    kernel.comm_manager.register_target(TARGET, desk.welcome)


def remove_desk(shell: InteractiveShell) -> None:
    """Send the pages away."""
    desk = getattr(shell, "_agentpool_desk", None)
    if desk is not None:
        shell.kernel.comm_manager.unregister_target(TARGET, desk.welcome)
        desk.close()
        del shell._agentpool_desk  # noqa: SLF001
