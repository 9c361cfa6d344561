"""A folder of pools, one SQLite file each."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import PoolNotFoundError, StoreError, UserError
from agentpool_jupyter.log.contract import Store
from agentpool_jupyter.log.names import check_name

from .log import SqliteLog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agentpool_jupyter.log.contract import Record

_SUFFIX = ".sqlite"


class SqliteStore(Store):
    """A folder with one file for each pool."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder)

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
        path = self.path(name)
        if path.exists():
            with self.open(name) as log:
                if log.end():
                    message = f"pool {name!r} exists and is not empty: choose another name"
                    raise UserError(message)
            self.delete(name)
        self._make_folder()
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with SqliteLog(name, draft, self.url) as log:
                log.fill(records)
            draft.rename(path)
        finally:
            for suffix in ("", "-wal", "-shm"):
                draft.with_name(draft.name + suffix).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Return the names of the pools that are kept here, sorted."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self.folder.glob("*" + _SUFFIX))

    def delete(self, name: str) -> None:
        """Remove a pool's file for good."""
        path = self.path(name)
        if not path.exists():
            raise self._missing(name)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.rmtree(self.derived(name), ignore_errors=True)

    def derived(self, name: str) -> Path:
        """Return the folder beside a pool's file; see :meth:`Store.derived`."""
        return self.folder / f"{check_name(name)}.derived"

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot make the folder {self.folder} for pools: {error.strerror}; choose another store"
            raise StoreError(message) from error

    def _missing(self, name: str) -> PoolNotFoundError:
        known = ", ".join(self.names()) or "none yet"
        return PoolNotFoundError(f"no pool {name!r} in {self.url} (there: {known})")
