"""A pool: one log, read as a document with branches; opened and listed by name."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from agentpool_jupyter.errors import PositionError, UserError
from agentpool_jupyter.log import open_store

from .affairs import Affairs
from .branches import Position, composed
from .claims import is_late, unfenced
from .codec import EventFollower, at_offset, decode, encode
from .columns import arrow_of, event_columns, pandas_of, turn_columns
from .document import Document
from .effects import Pending
from .effects.questions import answer, find_pending, grant, revoke, standing_grants
from .events import Event, Fork, Head, IdSource, Message, Tag, now_ms
from .files.checkout import Checkin, Checkout, check_in, check_out
from .files.contents import Contents
from .files.packing import as_bytes
from .files.version import FileVersion
from .files.writing import FileChange, write
from .positions import find_position
from .snapshots import NO_SNAPSHOTS
from .votes import PERSON

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agentpool_jupyter.log import Log, Record, Store

    from .branches import Branches
    from .columns import Rows
    from .effects import Effect, Effects, Ledger, StandingGrant
    from .files.entry import FileEntry
    from .files.version import FileMap
    from .runs import Runs
    from .snapshots import Snapshots


class Pool:
    """A durable, shared, ordered log of events, and the document that it says.

    Any number of threads, processes and machines may hold the same pool open. All methods may be called from any
    thread. LogUnavailableError comes out of any of them when the store is away, LogClosedError after ``close``.
    """

    def __init__(self, log: Log, store: Store, snapshots: Snapshots[Pool] = NO_SNAPSHOTS) -> None:
        self.name = log.name
        self.store = store
        self.new_id = IdSource()
        self.log = log
        """The log beneath, for those that need records as they are."""
        self.snapshots = snapshots
        """What makes earlier documents quick to read."""
        self.contents = Contents(log)
        """What its files hold."""
        self._lock = threading.RLock()
        self._affairs = Affairs()
        self._branches, self._runs, self._effects = self._affairs.branches, self._affairs.runs, self._affairs.effects
        self.redact: Callable[[str], str] = str
        """What a person says through this object is put through it before it is stored."""
        self.trusted: set[str] = set()
        """Where teams that were started through this object send to, in words; see ``agents/runs/trust``."""
        self._document = Document(pool=self.name, branch=self._branches.head)
        self._document.contents = self.contents
        self._applied = 0  # one past the last offset that these three include

    # Reading -----------------------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """One past the last offset."""
        return self.log.end()

    @property
    def lineage(self) -> Branches:
        """The pool's forks, heads and tags, up to date; treat as read-only."""
        with self._lock:
            self._catch_up()
            return self._branches

    @property
    def runs(self) -> Runs:
        """The pool's runs, up to date; treat as read-only."""
        with self._lock:
            self._catch_up()
            return self._runs

    @property
    def effects(self) -> Effects:
        """The effects that agents asked for, up to date; treat as read-only."""
        with self._lock:
            self._catch_up()
            return self._effects

    @property
    def branch(self) -> str:
        """The current branch, as the log has it now."""
        return self.lineage.head

    @property
    def branches(self) -> list[str]:
        """The names of all branches, in the order in which they were made."""
        return list(self.lineage)

    def affairs(self, stop: int) -> Affairs:
        """Return the branches, runs and effects as the events below an offset have them, to be taken further."""
        affairs = Affairs()
        summed = self.snapshots.chronicle(self.log)
        known = [record for record in summed.records if record.offset < stop]
        for event in itertools.chain(map(decode, known), self.events(min(summed.end, stop), stop)):
            affairs.absorb(event)
        return affairs

    def events(self, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        """Yield stored events of all branches in log order, ``start <= offset < stop``."""
        return map(decode, self.log.read(start, stop))

    def records(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the stored records as they are, for copies that must be exact."""
        return (record.value for record in self.log.read(start, stop))

    def unfenced(self, start: int = 0, stop: int | None = None) -> Iterator[Record]:
        """Yield the stored records as folds read them: what was written too late for its claim says nothing."""
        return unfenced(self.log.read(start, stop), self.runs.claims.fences)

    def follow(self, start: int | None = None) -> EventFollower:
        """Iterate over events from ``start`` (default: 0) on, stored and then new, until this or the pool is closed."""
        return EventFollower(self.log.follow(start or 0))

    def offset_at(self, time: int) -> int:
        """Return the first offset that the log took at or after ``time`` (milliseconds since the epoch)."""
        return self.log.offset_at(time)

    def position(self, where: int | str | Position, *, begun: bool = False) -> Position:
        """Return the position that an offset or a text means now; see :mod:`.positions`.

        One that is a position already stays it, at the log's end where it lies behind. Raises PositionError, with
        ``begun`` also for a time before the pool's beginning, which is otherwise a position before everything.
        """
        if isinstance(where, Position):
            return Position(self.lineage.check(where.branch), min(where.at, self.end - 1))
        return find_position(self, str(where).strip(), begun=begun)

    def document(self, at: int | str | Position | None = None) -> Document:
        """Return the document of the current line, or as it stood right after a position.

        The result is yours: it does not change when the pool grows. Raises PositionError.
        """
        if at is None:
            with self._lock:
                self._catch_up()
                document = self._document.copy()
        else:
            document = self._read_line(self.position(at))
        document.places = self._runs.places
        return document

    def files_of(self, branch: str) -> FileMap:
        """Return the files of a branch as they are now; raises PositionError."""
        with self._lock:
            self._catch_up()
            if self._document.branch == branch:
                return self._document.files
        return self.document(branch).files

    def lengths(self) -> dict[str, int]:
        """Return how many turns each branch's document has now, all of them in the time that one or two take."""
        lineage, last = self.lineage, self.end - 1
        lines = {name: lineage.line(name, last) for name in lineage}
        return self.snapshots.lengths(self.log, lines, self._runs.claims.fences)

    def to_pandas(self, rows: Rows = "turns", at: int | str | Position | None = None) -> Any:
        """Return a DataFrame with a row for each turn of the current line (or as of a position), or each event.

        Raises ExtraMissingError where pandas is not installed, and PositionError.
        """
        return pandas_of(self._columns(rows, at))

    def to_arrow(self, rows: Rows = "turns", at: int | str | Position | None = None) -> Any:
        """Return the same as a pyarrow Table."""
        return arrow_of(self._columns(rows, at))

    def _columns(self, rows: Rows, at: int | str | Position | None) -> dict[str, list[Any]]:
        if rows == "turns":
            return turn_columns(self.document(at))
        if rows != "events":
            message = f"there are no rows of {rows!r}: use 'turns' or 'events'"
            raise UserError(message)
        return event_columns(self.events(0, None if at is None else self.position(at).at + 1))

    # Writing -----------------------------------------------------------------------------------------------

    def post(self, text: str, agent: str = "you") -> Message:
        """Store a person's message on the current branch and return it; raises UserError for an empty text."""
        if not text.strip():
            message = "the message is empty: say something"
            raise UserError(message)
        event = Message(**self.header(self.branch, agent=agent), text=self.redact(text))
        self.append([event])
        return event

    def write_file(
        self, path: str, contents: str | bytes, *, read: int | None = None, agent: str = "you"
    ) -> FileVersion:
        """Write a file of the current branch and return the version that it has now.

        ``read`` is the number of the version that the new one rests on (default: the present one, whatever it says).
        Raises FileChangedError where there is a newer one, also when another writer is quicker at the same moment, and
        UserError for a path that no file may have or contents that are too large.
        """
        entry = self._write_file(path, as_bytes(contents), read, agent)
        return FileVersion(composed(path), entry, self.contents)

    def delete_file(self, path: str, *, read: int | None = None, agent: str = "you") -> None:
        """Delete a file of the current branch; its earlier versions stay in the log. Raises as :meth:`write_file`."""
        self._write_file(path, None, read, agent)

    def checkout(
        self, folder: str | os.PathLike[str], at: int | str | Position | None = None, *, overwrite: bool = False
    ) -> Checkout:
        """Write the files of the current line, or of a position, into a folder, and say what was done.

        What an earlier checkout wrote there and is no more is removed. Each file is there whole or not at all, and
        links are not followed. Raises PositionError, and UserError, with nothing changed, where a file in the folder is
        not as a checkout has left it, unless ``overwrite`` is set.
        """
        return check_out(self.document(at).files, folder, pool=self.name, overwrite=overwrite)

    def checkin(self, folder: str | os.PathLike[str], *, agent: str = "you") -> Checkin:
        """Record on the current branch what was changed in a folder since it was checked out, and say what that was.

        Files may have come, changed or gone; without a checkout, all that is there is new. Raises FileChangedError,
        with nothing recorded, where the pool has a newer version of one of them.
        """
        branch = self.branch
        return check_in(self, branch, folder, lambda: self.header(branch, agent=agent), name=self.name)

    def _write_file(self, path: str, data: bytes | None, read: int | None, agent: str) -> FileEntry:
        branch = self.branch
        present = self.files_of(branch).number(composed(path))
        change = FileChange(path=path, data=data, read=present if read is None else read)
        return write(self, branch, change, lambda: self.header(branch, agent=agent))

    def pending(self) -> Pending:
        """Return what waits for somebody to agree, oldest first: on this line, and in teams that were asked on it.

        Its ``questions`` are the same with those that are alike in one.
        """
        with self._lock:
            effects = self.effects
            return Pending(effects.waiting(self._branches.head))

    def vote(
        self, proposal: str, text: str = "", *, accept: bool, agent: str = PERSON, seen: int | None = None
    ) -> Effect:
        """Agree to what waits, or refuse it, as a person, and return it as the log has it then.

        ``proposal`` is its id, or the end of it. ``seen`` is what :attr:`.Effect.since` was when the voter looked at it
        (default: now): a vote from before what it rests on has changed does not count. Raises UserError where nothing
        of that id waits, or where the vote does not count.
        """
        found = find_pending(self, proposal)
        if len(found) > 1:
            message = f"{proposal!r} are {len(found)} calls: answer them with vote_all"
            raise UserError(message)
        return answer(self, {found[0].id: seen}, self.redact(text), accept=accept, agent=agent)[0]

    def vote_all(
        self, proposals: Iterable[str] | Mapping[str, int | None], text: str = "", *, accept: bool, agent: str = PERSON
    ) -> list[Effect]:
        """Agree to several calls, or refuse them: by their ids, or by the names of questions (``pool.pending()``).

        As a mapping, ``proposals`` has for each what ``seen`` of :meth:`vote` is. Raises UserError as that, with no
        vote cast where one of them does not wait.
        """
        seen = proposals if isinstance(proposals, Mapping) else dict.fromkeys(proposals)
        return answer(self, seen, self.redact(text), accept=accept, agent=agent)

    def grant(self, tool: str, *, agent: str = "", count: int = 10, within: float = 3600.0) -> StandingGrant:
        """Agree beforehand, as a person, to the next ``count`` calls of a tool in ``within`` seconds.

        With ``agent`` only to those of that agent. It stands for a vote that you would be asked for, on all lines of
        the pool, until :meth:`revoke`; others who have to agree are asked as ever. Raises UserError for a grant of
        nothing.
        """
        return grant(self, tool, agent=agent, count=count, within=within)

    def revoke(self, name: str) -> StandingGrant:
        """Take back a grant, by its id or the end of it; raises UserError where none of that id stands."""
        return revoke(self, name)

    @property
    def grants(self) -> list[StandingGrant]:
        """What you have agreed to beforehand, as far as it still counts, oldest first."""
        return standing_grants(self)

    def ledger(self) -> Ledger:
        """Return who has earned what by which vote, where gates had their voters stake something (``stake: N``)."""
        return self.effects.ledger

    def append(self, events: Sequence[Event]) -> None:
        """Store events durably, in order; each is given its ``offset`` in place.

        After an error it is safe to append the same events again: one that is stored twice counts once.
        """
        offsets = self.log.append([encode(event) for event in events])
        for event, offset in zip(events, offsets, strict=True):
            at_offset(event, offset, event.ts)
        self.snapshots.heed(self, events)

    def append_records(self, values: Sequence[bytes]) -> None:
        """Store records as they are, for copies that must be exact."""
        self.log.append(values)

    def header(self, branch: str, run: str = "", agent: str = "", claim: str = "") -> dict[str, Any]:
        """Return what every new event carries: a fresh id, the branch, the run, the agent, the time and the claim."""
        return {"id": self.new_id(), "branch": branch, "run": run, "agent": agent, "ts": now_ms(), "claim": claim}

    # History -----------------------------------------------------------------------------------------------

    def fork(self, name: str | None = None, at: int | str | Position | None = None) -> str:
        """Make a branch that leaves the current line right after a position (default: now), and return its name.

        The head stays where it is. Raises PositionError, and UserError where the name is taken.
        """
        place = Position(self.branch, self.end - 1) if at is None else self.position(at, begun=True)
        while True:
            lineage = self.lineage
            wanted = composed(name) if name else lineage.free_name(place.branch)
            lineage.check_free(wanted)
            event = Fork(**self.header(lineage.head), name=wanted, parent=place.branch, at=place.at)
            self.append([event])
            # Another writer may have taken the name at the same moment; the log's order says who has it.
            if self.lineage.forks[wanted].id == event.id:
                return wanted

    def switch(self, branch: str) -> None:
        """Move the head to a branch; raises PositionError where there is none of that name."""
        self._move(self.lineage.check(branch))

    def rollback(self, to: int | str | Position) -> str:
        """Fork a new branch right after a position, move the head there and return the branch's name.

        What is left behind stays in the log, readable under its own branch; ``undo`` goes back to it.
        """
        name = self.fork(at=to)
        self._move(name)
        return name

    def clear(self) -> str:
        """Start afresh: roll back to before everything, and return the new branch's name; nothing is deleted."""
        return self.rollback(Position(self.branch, -1))

    def undo(self) -> str:
        """Take back the last rollback or switch and return the branch that is current then; raises PositionError."""
        lineage = self.lineage
        move = lineage.last_move
        if move is None:
            message = f"nothing to undo: the head of pool {self.name!r} was never moved"
            raise PositionError(message)
        self._move(lineage.head_before, undoes=move.offset)
        return self.branch

    def tag(self, name: str, at: int | str | Position | None = None) -> Position:
        """Name a position (default: now); raises UserError where the name is taken."""
        lineage, name = self.lineage, composed(name)
        lineage.check_free(name)
        place = Position(lineage.head, self.end - 1) if at is None else self.position(at, begun=True)
        event = Tag(**self.header(place.branch), name=name, at=place.at)
        self.append([event])
        # Another writer may have taken the name at the same moment, also for a branch, which a position would mean.
        lineage = self.lineage
        if name in lineage or lineage.tags[name].id != event.id:
            message = f"{name!r} was taken by another writer at the same moment: choose another name"
            raise UserError(message)
        return place

    def _move(self, to: str, undoes: int | None = None) -> None:
        self.append([Head(**self.header(self.branch), to=to, undoes=undoes)])

    # Keeping up --------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        if not self._applied:
            summed = self.snapshots.chronicle(self.log)
            self._take_in(map(decode, summed.records))
            self._applied = summed.end
        fresh = self._take_in(self.events(self._applied))
        head, tip = self._branches.head, fresh[-1].offset if fresh else self._applied - 1
        if tip == self._document.at:
            return
        # Not what the head was before this call: one that the log broke off may have moved it already.
        if self._document.branch == head and self._document.at == self._applied - 1:
            for event in self._branches.on_line(fresh, Position(head, tip)):
                if not is_late(event, self._runs.claims.fences):
                    self._document.absorb(event)
            self._document.at = tip
        else:
            self._document = self._read_line(Position(head, tip))
        self._applied = tip + 1

    def _take_in(self, events: Iterable[Event]) -> list[Event]:
        fresh = []
        for event in events:
            self._affairs.absorb(event)
            fresh.append(event)
        return fresh

    def _read_line(self, place: Position) -> Document:
        document = self.snapshots.document(self.log, self._branches.line(*place), self._runs.claims.fences)
        document.pool, document.branch, document.at = self.name, place.branch, place.at
        document.contents = self.contents
        return document

    # Life --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the log and end its followers; closing twice is fine."""
        self.snapshots.close()
        self.log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Pool {self.name!r} in {self.store.url}>"


def open_pool(name: str, store: str | os.PathLike[str] | None = None, *, create: bool = True) -> Pool:
    """Open a pool without snapshots, making it if need be; :func:`agentpool_jupyter.open_pool` opens it with them.

    ``store`` is a folder or ``kafka://host:port``; without one, ``$AGENTPOOL_STORE`` or a folder of the user's own.
    Raises StoreError, UserError for a bad name, PoolNotFoundError without ``create``, LogUnavailableError.
    """
    place = open_store(store)
    return Pool(place.open(name, create=create), place)


def list_pools(store: str | os.PathLike[str] | None = None) -> list[str]:
    """Return the names of the pools in a store, sorted."""
    return open_store(store).names()
