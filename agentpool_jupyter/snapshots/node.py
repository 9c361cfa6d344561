"""A summary as it is stored: what a restored document needs at once, apart from what it loads when looked at."""

from __future__ import annotations

import zlib

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


_bodies = msgspec.json.Decoder(dict[str, Entry])
_heads = msgspec.json.Decoder(Summary)


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


def unpack_head(head: bytes) -> Summary:
    """Return the summary that a node's head holds; raises SnapshotError where it is damaged."""
    try:
        return _heads.decode(zlib.decompress(head))
    except (zlib.error, msgspec.DecodeError) as error:
        raise SnapshotError(str(error)) from error


def unpack_body(body: bytes) -> dict[str, Entry]:
    """Return the settled turns of a node by id; raises SnapshotError where it is damaged."""
    try:
        return _bodies.decode(zlib.decompress(body))
    except (zlib.error, msgspec.DecodeError) as error:
        raise SnapshotError(str(error)) from error
