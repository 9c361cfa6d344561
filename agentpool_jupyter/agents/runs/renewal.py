"""A holder's signs of life: its claim is renewed, and given up where it cannot be, whatever the team is doing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LogError
from agentpool_jupyter.pool.events import Claim, Heartbeat
from agentpool_jupyter.pool.runs import in_words
from agentpool_jupyter.pool.words import LOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.words import RunReason


class Renewal:
    """Renews a claim in every third of its lease, on a thread and with appends of its own.

    A renewal counts once it was read back from the log as that of the claim which holds. ``lost`` is told, once, from a
    thread of this, when another claim holds, or when none was read back for a whole lease: somebody may hold the place
    by then, so that its former holder has to stop.
    """

    def __init__(self, pool: Pool, branch: str, claim: Claim, lost: Callable[[RunReason, str], None]) -> None:
        self._pool = pool
        self._branch = branch
        self._claim = claim
        self._lost = lost
        self._renewed = time.monotonic()  # it goes on while a process is stopped
        self._closed = threading.Event()
        for work in (self._renew, self._watch):  # an append may wait for a log that is away longer than a lease
            threading.Thread(target=work, name=f"agentpool-{claim.run}-{work.__name__}", daemon=True).start()

    def close(self) -> None:
        """Renew no more; twice is fine."""
        self._closed.set()

    def _renew(self) -> None:
        claim = self._claim
        while not self._closed.wait(claim.lease / 3):
            begun = time.monotonic()
            header = self._pool.header(self._branch, claim.run, claim.agent, claim.id)
            try:
                self._pool.append([Heartbeat(**header, owner=claim.owner, epoch=claim.epoch)])
                held = self._pool.runs.claims.holding(claim.run, claim.agent)
            except LogError:  # who writes the turns is told what is wrong with the log
                continue
            if held is None or held.claim.id != claim.id:
                self._tell(
                    LOST, f"the run was taken up by {in_words(held.claim.owner)}" if held else "the log was replaced"
                )
                return
            self._renewed = begun

    def _watch(self) -> None:
        lease = self._claim.lease
        while not self._closed.wait(lease / 15):
            if time.monotonic() - self._renewed > lease:
                self._tell(
                    "failed",
                    f"its claim could not be renewed for {lease:g} s, so that another process may hold it: "
                    "`%agents resume` goes on",
                )
                return

    def _tell(self, reason: RunReason, why: str) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._lost(reason, why)
