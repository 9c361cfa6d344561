"""The folder of this machine's user in which we keep what has no other place."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def data_home() -> Path:
    """Return the user's data folder of this package (not created)."""
    return Path(platformdirs.user_data_dir("agentpool", appauthor=False))
