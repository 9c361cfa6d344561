"""Files and folders of this machine, as all of the package makes them: for this user only, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from agentpool_jupyter.errors import StoreError

OWN = 0o600
"""The mode of a file that only this user reads; one who wants it otherwise may change it, and it stays so."""


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, which only this user can enter; what is there stays as it is."""
    for above in reversed(folder.parents):
        if not above.exists():
            above.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def own(path: str, flags: int) -> int:
    """Open a file (``open``'s ``opener``) that only this user can read if it is made."""
    return os.open(path, flags, OWN)


def publish(draft: Path, path: Path) -> bool:
    """Give a draft its name and return True; False where that is taken: nothing is ever replaced."""
    try:
        os.link(draft, path)  # which never replaces a file, as a renaming does
    except FileExistsError:
        return False
    except (OSError, NotImplementedError):  # a disk without links
        if path.exists():
            return False
        draft.rename(path)
    return True


def local_path(text: str, instead: str) -> Path:
    """Return the path that a text names; raises StoreError, which tells no login, for what looks like an address.

    ``localhost:9092`` and ``kafka:/host`` would make folders of those names. ``instead`` is how to write an address.
    """
    path = Path(text).expanduser()
    if ":" in text and not path.is_absolute() and not text.startswith(".") and not path.exists():
        what = repr(text) if "@" not in text else "what is given, with an '@' in it,"
        message = f"{what} looks like an address: write it as {instead}, or name a folder by its full path"
        raise StoreError(message)
    return path
