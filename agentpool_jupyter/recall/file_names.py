"""How files are named where others read it: without the folders that say whose machine it is, and how it is kept."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIGITS = 8
# A path from the root, up to its last folder; not the path of an address (``redis://host:port/0``).
_FOLDERS = re.compile(r"""(?<![\w:/\\.~-])(?:/|[A-Za-z]:[/\\])[^\s:;,'"()]*[/\\](?=[^\s/\\])""")


def from_here(file: str) -> str:
    """Return a path as it is written from the working directory, where it is below that."""
    return _below(file, _here()) or file


def quoted_name(file: str) -> str:
    """Return what a path is called in a text that others read: from here, else its name and its folder's name."""
    path = Path(file)
    folder = path.parent
    return _below(file, _here()) or (path.name if folder in (_home(), _here()) else f"{folder.name}/{path.name}")


def stored_name(file: str) -> str:
    """Return what a path is called in a log: from here, else from ``~``, else its name behind a hash of its folder.

    The hash is 32 bits of SHA-256, by which files of one name in different folders are told apart.
    """
    if (found := _below(file, _here())) is not None:
        return found
    if (found := _below(file, _home())) is not None:
        return f"~/{found}"
    path = Path(file)
    return f"{hashlib.sha256(os.fsencode(path.parent)).hexdigest()[:_DIGITS]}/{path.name}"


def without_folders(text: str, known: Iterable[Path] = ()) -> str:
    """Return a text in which absolute paths are names; ``known`` are folders that may have spaces in their names."""
    for folder in (*known, _home()):
        if folder is not None and folder != Path(folder.anchor):
            text = text.replace(f"{folder}{os.sep}", "")
    return _FOLDERS.sub("", text)


def _here() -> Path | None:
    with suppress(OSError):  # a working directory that is gone
        return Path.cwd()
    return None


def _home() -> Path | None:
    with suppress(RuntimeError):  # nobody's
        return Path.home()
    return None


def _below(file: str, folder: Path | None) -> str | None:
    """Return a path from a folder, None where it is not below that; that all is below the root says nothing."""
    if folder is None or folder == Path(folder.anchor):
        return None
    with suppress(ValueError):
        return Path(file).relative_to(folder).as_posix()
    return None
