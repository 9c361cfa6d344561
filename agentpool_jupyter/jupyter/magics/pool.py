"""``%pool``: what its line may say, and what each action does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from agentpool_jupyter.display.note import Note
from agentpool_jupyter.display.table import Table, clip
from agentpool_jupyter.errors import ExtraMissingError, IndexUnavailableError, PoolNotFoundError, UserError
from agentpool_jupyter.jupyter.session import DEFAULT_POOL

from .usage import STORE, SessionMagics

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from agentpool_jupyter.history import Compacted, HistoryGraph
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.log import Store
    from agentpool_jupyter.pool import Event
    from agentpool_jupyter.pool.files.version import FileMap

_SHOWN = 80  # characters of an event in a listing
_IMPORT_WORDS = 3


@magics_class
class PoolMagics(SessionMagics):
    """``%pool``."""

    @line_magic
    @magic_arguments()
    @argument(
        "words",
        nargs="*",
        metavar="[ACTION] [NAME]",
        help="an action and what it is about, or a pool whose document is shown",
    )
    @STORE
    @argument(
        "--at",
        metavar="POSITION",
        help="show the document, or its files, as it was: 120, planner#2, -3, 14:05, 10m, a branch or tag",
    )
    @argument("--reveal", action="store_true", help="show what stands behind pseudonyms such as <email 1>, here alone")
    @argument("-n", type=int, default=20, metavar="EVENTS", help="how many lines `log` and `events` show (default: 20)")
    @argument("--overwrite", action="store_true", help="export over a file that is there")
    @argument("--yes", action="store_true", help="really delete")
    @argument("--no-archive", action="store_true", help="compact without a copy of the pool as it was")
    @argument("--delete-old", action="store_true", help="on Kafka: do not keep the topic of a pool that was compacted")
    def pool(self, line: str) -> Any:
        """Show and manage pools.

        ::

            %pool                    the current pool's document
            %pool NAME [--at P]      another pool's document (--reveal: with what `redact:` of its team replaced)
            %pool list               all pools of the store
            %pool use NAME           make it the current pool (made if need be)
            %pool log [NAME] [-n N]  its history as a graph of branches, newest first
            %pool events [NAME]      the last events, as the log has them
            %pool files [NAME]       the files that its team shares (--at P: as they were)
            %pool new [NAME]         make an empty pool and use it
            %pool tag NAME [--at P]  name a position
            %pool export FILE        write the current pool to a file
            %pool import FILE [NAME] make a new pool of such a file, or of a transcript of another system: messages as
                                     JSON or JSONL (`role` or `name`, `content`, maybe `time`), or spans as OTLP JSON
            %pool compact [NAME]     make it smaller: finished turns as whole text; nothing that is shown changes
                                     (--at P: only what stands before a position)
            %pool delete NAME --yes  remove a pool for good
        """
        return self.answer(self.pool, line, _do)


def _do(session: Session, arguments: Namespace) -> Any:
    """Do what the first word says, or show a pool's document."""
    words = arguments.words
    action = ACTIONS.get(words[0], _document) if words else _document
    names = words if action is _document else words[1:]
    if len(names) > 1 and words[0] != "import":
        message = f"%pool takes one action and one name, not {' '.join(words)!r}; see `%pool?`"
        raise UserError(message)
    if arguments.n < 1:
        message = f"-n is {arguments.n}: show at least one line"
        raise UserError(message)
    return action(session, names[0] if names else None, arguments)


def _document(session: Session, name: str | None, arguments: Namespace) -> Any:
    try:
        pool = session.pool(name, arguments.store)
        document = pool.document(arguments.at)
        if arguments.reveal:
            from agentpool_jupyter.privacy.redaction.pseudonyms import Pseudonyms  # noqa: PLC0415

            return document.with_texts(Pseudonyms.of_pool(pool).reveal)
    except PoolNotFoundError as error:
        from agentpool_jupyter.agents.team.fields import near  # noqa: PLC0415 - loading the extension stays quick

        meant = near(name or session.name, [*session.open_store(arguments.store).names(), *ACTIONS])
        message = f"{error}{meant if 'did you mean' in meant else ''}"
        raise PoolNotFoundError(message) from None
    return document


def _list(session: Session, _name: str | None, arguments: Namespace) -> Table:
    store = session.open_store(arguments.store)
    rows = [("→" if name == session.name else "", name) for name in store.names()]
    return Table(("", f"pools in {store.url}"), rows, empty=f"no pools in {store.url} yet")


def _use(session: Session, name: str | None, arguments: Namespace) -> Note:
    if name is None:
        message = "%pool use needs a name, as in `%pool use bakery`"
        raise UserError(message)
    pool = session.pool(name, arguments.store, create=True)
    session.use(name, arguments.store)
    return Note(repr(pool))


def _new(session: Session, name: str | None, arguments: Namespace) -> Note:
    name = name or time.strftime("pool-%Y%m%d-%H%M%S")
    if name in session.open_store(arguments.store).names():
        message = f"pool {name!r} exists: `%pool use {name}` goes on with it, `%%agents {name} --fresh` starts afresh"
        raise UserError(message)
    return _use(session, name, arguments)


def _delete(session: Session, name: str | None, arguments: Namespace) -> Note:
    if name is None or not arguments.yes:
        message = f"%pool delete removes a pool for good: `%pool delete {name or 'NAME'} --yes`"
        raise UserError(message)
    return Note(delete_pool(session, name, arguments.store))


