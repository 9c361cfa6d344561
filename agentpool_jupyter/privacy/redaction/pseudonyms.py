"""What stands in the place of identifiers, and what was there: kept in a file of this machine's user alone."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import filelock
import msgspec

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.log.home import data_home

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool

_PSEUDONYM = re.compile(r"<([a-z]+) (\d+)>")


class _Known(NamedTuple):
    kind: str
    number: int
    identifier: str


class Pseudonyms:
    """The pseudonyms of one pool, ``<email 3>``: the same for the same, in every process of this user.

    They are kept in a file, so that a run that is resumed gives the same ones, and a person can look behind them
    (:meth:`reveal`). It is written before a pseudonym is used, and read by nobody else. Without a file they are good
    for once.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        """The file that they are kept in."""
        self._thread = threading.Lock()
        self._read = 0  # bytes of the file that were read
        self._numbers: dict[tuple[str, str], int] = {}
        self._identifiers: dict[tuple[str, int], str] = {}

    @classmethod
    def of_pool(cls, pool: Pool) -> Pseudonyms:
        """Return those of a pool."""
        return cls(_path_of(pool.store.url, pool.name))

    def of(self, kind: str, identifier: str) -> str:
        """Return what stands for an identifier, a new pseudonym where there is none yet.

        Raises UserError where it cannot be kept.
        """
        key = (kind, identifier.casefold())
        with self._thread:
            if key not in self._numbers:
                self._add(key, identifier)
            return f"<{kind} {self._numbers[key]}>"

    def reveal(self, text: str) -> str:
        """Return a text with what stands behind each pseudonym that is known on this machine."""
        with self._thread:
            self._take()
        return _PSEUDONYM.sub(lambda one: self._identifiers.get((one[1], int(one[2])), one[0]), text)

    def _add(self, key: tuple[str, str], identifier: str) -> None:
        if self.path is None:
            self._know(_Known(key[0], self._next(key[0]), identifier))
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with filelock.FileLock(f"{self.path}.lock", mode=0o600):
                self._take()  # another process may have given it one meanwhile
                if key not in self._numbers:
                    _append(self.path, _Known(key[0], self._next(key[0]), identifier))
                    self._take()
        except OSError as error:
            message = f"{self.path}: what stands for an identifier cannot be kept ({error.strerror or error})"
            raise UserError(message) from error

    def _next(self, kind: str) -> int:
        return 1 + sum(known == kind for known, _ in self._numbers)

    def _take(self) -> None:
        """Take in what the file has more."""
        if self.path is None or not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + bool(whole)
        for line in filter(None, whole.split(b"\n")):
            with contextlib.suppress(msgspec.DecodeError):  # cut off in the middle of it: nobody was told of it
                self._know(msgspec.json.decode(line, type=_Known))

    def _know(self, known: _Known) -> None:
        self._numbers.setdefault((known.kind, known.identifier.casefold()), known.number)
        self._identifiers.setdefault((known.kind, known.number), known.identifier)


def _append(path: Path, known: _Known) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(b"\n" + msgspec.json.encode(known) + b"\n")  # on a line of its own, whatever was cut off before
        file.flush()
        os.fsync(file.fileno())


def reveal(pool: Pool, text: str) -> str:
    """Return a text of a pool with what stands behind its pseudonyms, as far as this machine's user knows it."""
    return Pseudonyms.of_pool(pool).reveal(text)


def forget_pseudonyms(store: str, pool: str) -> bool:
    """Delete what stands behind a pool's pseudonyms; returns whether there was anything."""
    path = _path_of(store, pool)
    found = path.exists()
    path.unlink(missing_ok=True)
    Path(f"{path}.lock").unlink(missing_ok=True)
    return found


def _path_of(store: str, pool: str) -> Path:
    name = hashlib.sha256(msgspec.json.encode([store, pool])).hexdigest()[:32]
    return data_home() / "pseudonyms" / f"{name}.jsonl"
