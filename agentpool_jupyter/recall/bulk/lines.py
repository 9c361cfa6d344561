"""What goes through the indexing job: JSON, one line each; ``source`` is the number of a pool among the job's."""

from __future__ import annotations

import msgspec

from agentpool_jupyter.recall.backends.items import Item  # noqa: TC001 - msgspec reads annotations at run time
from agentpool_jupyter.recall.turns import OpenTurn  # noqa: TC001 - as above
from agentpool_jupyter.snapshots.lines import RecordLine

_PARTS = 24  # bits: passages of one turn


class EndedLine(msgspec.Struct, array_like=True, tag="ended"):
    """A turn that ended and is not indexed; in the input those that the index knows of."""

    source: int
    turn: str
    offset: int = -1


class OpenLine(msgspec.Struct, array_like=True, tag="open"):
    """A turn that has begun and not ended, and what it has said; in the input those that the index knows of."""

    source: int
    turn: str
    speech: OpenTurn


class PassageLine(msgspec.Struct, array_like=True, tag="passage"):
    """A passage of a finished turn, without its source; when it is signed, with the hashes of its shingles."""

    source: int
    item: Item
    hashes: bytes = b""
    """64 bits each, little-endian."""

    @property
    def place(self) -> int:
        """Where it stands in its source: by this, passages are ordered, and named in buckets."""
        return self.item.end << _PARTS | self.item.part


class BucketsLine(msgspec.Struct, array_like=True, tag="buckets"):
    """Buckets: keys (32 bits each) and places of passages (64 bits), as two arrays of one length, little-endian."""

    source: int
    kind: str
    """``bands`` or ``shingles``."""
    shard: int
    """The highest bits of the keys."""
    keys: bytes
    places: bytes


Line = RecordLine | EndedLine | OpenLine | PassageLine | BucketsLine
encode = msgspec.json.Encoder().encode
read = msgspec.json.Decoder(Line).decode
