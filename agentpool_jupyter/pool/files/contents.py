"""Contents of versions: they lie in the log, and are read from it when somebody looks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NoReturn

from agentpool_jupyter.errors import LogCorruptError, UserError
from agentpool_jupyter.pool.codec import decode
from agentpool_jupyter.pool.events import Event, File, FilePiece

from .packing import digest_of_contents, unpacked

if TYPE_CHECKING:
    from agentpool_jupyter.log import Log

    from .entry import FileEntry

_KEPT = 64_000_000  # bytes


class Contents:
    """What the files of one pool hold; what was read lately is kept in memory, each of the same digest once.

    Any thread may use it.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def __call__(self, entry: FileEntry) -> bytes:
        """Return the contents of a version; raises LogCorruptError where the log does not hold them, and LogError."""
        with self._lock:
            if entry.digest in self._kept:
                self._kept.move_to_end(entry.digest)
                return self._kept[entry.digest]
        event = self._event(entry.offset)
        if not isinstance(event, File):
            self._refuse(entry)
        if event.pieces:
            data = b"".join(unpacked(piece) for at in event.pieces if isinstance(piece := self._event(at), FilePiece))
        else:
            data = unpacked(event)
        if digest_of_contents(data) != entry.digest:
            self._refuse(entry)
        self.keep(entry.digest, data)
        return data

    def keep(self, digest: str, data: bytes) -> None:
        """Keep contents that somebody is likely to ask for."""
        with self._lock:
            if digest in self._kept:
                return
            self._kept[digest] = data
            self._size += len(data)
            while self._size > _KEPT:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest)

    def _event(self, offset: int) -> Event | None:
        return next((decode(record) for record in self._log.read(max(0, offset), offset + 1)), None)

    def _refuse(self, entry: FileEntry) -> NoReturn:
        message = (
            f"the log of pool {self._log.name!r} does not hold the contents that the file at offset {entry.offset} "
            "is said to have: read an earlier version of it"
        )
        raise LogCorruptError(message)


def no_contents(entry: FileEntry) -> NoReturn:
    """Raise UserError: a document that was folded from events alone does not know where its log is."""
    message = (
        f"the contents of the file at offset {entry.offset} are in the log, which this document does not know: take "
        "the document from its pool (`pool.document()`)"
    )
    raise UserError(message)
