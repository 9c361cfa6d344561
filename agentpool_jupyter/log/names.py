"""What a pool may be called, in whatever store."""

from __future__ import annotations

import re

from agentpool_jupyter.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> str:
    """Return a pool's name if it can be both a file's and a topic's name; raises UserError otherwise."""
    if not _NAME.fullmatch(name):
        message = (
            f"{name!r} cannot name a pool: use 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit"
        )
        raise UserError(message)
    return name
