"""Recalling: what an agent is reminded of before it speaks, looked up off the event loop and within a bounded time.

What is asked. Before a first call: what is new to the agent, that is, what others have said and it has not read in a
finished turn, because that is what it is about to answer; where nothing is new, the task. Before a stride: what it is
saying itself, because that is where its reasoning stands. Of each text its last passage is asked as a whole, and its
last thoughts one by one: whole turns hardly resemble each other, single thoughts do.

What is left out: turns that are in the prompt already, the present turn, what the prompt says already in other turns or
pools, and turns of this pool by team members that the agent does not listen to, whom it would else hear by the back
door. Attempts that failed were never indexed.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.agents.prompt.context import turns_read
from agentpool_jupyter.agents.team.spec import RecallSpec
from agentpool_jupyter.errors import AgentPoolError, ExtraMissingError
from agentpool_jupyter.recall.backends.opening import REDIS, default_address
from agentpool_jupyter.recall.file_names import without_folders
from agentpool_jupyter.recall.text.passages import SIZE
from agentpool_jupyter.recall.text.thoughts import thoughts

from .memory import Memory, Wish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.agents.prompt.context import Context
    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.pool import Document, Pool, Turn

    from .memory import Hit

SECONDS = 5.0
"""How long a turn waits for what it is reminded of."""
_GRACE = 2.0  # seconds that the index has to be closed when a run ends
_TURNS = 3  # new turns that are asked about, the latest
_THOUGHTS = 4  # of each text, the last


class Lookup(NamedTuple):
    """What came of one lookup."""

    hits: tuple[Hit, ...] = ()
    note: str = ""
    """What the user should know, each thing once in a run."""


NOTHING = Lookup()


class Recalling:
    """Looks up for the agents of one run; belongs to its event loop. Close it at the end."""

    def __init__(self, pool: Pool) -> None:
        self._memory = Memory(pool)
        self._folder = Path(default_address(pool.store)).expanduser().parent
        # One thread: the index answers one at a time anyway, and what it has not read is then read once.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="agentpool-recall")
        self._overdue: concurrent.futures.Future[tuple[list[Hit], list[str]]] | None = None
        self._asked = False
        self.notes: list[str] = []
        """What went wrong, or happened to the index, in the order in which it did."""

    async def look_up(self, wish: Wish) -> Lookup:
        """Return what a wish brings up; an index that is away, slow or damaged brings up nothing, and a note."""
        if self._overdue is not None and not self._overdue.done():
            return NOTHING  # it would only wait behind it
        self._asked = True
        asked = self._thread.submit(self._memory.recall, wish)
        try:
            async with asyncio.timeout(SECONDS):
                hits, notes = await asyncio.wrap_future(asked)
        except TimeoutError:
            self._overdue = asked
            late = f"the index did not answer within {SECONDS:g} s: went on without (pools new to it take a while)"
            return Lookup(note=self._tell(late))
        except AgentPoolError as error:
            return Lookup(note=self._tell(f"{error}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, a turn does not fail for want of a reminder
            return Lookup(note=self._tell(f"{type(error).__name__}: {error}"))
        return Lookup(tuple(hits), self._tell(*notes))

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
        closed = self._thread.submit(self._memory.close)
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


def wish_of(document: Document, team: TeamSpec, agent: AgentSpec, prompt: Context, begun: str) -> Wish:
    """Return what an agent is to be reminded of, given the prompt that it has without.

    ``begun`` is what it has said of its present turn.
    """
    near = document.turns[prompt.record.get("older", 0) :]
    read = turns_read(prompt.record, near, team, agent)
    asked = [begun] if begun.strip() else [turn.text for turn in _new(read, near, agent)] or [team.task]
    present = prompt.record.get("going_on")
    return Wish(
        spec=team.recall_of(agent) or RecallSpec(),
        texts=tuple(dict.fromkeys(text for one in asked for text in _questions(one))),
        known="\n".join([*(message["content"] for message in prompt.messages), begun]),
        besides=frozenset({turn.id for turn in read} | ({present} if present else set())),
        unheard=frozenset(
            other.name for other in team.agents if other.name != agent.name and not agent.hears(other.name)
        ),
        seen=prompt.seen,
    )


def _new(read: Sequence[Turn], near: Sequence[Turn], agent: AgentSpec) -> list[Turn]:
    """Return the latest turns that a prompt has and no finished turn of the agent had."""
    finished = (turn.seen for turn in near if turn.agent == agent.name and turn.status == "finished")
    seen = max(finished, default=0)
    new = [turn for turn in read if turn.agent != agent.name and (turn.end is None or turn.end >= seen)]
    return sorted(new, key=lambda turn: (turn.end is None, turn.end or turn.start))[-_TURNS:]


def _questions(text: str) -> list[str]:
    passage = text[-SIZE:]
    return [passage, *thoughts(passage)[-_THOUGHTS:]]
