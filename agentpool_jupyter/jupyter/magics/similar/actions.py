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
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.jupyter.magics.jobs import PoolResults
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.log import Store
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.events import Message
    from agentpool_jupyter.recall import RecallIndex

    from .insertable import InsertableMatches


class SimilarActions:
    """The actions of one call."""

    def __init__(self, session: Session, shell: InteractiveShell) -> None:
        self._session = session
        self._shell = shell

    def do(self, arguments: Namespace, cell: str | None) -> Any:
        """Do what is asked of the index and the library, then look up the query, if there is one."""
        told = [*self._index(arguments), *self._keep_library(arguments)]
        asked = cell is not None or arguments.text or arguments.now is not None or arguments.document
        if told and not asked:
            for one in told[:-1]:
                display(one)
            return told[-1]
        for one in told:
            display(one)
        return self._look_up(arguments, cell)

    # The index and the library -----------------------------------------------------------------------------

    def _index(self, arguments: Namespace) -> list[PoolResults]:
        if not arguments.index:
            return []
        from agentpool_jupyter.recall.bulk.build import index_pools  # noqa: PLC0415 - loading the extension stays quick

        index = self._session.index(self._store(arguments))
        if not arguments.pool:
            return [run_over_all(self._session, index_pools, "index", arguments, index=index)]
        pool = self._session.pool(arguments.pool, arguments.store)
        return [run(self._session, index_pools, [pool], "index", arguments, index=index)]

    def _keep_library(self, arguments: Namespace) -> list[Any]:
        if not (arguments.add or arguments.remove or arguments.library):
            return []
        from agentpool_jupyter.agents.team.filling import fill  # noqa: PLC0415 - loading the extension stays quick

        library = self._session.index(self._store(arguments)).library
        paths = {
            name: [fill(path, self._shell.user_ns) for path in getattr(arguments, name) or ()]
            for name in ("add", "remove")
        }
        told: list[Any] = []
        if arguments.remove:
            told.append(Note(remove(library, paths["remove"])))
        if arguments.add:
            told.append(add(library, paths["add"], bar=self._session.widgets))
        if arguments.library:
            told.append(listing(library))
        return told

    def _store(self, arguments: Namespace) -> Store:
        from agentpool_jupyter.log import open_store  # noqa: PLC0415 - loading the extension stays quick

        return open_store(arguments.store or self._session.store)

    # The query ---------------------------------------------------------------------------------------------

    def _look_up(self, arguments: Namespace, cell: str | None) -> InsertableMatches:
        from agentpool_jupyter.recall import similar  # noqa: PLC0415

        from .insertable import ClickableMatches, InsertableMatches  # noqa: PLC0415

        pool = self._session.pool(arguments.pool, arguments.store)
        query = find_query(pool, arguments, cell, self._shell.user_ns)
        index = self._session.index(pool.store)
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
            over=arguments.over or _places(index),
            index=index,
        )
        post = self._poster(pool, arguments.store or self._session.store)
        if not self._session.widgets:
            return InsertableMatches(found, query.about, post)
        hits = ClickableMatches(found, query.about, post)
        self._session.keep(hits)
        return hits

    def _poster(self, pool: Pool, store: str | None) -> Callable[[str], Message]:
        """Return what puts a text into the pool, also after it was closed or compacted since."""

        def post(text: str) -> Message:
            try:
                return pool.post(text)
            except (LogClosedError, LogMovedError):
                return self._session.pool(pool.name, store, tell=False).post(text)

        return post


def _places(index: RecallIndex) -> list[str]:
    return ["pool", "library"] if index.library.documents else ["pool"]
