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


def clash(path: str, others: Iterable[str]) -> str:
    """Return what a new path cannot stand beside in a folder; empty where there is nothing.

    That is a file where the path has a folder, or the same but for capitals, which some systems do not tell apart.
    """
    folded = path.casefold()
    for other in others:
        theirs = other.casefold()
        if folded == theirs or folded.startswith(f"{theirs}/") or theirs.startswith(f"{folded}/"):
            return other if other != path else ""
    return ""


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
