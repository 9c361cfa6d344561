"""Batches as gzip, which every consumer can read, at a quarter of what it costs in kafka-python 3.0.

The client wraps zlib into file objects, which small batches feel when they are read, and compresses at the highest
level, which large ones feel when they are sent and which saves a hundredth.
"""

from __future__ import annotations

import zlib
from typing import Any

from kafka.record import default_records

_GZIP = 16 + zlib.MAX_WBITS  # what zlib calls its format


def compress(data: Any) -> bytes:
    """Return the gzip of some bytes."""
    made = zlib.compressobj(wbits=_GZIP)
    return made.compress(data) + made.flush()


def decompress(data: Any) -> bytes:
    """Return what a gzip holds, which may be several behind each other; raises zlib.error."""
    parts = []
    while data:
        part = zlib.decompressobj(wbits=_GZIP)
        parts.append(part.decompress(data))
        data = part.unused_data
        if not part.eof:
            message = "the compressed batch ends too early"
            raise zlib.error(message)
    return b"".join(parts)


def install() -> None:
    """Have the client's batches use these; doing it twice changes nothing."""
    default_records.gzip_encode, default_records.gzip_decode = compress, decompress
