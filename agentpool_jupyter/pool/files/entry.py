"""A version of a file as the fold knows it.

Versions are numbered on each line from 1, and a writer gives the next number after the one that it had read. So of all
that a line has of a path, that of the highest number is the present one, and of two with the same number the first in
the log: whoever wrote the second had not read the first. To take the better of two is associative, whichever stretches
of a log they come from, and taking one twice changes nothing (a join semilattice; Shapiro et al., *Conflict-free
replicated data types*, 2011, section 2.3). A version that is deleted stays, as one without contents.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

import msgspec

from .packing import LARGEST
from .paths import is_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.pool.events import File

_DIGEST = re.compile("[0-9a-f]{64}|")
_MOST = 2**53  # a number that any reader of JSON can read


class FileEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One version, without its contents, which stay in the log. Snapshots hold its JSON."""

    id: str
    """That of its event."""
    number: int
    digest: str = ""
    size: int = 0
    offset: int
    agent: str = ""
    run: str = ""
    turn: str = ""
    branch: str = "main"
    time: int = 0
    key: str = ""

    @classmethod
    def of(cls, event: File) -> Self:
        """Return the version that an event is."""
        return cls(
            id=event.id,
            number=event.read + 1,
            digest=event.digest,
            size=event.size,
            offset=event.offset,
            agent=event.agent,
            run=event.run,
            turn=event.turn,
            branch=event.branch,
            time=event.time,
            key=event.key,
        )

    @property
    def deleted(self) -> bool:
        """Whether there is no such file any more."""
        return not self.digest


def is_sound(event: File) -> bool:
    """Return whether an event says something that ours could say: what other programs wrote may be anything."""
    fits = 0 <= event.read < _MOST and 0 <= event.size <= LARGEST
    return fits and _DIGEST.fullmatch(event.digest) is not None and is_path(event.path)


def take(files: dict[str, FileEntry], path: str, entry: FileEntry) -> None:
    """Take in a version of a path: the better one stays."""
    mine = files.get(path)
    if mine is None or (entry.number, -entry.offset) > (mine.number, -mine.offset):
        files[path] = entry


def take_all(files: dict[str, FileEntry], others: Mapping[str, FileEntry]) -> None:
    """Take in what another stretch of the log has."""
    for path, entry in others.items():
        take(files, path, entry)
