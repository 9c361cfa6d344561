"""A folder of this machine that holds files of a pool: each is there whole or not at all, and no link is followed."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.log.files import make_folder, own

from .packing import LARGEST
from .paths import OURS, is_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_PASSED_OVER = {"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".venv"}
"""Folders of what programs keep for themselves."""
_READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Folder:
    """Reads and writes below one folder, by paths that :func:`.paths.checked` has returned.

    What lies in it is looked at before it is used, so that a link which somebody puts there at that very moment may
    still be followed: have nobody in it whom you do not trust.
    """

    def __init__(self, root: str | os.PathLike[str], *, make: bool) -> None:
        self.root = Path(root).expanduser()
        with self._errors(self.root):
            if make:
                make_folder(self.root)
            if not self.root.is_dir():
                message = f"{self.root} is no folder: name another one"
                raise UserError(message)

    def read(self, path: str) -> bytes | None:
        """Return what a file holds, None where there is none; raises UserError for a link, a folder, or what is large.

        A link in the place of a folder above it is told in the same way.
        """
        place = self._place(path)
        with self._errors(place):
            if not os.path.lexists(place):
                return None
            if place.is_symlink() or not place.is_file():
                message = f"{place} is no plain file, and links are not followed: move it away"
                raise UserError(message)
            with open(os.open(place, _READING), "rb") as opened:  # noqa: PTH123 - a Path has no such flags
                facts = os.fstat(opened.fileno())
                if facts.st_size > LARGEST:
                    message = (
                        f"{place} has {facts.st_size:,} bytes, and files of pools at most {LARGEST:,}: move it away"
                    )
                    raise UserError(message)
                return opened.read()

    def write(self, path: str, data: bytes) -> None:
        """Write a file in one go; what was there before is replaced, a link itself and not what it points to."""
        place = self._place(path)
        draft = place.with_name(f"{OURS}-{secrets.token_hex(8)}.part")
        with self._errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(draft, "xb", opener=own) as opened:
                    opened.write(data)
                draft.replace(place)
            finally:
                draft.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that are empty thereby."""
        place = self._place(path)
        with self._errors(place):
            place.unlink(missing_ok=True)
        for folder in place.parents:
            if folder == self.root:
                break
            try:
                folder.rmdir()
            except OSError:
                break

    def is_link(self, path: str) -> bool:
        """Return whether a link has a path."""
        return self._place(path).is_symlink()

    def walk(self) -> Iterator[tuple[str, bool]]:
        """Yield the paths of all that is there, sorted, and whether each can be a file of a pool."""
        for folder, folders, names in os.walk(self.root):
            inner = Path(folder).relative_to(self.root)
            links = [name for name in folders if Path(folder, name).is_symlink()]
            folders[:] = sorted(name for name in folders if name not in _PASSED_OVER and is_path(name))
            for name in sorted([*names, *links]):
                path = (inner / name).as_posix()
                if not name.startswith(OURS):
                    yield path, is_path(path) and Path(folder, name).is_file() and not Path(folder, name).is_symlink()

    def _place(self, path: str) -> Path:
        """Return where a path is; raises UserError where a link stands in the place of a folder above it."""
        place = self.root
        for part in path.split("/")[:-1]:
            place /= part
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                message = f"{place} is a link, or no folder, and {path!r} would be behind it: move it away"
                raise UserError(message)
        return place / path.rpartition("/")[2]

    @contextlib.contextmanager
    def _errors(self, place: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"{place} cannot be used: {error.strerror or error}"
            raise UserError(message) from error
