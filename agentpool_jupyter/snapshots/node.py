"""A summary as it is stored: what a restored document needs at once, apart from what it loads when looked at."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec

from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.pool.turn import Entry

from .summary import Kept, Summary


class Node(msgspec.Struct, kw_only=True):
    """One stored summary."""

    branch: str
    level: int
    window: int
    head: bytes
    """The summary without its settled turns."""
    body: bytes
    """The settled turns."""
    ended: list[tuple[str, int]]
    """The ids of the settled turns, and the offsets at which they ended."""
    opened: list[str]
    """The ids of the turns of which it has only a part."""
    chronicle: list[Kept] = []


BODY = msgspec.json.Decoder(dict[str, Entry])
HEAD = msgspec.json.Decoder(Summary)
Part = TypeVar("Part")


def pack(summary: Summary) -> Node:
    """Return a summary in the form in which it is stored."""
    return Node(
        branch=summary.branch,
        level=summary.level,
        window=summary.window,
        head=zlib.compress(msgspec.json.encode(summary.light)),
        body=zlib.compress(msgspec.json.encode(summary.settled)),
        ended=[(key, entry.end.offset) for key, entry in summary.settled.items() if entry.end],
        opened=list(summary.open),
        chronicle=summary.chronicle,
    )


def unpack(data: bytes, part: msgspec.json.Decoder[Part]) -> Part:
    """Return what a node's :data:`HEAD` or :data:`BODY` holds; raises SnapshotError where it is damaged."""
    try:
        return part.decode(zlib.decompress(data))
    except (zlib.error, msgspec.DecodeError) as error:
        raise SnapshotError(str(error)) from error
