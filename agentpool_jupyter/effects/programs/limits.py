"""What a program may take."""

from __future__ import annotations

import msgspec

MIB = 2**20


class ChildLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a child may take, with all that it starts."""

    seconds: float = 60.0
    memory: int = 2048 * MIB
    """Bytes of address space of each process, where the system can limit that."""
    output: int = 32_000
    """Bytes of what it says that are kept: its beginning and its end."""
    file_size: int = 64 * MIB
    """Bytes of a file that it writes."""
    processes: int = 64
    """Processes at the same time."""
