"""Places of documents: paths, folders and globs, as they are added to the library and taken out of it.

The library keeps a list of places, in which one that begins with ``!`` is left out of what stands before it, as in a
``.gitignore``. Places are absolute paths, which never begin so. For example, ``docs`` is added, ``docs/a.md`` taken
out, and ``docs`` added again: the list is ``[docs]``, then ``[docs, !docs/a.md]``, then ``[docs]``.

Globs are those of the shell, and not git's, which ``pathspec`` knows: ``docs/**`` leaves hidden files and folders out
(git's takes ``docs/.git``), and ``d*`` does not name what is in the folder ``docs`` (git's does).
"""

from __future__ import annotations

import glob
import os
from collections import deque
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_OUT = "!"


def expand(place: str, but: Sequence[str] = ()) -> Iterator[Path]:
    """Yield the files that a path, a folder or a glob names, sorted, without those in other places.

    Hidden ones come only where they are named. A folder that is linked from elsewhere, or from within itself, is gone
    through once, under its own name where that is among them.
    """
    path = Path(place)
    names = [place] if path.is_file() else sorted(_named(f"{glob.escape(place)}/**" if path.is_dir() else place))
    left_out = {name for one in but for name in within(names, one)}
    for name in names:
        if name not in left_out and (found := Path(name)).is_file():
            yield found


def _named(pattern: str) -> Iterator[str]:
    """Yield what ``glob.glob(pattern, recursive=True)`` gives, each folder gone through once."""
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from glob.glob(pattern)  # noqa: PTH207 - Path.glob does not leave hidden files out
        return
    head, tail = parts[: parts.index("**")], parts[parts.index("**") :]
    tops = sorted(glob.glob(os.path.join(*head)))  # noqa: PTH118, PTH207 - as above
    for path, below in _walk(tops, hidden=any(part.startswith(".") for part in tail)):
        if _matches(below, tail):
            yield path


def _walk(tops: Iterable[str], *, hidden: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield all that is in folders and below, each with its parts from there; those behind links come last."""
    folders: deque[tuple[str, tuple[str, ...]]] = deque()
    links: deque[tuple[str, tuple[str, ...]]] = deque()
    for top in tops:
        (links if Path(top).is_symlink() else folders).append((top, ()))
    seen = set()
    while folders or links:
        folder, parts = folders.popleft() if folders else links.popleft()
        with suppress(OSError):  # it is none, or nobody may look into it
            state = os.stat(folder)  # noqa: PTH116 - as scandir
            if (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
            for entry in entries:
                if hidden or not entry.name.startswith("."):
                    below = (*parts, entry.name)
                    yield entry.path, below
                    (links if entry.is_symlink() else folders).append((entry.path, below))


def within(paths: Iterable[str], place: str) -> list[str]:
    """Return those of some paths that are in a place: it, what is below it, or what it names as a glob."""
    paths = list(paths)
    found = [path for path in paths if _below(path, place)]
    # A name with brackets may be that of a folder: it is a glob only where nothing is called so.
    if found or not glob.has_magic(place) or Path(place).exists():
        return found
    parts = Path(place).parts
    return [path for path in paths if _matches(Path(path).parts, parts)]


def added(places: Iterable[str], place: str) -> list[str]:
    """Return the library's places with one more; what was taken out of it earlier is in again."""
    kept = [one for one in places if one != place and not (one.startswith(_OUT) and _inside(one[1:], place))]
    return _tidy([*kept, place])


def removed(places: Iterable[str], place: str) -> list[str]:
    """Return the library's places without one, and without all that are inside of it."""
    kept = [one for one in places if not _inside(one.removeprefix(_OUT), place)]
    return _tidy([*kept, _OUT + place])


def wanted(places: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return the places that were added, each with those that were taken out of it later."""
    return [
        (one, [later[1:] for later in places[number:] if later.startswith(_OUT)])
        for number, one in enumerate(places)
        if not one.startswith(_OUT)
    ]


def _below(path: str, place: str) -> bool:
    folder = place.rstrip("/\\")
    return path == place or path.startswith((f"{folder}/", f"{folder}{os.sep}"))


def _inside(one: str, place: str) -> bool:
    """Whether all that is in one place is surely in another."""
    # A glob of files may also match the name of a folder, or another glob's, and then says nothing of what is in there.
    return _below(one, place) or (Path(one).is_file() and bool(within([one], place)))


def _tidy(places: Sequence[str]) -> list[str]:
    """Return places without exclusions that can touch nothing that stands before them."""
    return [
        one
        for number, one in enumerate(places)
        if not one.startswith(_OUT) or any(_meet(one[1:], place) for place, _ in wanted(places[:number]))
    ]


def _meet(one: str, other: str) -> bool:
    """Whether two places may have something in common: no more than what stands before their globs is compared."""
    first, second = _stem(one), _stem(other)
    return all(a == b for a, b in zip(first, second, strict=False))


def _stem(place: str) -> list[str]:
    parts = Path(place).parts
    return [*parts[: next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))]]


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path is one that ``glob.glob(…, recursive=True)`` could return for a pattern."""
    if not pattern:
        return not parts
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        # Any number of folders, none of them hidden.
        visible = next((i for i, part in enumerate(parts) if part.startswith(".")), len(parts))
        if not rest:
            return 0 < len(parts) == visible
        return any(_matches(parts[i:], rest) for i in range(visible + 1))
    if not parts or (parts[0].startswith(".") and not head.startswith(".")):
        return False
    return (parts[0] == head or fnmatch(parts[0], head)) and _matches(parts[1:], rest)
