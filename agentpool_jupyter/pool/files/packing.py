"""Contents as the events of a log hold them: text where they are text, else base 64, in pieces where they are large."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import LogCorruptError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.pool.events import File, FilePiece

PIECE = 512_000
"""Bytes of contents that one record holds; as JSON that is less than any Kafka takes by itself (1 MiB)."""
LARGEST = 5_000_000
"""Bytes of a file."""


def digest_of_contents(data: bytes) -> str:
    """Return the SHA-256 by which contents are known."""
    return hashlib.sha256(data).hexdigest()


def as_bytes(contents: str | bytes) -> bytes:
    """Return contents as bytes, a text as UTF-8; raises UserError for a text that has none."""
    try:
        return contents.encode() if isinstance(contents, str) else bytes(contents)
    except UnicodeEncodeError as error:
        message = f"the text holds half a character ({error}): write bytes"
        raise UserError(message) from None


def check_size(path: str, data: bytes) -> None:
    """Raise UserError for contents that are too large."""
    if len(data) > LARGEST:
        message = f"{path!r} has {len(data):,} bytes, and a file of a pool at most {LARGEST:,}: keep it outside"
        raise UserError(message)


def cut(data: bytes) -> Iterator[bytes]:
    """Yield contents in pieces, each as large as a record takes."""
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


def packed(data: bytes) -> dict[str, Any]:
    """Return contents, or a piece of them, as fields of an event."""
    coded = base64.b64encode(data).decode()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"data": coded}
    return {"text": text} if len(msgspec.json.encode(text)) <= len(coded) + 2 else {"data": coded}


def unpacked(event: File | FilePiece) -> bytes:
    """Return the contents that an event itself holds; raises LogCorruptError where they cannot be read."""
    try:
        return base64.b64decode(event.data, validate=True) if event.data else event.text.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        message = f"the contents of a file at offset {event.offset} cannot be read: {error}"
        raise LogCorruptError(message) from None