def delete_pool(session: Session, name: str, store: str | None = None) -> str:
    """Remove a pool for good, from the index too, and return what is to be said of that.

    Raises PoolNotFoundError, and UserError where a team runs in it.
    """
    pool = session.pool(name, store)
    if pool.runs.alive():
        message = f"a team runs in pool {name!r}: stop it first, with `%agents stop {name}`"
        raise UserError(message)
    is_current = (name, pool.store.url) == (session.name, session.open_store().url)
    session.forget(pool)
    pool.store.delete(name)
    left = ", ".join(map(str, pool.store.archives_of(name)))
    told = f"deleted pool {name!r}" + (f"; copies of it that were made before compactions stay: {left}" if left else "")
    told += _forget(session, pool.store, name)
    if is_current:  # else the next cell that names none would make it again
        session.use(DEFAULT_POOL)
        told += f"; the current pool is {DEFAULT_POOL!r} now"
    return told


def _forget(session: Session, store: Store, name: str) -> str:
    """Forget what stood behind a deleted pool's pseudonyms, and its part of the index; return what is to be said."""
    from agentpool_jupyter.privacy.redaction.pseudonyms import forget_pseudonyms  # noqa: PLC0415
    from agentpool_jupyter.recall.backends.addresses import has_index  # noqa: PLC0415 - loading the extension stays quick

    forget_pseudonyms(store.url, name)
    try:
        if has_index(store):
            session.index(store).forget(name)
    except ExtraMissingError:
        pass  # nothing here uses the index
    except IndexUnavailableError as error:
        return f"; what was said in it may still be in the index: {error}"
    return ""


def _log(session: Session, name: str | None, arguments: Namespace) -> HistoryGraph:
    from agentpool_jupyter.history import history_graph  # noqa: PLC0415

    return history_graph(session.pool(name, arguments.store), most=arguments.n)


def _files(session: Session, name: str | None, arguments: Namespace) -> FileMap:
    return session.pool(name, arguments.store).document(arguments.at).files


def _tag(session: Session, name: str | None, arguments: Namespace) -> Note:
    if name is None:
        message = "%pool tag needs a name, as in `%pool tag good --at planner#2`"
        raise UserError(message)
    place = session.pool(None, arguments.store).tag(name, arguments.at)
    return Note(f"tag {name!r} is right after offset {place.at} on branch {place.branch!r}")


def _export(session: Session, file: str | None, arguments: Namespace) -> Note:
    from agentpool_jupyter.history import export_pool  # noqa: PLC0415

    if file is None:
        message = "%pool export needs a file, as in `%pool export bakery.jsonl.gz`"
        raise UserError(message)
    pool = session.pool(None, arguments.store)
    return Note(
        f"wrote {export_pool(pool, file, overwrite=arguments.overwrite):,} records of pool {pool.name!r} to {file}"
    )


def _import(session: Session, file: str | None, arguments: Namespace) -> Note:
    from agentpool_jupyter.history import import_pool  # noqa: PLC0415

    if file is None or len(arguments.words) > _IMPORT_WORDS:
        message = "%pool import takes a file and, if need be, a name: `%pool import bakery.jsonl.gz other`"
        raise UserError(message)
    from agentpool_jupyter.tracing.transcripts.bring import import_transcript, is_transcript  # noqa: PLC0415

    name = arguments.words[2] if len(arguments.words) == _IMPORT_WORDS else None
    bring = import_transcript if is_transcript(file) else import_pool
    with bring(file, name, arguments.store or session.store) as pool:
        return Note(f"made pool {pool.name!r} of {pool.end:,} records; `%pool use {pool.name}` goes on with it")


def _compact(session: Session, name: str | None, arguments: Namespace) -> Compacted:
    from agentpool_jupyter.history import compact  # noqa: PLC0415

    pool = session.pool(name, arguments.store)
    limit = None if arguments.at is None else pool.position(arguments.at).at + 1
    return compact(pool, limit=limit, archive=not arguments.no_archive, delete_old=arguments.delete_old)


def _events(session: Session, name: str | None, arguments: Namespace) -> Table:
    from agentpool_jupyter.pool.claims import is_late  # noqa: PLC0415 - loading the extension stays quick
    from agentpool_jupyter.pool.positions import clock  # noqa: PLC0415

    pool = session.pool(name, arguments.store)
    fences = pool.runs.claims.fences
    rows = [
        (
            event.offset,
            clock(event.time),
            event.branch,
            event.agent,
            f"{event.type} (late)" if is_late(event, fences) else event.type,
            _gist(event),
        )
        for event in pool.events(max(0, pool.end - arguments.n))
    ]
    return Table(("offset", "time", "branch", "agent", "event", "says"), rows, empty="the pool is empty")


def _gist(event: Event) -> str:
    """Return what an event says, in a line."""
    for field in ("path", "text", "error", "reason", "to", "name", "kind", "owner", "model"):
        value = getattr(event, field, None)
        if value:
            return clip(str(value), _SHOWN)
    return ""


ACTIONS: dict[str, Callable[[Session, str | None, Namespace], Any]] = {
    "list": _list,
    "use": _use,
    "log": _log,
    "events": _events,
    "files": _files,
    "new": _new,
    "tag": _tag,
    "export": _export,
    "import": _import,
    "compact": _compact,
    "delete": _delete,
}
