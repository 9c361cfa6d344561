"""Items: what an index holds, one passage each, with where it is from."""

from __future__ import annotations

from typing import NewType

import msgspec

Source = NewType("Source", str)
"""What a set of items was read from: ``pool:NAME`` or ``file:PATH``."""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One passage. Its source, key and part together are unique."""

    source: Source
    key: str = ""
    """The turn's id; for a document the section's number."""
    part: int = 0
    """Which passage of the turn or section."""
    text: str
    start: int = 0
    """The passage's first character within its turn or section."""
    line: int = 1
    """The line on which it begins, from 1, in its turn or file."""
    folded: bool = False
    """Whether all of it stands on that line, as a record of JSON does, or a page of a PDF, whose number the line is."""
    place: str = ""
    """Where in a document, if a line does not say it: ``cell 3``, ``page 7``."""
    agent: str = ""
    branch: str = ""
    begin: int = -1
    """Offset of the turn's first event."""
    end: int = -1
    """Offset of the event that ended the turn."""
    time: int = 0
    """When it was said, or the document changed, in milliseconds since the epoch."""

    @property
    def pool(self) -> str:
        """The pool's name, or an empty text for a document."""
        return self.source.removeprefix("pool:") if self.source.startswith("pool:") else ""

    @property
    def file(self) -> str:
        """The document's path, or an empty text for a turn."""
        return self.source.removeprefix("file:") if self.source.startswith("file:") else ""

    def overlaps(self, other: Item) -> bool:
        """Whether both are the same turn, or neighbouring passages of one section, which share text."""
        same = (self.source, self.key) == (other.source, other.key)
        return same and (bool(self.pool) or abs(self.part - other.part) <= 1)


def pool_source(name: str) -> Source:
    """Return the source that a pool is."""
    return Source(f"pool:{name}")


def file_source(path: str) -> Source:
    """Return the source that a document is."""
    return Source(f"file:{path}")


def refused_source(path: str) -> Source:
    """Return the source that stands for a file of which nothing can be read; its mark says as it was when."""
    return Source(f"refused:{path}")


def encode(item: Item) -> bytes:
    """Return an item as it is stored."""
    try:
        return msgspec.json.encode(item)
    except UnicodeEncodeError:  # half a character, as a server that cuts by UTF-16 units may leave it
        return msgspec.json.encode(msgspec.structs.replace(item, text=item.text.encode(errors="replace").decode()))


decode = msgspec.json.Decoder(Item).decode
"""Returns a stored item; raises msgspec.DecodeError, or UnicodeDecodeError, where it is damaged."""
