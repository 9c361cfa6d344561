"""What goes through the indexing job, besides records: JSON, one line each."""

from __future__ import annotations

import msgspec

from agentpool_jupyter.jobs.records import RecordLine, SourceLine
from agentpool_jupyter.recall.backends.items import Item  # noqa: TC001 - msgspec reads annotations at run time
from agentpool_jupyter.recall.turns import OpenTurn  # noqa: TC001 - as above

_PARTS = 24  # bits: passages of one turn


class EndedLine(SourceLine, tag="ended"):
    """A turn that ended and is not indexed; in the input those that the index knows of."""

    turn: str
    offset: int = -1


class OpenLine(SourceLine, tag="open"):
    """A turn that has begun and not ended, and what it has said; in the input those that the index knows of."""

    turn: str
    begun: OpenTurn


class PassageLine(SourceLine, tag="passage"):
    """A passage of a finished turn, without its source; when it is signed, with the hashes of its shingles."""

    item: Item
    hashes: bytes = b""
    """64 bits each, little-endian."""

    @property
    def place(self) -> int:
        """Where it stands in its source: by this, passages are ordered, and named in buckets."""
        return self.item.end << _PARTS | self.item.part


class BucketsLine(SourceLine, tag="buckets"):
    """Buckets: keys (32 bits each) and places of passages (64 bits), as two arrays of one length, little-endian."""

    kind: str
    """``bands`` or ``shingles``."""
    shard: int
    """The highest bits of the keys."""
    keys: bytes
    places: bytes


IndexLine = RecordLine | EndedLine | OpenLine | PassageLine | BucketsLine
read_line = msgspec.json.Decoder(IndexLine).decode
