"""A span as plain values, with ids that are made of what it stands for: exported again, it is the same span."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

SCHEMA = "https://opentelemetry.io/schemas/1.41.0"
"""The conventions that spans are named by: the last version in which those of GenAI were a part of the core ones. They
are under development; what the first version of their own renames is set by both names."""

Kind = Literal["internal", "client"]


class SpanKey(msgspec.Struct, frozen=True):
    """Which span: its trace, and itself, as numbers of 128 and 64 bits."""

    trace: int
    span: int


class SpanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One span; times are in nanoseconds since the epoch."""

    key: SpanKey
    parent: SpanKey | None
    name: str
    kind: Kind
    start: int
    end: int
    attributes: dict[str, Any]
    links: list[tuple[SpanKey, str]] = []
    """What it had read: the span of each turn, and the turn's name."""
    error: str = ""
    """Why it failed; empty where it did not."""


def span_key(pool: str, root: str, *names: str) -> SpanKey:
    """Return the key of what some names stand for, in the trace of what ``root`` names."""
    trace = hashlib.sha256(f"{pool}\0{root}".encode()).digest()
    span = hashlib.sha256("\0".join((pool, *names)).encode()).digest()
    # Neither may be 0; one chance in 2 ** 64.
    return SpanKey(int.from_bytes(trace[:16], "big") or 1, int.from_bytes(span[:8], "big") or 1)
