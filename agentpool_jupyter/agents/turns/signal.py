"""A wake-up that any number of tasks may wait for; the next one starts afresh."""

from __future__ import annotations

import asyncio


class Signal:
    """``wait()`` returns at the next ``notify()``; belongs to one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake all who wait now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next notification."""
        await self._event.wait()
