"""A folder of pools, one SQLite file each."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import PoolNotFoundError, StoreError, UserError
from agentpool_jupyter.log.contract import Store, check_name
from agentpool_jupyter.log.files import make_folder, publish
from agentpool_jupyter.log.home import data_home

from .database import size
from .log import SqliteLog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agentpool_jupyter.log.contract import Record

_SUFFIX = ".sqlite"
_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside an open file, and a process that is killed leaves


class SqliteStore(Store):
    """A folder with one file for each pool."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder)

    @property
    def identity(self) -> str:
        """This machine and the folder: a folder of one machine is not that of the same name on another."""
        return f"{socket.gethostname()}:{self.folder.absolute()}"

    @property
    def archives(self) -> Path:
        """The folder itself; see :attr:`Store.archives`."""
        return self.folder

    @property
    def index(self) -> Path:
        """A file in the folder, or in the user's data where that can only be read; see :attr:`Store.index`."""
        if self.folder.exists() and not os.access(self.folder, os.W_OK):
            return data_home() / "recall" / f"{hashlib.sha256(self.identity.encode()).hexdigest()[:16]}.index"
        return self.folder / "recall.index"

    def contains(self, path: Path) -> bool:
        """Return whether a file lies in the folder; see :meth:`Store.contains`."""
        return path.absolute().parent == self.folder.absolute()

    def path(self, name: str) -> Path:
        """Return the file of a pool, which need not exist."""
        return self.folder / (check_name(name) + _SUFFIX)

    def open(self, name: str, *, create: bool = True) -> SqliteLog:
        """Open the log of a pool; see :meth:`Store.open`."""
        path = self.path(name)
        if not path.exists():
            if not create:
                raise self._missing(name)
            self._make_folder()
        return SqliteLog(name, path, self.url)

    def restore(self, name: str, records: Iterable[Record]) -> None:
        """Make a log of copies of records; see :meth:`Store.restore`."""
        self._make_room(name)
        self._make_folder()
        path = self.path(name)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with SqliteLog(name, draft, self.url) as log:
                log.fill(records)
            if not path.exists():
                _remove_beside(path)  # of a pool that is no more: SQLite would take it for what belongs to the new file
            if not publish(draft, path):
                message = f"another process made pool {name!r} meanwhile: choose another name"
                raise UserError(message)
        finally:
            _remove(draft)

    def names(self) -> list[str]:
        """Return the names of the pools that are kept here, sorted."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self.folder.glob("*" + _SUFFIX))

    def size(self, name: str) -> int:
        """Return the bytes of a pool's file, and of what SQLite keeps beside it; see :meth:`Store.size`."""
        path = self.path(name)
        return sum(size(one) for one in (path, *(path.with_name(path.name + suffix) for suffix in _BESIDE)))

    def delete(self, name: str) -> None:
        """Remove a pool's file for good."""
        path = self.path(name)
        if not path.exists():
            raise self._missing(name)
        _remove(path)
        shutil.rmtree(self.derived(name), ignore_errors=True)

    def derived(self, name: str) -> Path:
        """Return the folder beside a pool's file; see :meth:`Store.derived`."""
        return self.folder / f"{check_name(name)}.derived"

    def _make_folder(self) -> None:
        try:
            make_folder(self.folder)
        except OSError as error:
            message = f"cannot make the folder {self.folder} for pools: {error.strerror}; choose another store"
            raise StoreError(message) from error

    def _missing(self, name: str) -> PoolNotFoundError:
        known = ", ".join(self.names()) or "none yet"
        return PoolNotFoundError(f"no pool {name!r} in {self.url} (there: {known})")


def _remove(path: Path) -> None:
    """Remove a database; killed at any moment, nothing is left beside a file that is no longer there."""
    _remove_beside(path)
    path.unlink(missing_ok=True)


def _remove_beside(path: Path) -> None:
    for suffix in _BESIDE:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
