"""Debian's Chromium, or whatever is installed under its names."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-dev-shm-usage",
)


def find() -> str | None:
    """Return the path of the browser: that of ``$AGENTPOOL_CHROMIUM``, or the first on the PATH."""
    return os.environ.get("AGENTPOOL_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright) -> Browser:
    """Start it; raises FileNotFoundError where there is none."""
    path = find()
    if path is None:
        message = (
            f"no browser: none of {', '.join(NAMES)} is on the PATH; "
            "install one (`apt-get install chromium`) or name it in $AGENTPOOL_CHROMIUM"
        )
        raise FileNotFoundError(message)
    return playwright.chromium.launch(executable_path=path, args=_FLAGS)
