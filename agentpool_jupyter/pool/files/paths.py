"""Which paths files may have: relative ones, that no system reads in a way of its own, below the folder they are in."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 400
"""Bytes of a path in UTF-8."""
_LONGEST_PART = 120
OURS = ".agentpool"
"""How the names of files begin that this package itself puts into folders."""
_UNFIT = re.compile(r'[\\<>:"|?*]')
# Devices of Windows, with whatever ending, and what makes programs run: git takes its hooks from a folder's `.git`.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_RESERVED = {".git", "git~1"}


def checked(path: str) -> str:
    """Return a path in the one form in which pools keep it (NFC); raises UserError for one that no file may have.

    Paths are relative, their parts are set apart by ``/``, and none of them is ``.`` or ``..``, hidden from sight, or
    reserved by a system.
    """
    path = unicodedata.normalize("NFC", path)
    if why := _fault(path):
        message = f"{path!r} cannot be the path of a file: {why}; write it like `recipes/bread.md`"
        raise UserError(message)
    return path


def is_path(path: str) -> bool:
    """Return whether a path is one that :func:`checked` returns."""
    return not _fault(path) and unicodedata.is_normalized("NFC", path)


def clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return two paths that cannot both be in a folder, None where all can.

    Those are a file where another has a folder, and two that are the same but for capitals, which some systems do not
    tell apart.
    """
    folded: dict[str, str] = {}
    for path in paths:
        if (other := folded.setdefault(path.casefold(), path)) != path:
            return other, path
    for path, whole in folded.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if other := folded.get("/".join(parts[:depth]), ""):
                return other, whole
    return None


def _fault(path: str) -> str:
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "it is absolute"
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "it holds half a character"
    if size > LONGEST:
        return f"it has {size} bytes, and at most {LONGEST} are taken"
    return next((fault for part in path.split("/") if (fault := _fault_of_part(part))), "")


def _fault_of_part(part: str) -> str:
    folded = part.casefold()
    if part in ("", ".", ".."):
        return f"{part!r} is no name"
    if len(part.encode()) > _LONGEST_PART:
        return f"a name of more than {_LONGEST_PART} bytes"
    if (unfit := _UNFIT.search(part)) or any(unicodedata.category(one).startswith("C") for one in part):
        return f"{unfit[0]!r} is not taken in names" if unfit else "it holds a character that cannot be seen"
    if part != part.strip() or part.endswith("."):
        return "a name begins or ends with a space, or ends with a dot"
    if folded in _RESERVED or folded.startswith(OURS) or _DEVICES.fullmatch(folded):
        return f"{part!r} is reserved"
    return ""
