"""Marks: the records with which generations of a pool are told apart; see :mod:`.fence`.

They have keys, which a pool's own records never have. A key that is none of ours is that of another program, and what
stands under it is a record like any other.
"""

from __future__ import annotations

PROBE, MOVED = b"p", b"m"  # short, because no event may be as small as a mark
DIGITS = 4
"""How many digits a generation has at most."""


def is_mark(key: bytes | None) -> bool:
    """Return whether a record is a mark, by its key."""
    return key == PROBE or decided(key) is not None


def decided(key: bytes | None) -> int | None:
    """Return the generation that a record's key names as the next one; None for any other record."""
    digits = (key or b"").removeprefix(MOVED)
    return int(digits) if key != digits and digits.isdigit() and len(digits) <= DIGITS else None
