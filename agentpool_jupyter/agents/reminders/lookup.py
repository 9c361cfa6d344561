"""Looking up what an agent is reminded of: off the event loop, and within a bounded time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.errors import AgentPoolError, ExtraMissingError
from agentpool_jupyter.recall.backends.addresses import REDIS, default_address
from agentpool_jupyter.recall.file_names import without_folders

from .search import ReminderSearch

if TYPE_CHECKING:
    from agentpool_jupyter.agents.prompt.build import Reminder
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Pool

    from .cue import Cue

SECONDS = 5.0
"""How long a turn waits for what it is reminded of."""
_GRACE = 2.0  # seconds that the index has to be closed when a run ends


class Lookup(NamedTuple):
    """What came of one lookup."""

    reminders: tuple[Reminder, ...] = ()
    note: str = ""
    """What the user should know, each thing once in a run."""


NOTHING = Lookup()


class Reminders:
    """Looks up for the agents of one run; belongs to its event loop. Close it at the end."""

    def __init__(self, pool: Pool) -> None:
        self._search = ReminderSearch(pool)
        self._folder = Path(default_address(pool.store)).expanduser().parent
        # One thread: the index answers one at a time anyway, and what it has not read is then read once.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="agentpool-recall")
        self._overdue: concurrent.futures.Future[tuple[list[Reminder], list[str]]] | None = None
        self._asked = False
        self.notes: list[str] = []
        """What went wrong, or happened to the index, in the order in which it did."""

    async def look_up(self, cue: Cue) -> Lookup:
        """Return what a cue brings up; an index that is away, slow or damaged brings up nothing, and a note."""
        if self._overdue is not None and not self._overdue.done():
            return NOTHING  # it would only wait behind it
        self._asked = True
        asked = self._thread.submit(self._search.find, cue)
        try:
            async with asyncio.timeout(SECONDS):
                reminders, notes = await asyncio.wrap_future(asked)
        except TimeoutError:
            self._overdue = asked
            late = f"the index did not answer within {SECONDS:g} s: went on without (pools new to it take a while)"
            return Lookup(note=self._tell(late))
        except AgentPoolError as error:
            return Lookup(note=self._tell(f"{error}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, a turn does not fail for want of a reminder
            return Lookup(note=self._tell(f"{type(error).__name__}: {error}"))
        return Lookup(tuple(reminders), self._tell(*notes))

    def _tell(self, *notes: str) -> str:
        # They go into the pool, and from there to others: folders are nobody's business.
        told = dict.fromkeys(without_folders(note, [self._folder]) for note in notes)
        fresh = [note for note in told if note not in self.notes]
        self.notes += fresh
        return "; ".join(fresh)

    async def close(self) -> None:
        """Let go of the index; where it is still busy it closes by itself, later."""
        if not self._asked:
            return
        closed = self._thread.submit(self._search.close)
        await asyncio.to_thread(concurrent.futures.wait, [closed], _GRACE)
        self._thread.shutdown(wait=False)


def check_recall(team: TeamSpec) -> None:
    """Raise ExtraMissingError where an agent is to be reminded of something and a library for that is not installed."""
    if not any(team.recall_of(agent) for agent in team.agents if agent.python is None):
        return
    redis = ("redis", "datasketch") if os.environ.get("AGENTPOOL_INDEX", "").startswith(REDIS) else ()
    for name in ("numpy", "rensa", *redis):
        try:
            importlib.import_module(name)
        except ImportError as error:
            message = (
                f"`recall` needs {name}: pip install 'agentpool-jupyter[{'redis' if redis else 'recall'}]', or take "
                "`recall` out of the team"
            )
            raise ExtraMissingError(message) from error
