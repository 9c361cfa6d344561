"""What ``%similar`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.display import display

from agentpool_jupyter.display.note import Note
from agentpool_jupyter.errors import LogClosedError, LogMovedError
from agentpool_jupyter.jupyter.magics.jobs import run, run_over_all

from .library import add, listing, remove
from .query import find_query

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool.events import Message

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
    from agentpool_jupyter.recall import similar  # noqa: PLC0415

    from .insertable import ClickableMatches, InsertableMatches  # noqa: PLC0415

    pool = session.pool(arguments.pool, arguments.store)
    query = find_query(pool, arguments, cell, session.variables)
    index = session.index(pool.store)
    found = similar(
        pool,
        query.what,
        arguments.k,
        threshold=arguments.threshold,
        question=arguments.question,
        agents=arguments.agent,
        since=arguments.since,
        until=arguments.until,
        branch=arguments.branch,
        over=arguments.over or (["pool", "library"] if index.library.documents else ["pool"]),
        index=index,
    )
    store = arguments.store or session.store

    def post(text: str) -> Message:
        try:
            return pool.post(text)
        except (LogClosedError, LogMovedError):  # since it was closed or compacted
            return session.pool(pool.name, store, tell=False).post(text)

    if not session.widgets:
        return InsertableMatches(found, query.about, post)
    hits = ClickableMatches(found, query.about, post)
    session.keep(hits)
    return hits
