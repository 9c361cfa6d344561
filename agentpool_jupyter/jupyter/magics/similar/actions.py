"""What ``%similar`` does."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from IPython.display import display

from agentpool_jupyter.display.note import Note
from agentpool_jupyter.errors import LogClosedError, LogMovedError, PoolNotFoundError
from agentpool_jupyter.jupyter.magics.jobs import run, run_over_all

from .library import add, listing, remove
from .query import find_query

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Document, Pool, Turn
    from agentpool_jupyter.pool.events import Message
    from agentpool_jupyter.recall import Matches

    from .insertable import InsertableMatches


def do(session: Session, arguments: Namespace, cell: str | None) -> Any:
    """Do what is asked of the index and the library, then look up the query, if there is one."""
    told = list(_kept_up(session, arguments))
    asked = cell is not None or arguments.text or arguments.now is not None or arguments.document
    last = told.pop() if told and not asked else None
    for one in told:
        display(one)
    return _look_up(session, arguments, cell) if last is None else last


def _kept_up(session: Session, arguments: Namespace) -> Iterator[Any]:
    """Bring the index up to date, and add to the library or take from it; yield what came of each."""
    if not (arguments.index or arguments.remove or arguments.add or arguments.library):
        return
    from agentpool_jupyter.agents.team.filling import fill  # noqa: PLC0415 - loading the extension stays quick

    index = session.index(session.open_store(arguments.store))
    if arguments.index:
        from agentpool_jupyter.recall.bulk.build import index_pools  # noqa: PLC0415

        if arguments.pool:
            pool = session.pool(arguments.pool, arguments.store)
            yield run(session, index_pools, [pool], "index", arguments, index=index)
        else:
            yield run_over_all(session, index_pools, "index", arguments, index=index)
    added, removed = (
        [fill(path, session.variables) for path in paths or ()] for paths in (arguments.add, arguments.remove)
    )
    if removed:
        yield Note(remove(index.library, removed))
    if added:
        yield add(index.library, added, bar=session.widgets)
    if arguments.library:
        yield listing(index.library)


def _look_up(session: Session, arguments: Namespace, cell: str | None) -> InsertableMatches:
    from .insertable import ClickableMatches, InsertableMatches  # noqa: PLC0415

    store = arguments.store or session.store
    pool = _pool(session, arguments, asks_for_text=cell is not None or bool(arguments.text))
    query = find_query(pool, arguments, cell, session.variables)
    found = _search(session, arguments, pool, query.what)
    name = pool.name if pool is not None else arguments.pool

    def post(text: str) -> Message:
        if pool is not None:
            with suppress(LogClosedError, LogMovedError):  # since it was closed or compacted
                return pool.post(text)
        return session.pool(name, store, tell=False).post(text)

    if not session.widgets:
        return InsertableMatches(found, query.about, post)
    hits = ClickableMatches(found, query.about, post)
    session.keep(hits)
    return hits


def _pool(session: Session, arguments: Namespace, *, asks_for_text: bool) -> Pool | None:
    """Return the pool that is asked; None where there is none yet, and a text is looked for in the library."""
    try:
        return session.pool(arguments.pool, arguments.store)
    except PoolNotFoundError:
        if arguments.pool or set(arguments.over or ["library"]) != {"library"} or not asks_for_text:
            raise
        if not session.index(session.open_store(arguments.store)).library.documents:
            raise
        return None


def _search(session: Session, arguments: Namespace, pool: Pool | None, what: str | Turn | Document) -> Matches:
    from agentpool_jupyter.recall import similar  # noqa: PLC0415 - loading the extension stays quick
    from agentpool_jupyter.recall.similar import similar_documents  # noqa: PLC0415

    how = {"threshold": arguments.threshold, "question": arguments.question}
    index = session.index(session.open_store(arguments.store) if pool is None else pool.store)
    if pool is None:
        found = similar_documents(index, f"{what}", arguments.k, **how)
        found.notes += (
            [] if arguments.over else [f"no pool {session.name!r} is there yet: only the library was searched"]
        )
        return found
    return similar(
        pool,
        what,
        arguments.k,
        **how,
        agents=arguments.agent,
        since=arguments.since,
        until=arguments.until,
        branch=arguments.branch,
        over=arguments.over or (["pool", "library"] if index.library.documents else ["pool"]),
        index=index,
    )
