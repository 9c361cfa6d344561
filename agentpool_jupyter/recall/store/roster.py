"""The roster: the library's places in a file beside the index, because they cannot be read from any log."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import IndexUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class Roster:
    """The file at ``path``, which need not be there; ``note`` is told where it is damaged."""

    def __init__(self, path: Path, note: Callable[[str], None]) -> None:
        self._path = path
        self._note = note

    def read(self) -> list[str]:
        """Return what was written last."""
        try:
            return list(msgspec.json.decode(self._path.read_bytes(), type=list[str]))
        except FileNotFoundError:
            return []
        except msgspec.DecodeError:
            self._note(f"{self._path} is damaged: add the library's paths again")
            return []

    def write(self, places: Sequence[str]) -> None:
        """Keep places instead of those that are there; raises IndexUnavailableError."""
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            fresh.write_text(json.dumps(list(places), indent=1))
            fresh.replace(self._path)
        except OSError as error:
            message = f"cannot write {self._path}: {error.strerror}; check the disk and the permissions"
            raise IndexUnavailableError(message) from error
