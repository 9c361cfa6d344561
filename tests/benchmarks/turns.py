"""Pools with a long history, written event for event as the runtime writes them, without waiting for any model.

Several agents speak at the same time at 200 tokens/s. Every 100 ms (the default ``flush``) each writes what it has said
since, 20 words; each turn begins with the account of its prompt, as :func:`agents.prompt.build.build_prompt` makes it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.agents.prompt.build import build_prompt
from agentpool_jupyter.agents.team.spec import CONTEXT, AgentSpec, TeamSpec
from agentpool_jupyter.pool.document import Document
from agentpool_jupyter.pool.events import Claim, Delta, Fork, Head, RunStarted, TurnFinished, TurnStarted, Usage

from . import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.agents.prompt.build import Prompt
    from agentpool_jupyter.pool import Event, Pool

_TOKENS = 20  # in 100 ms at 200 tokens/s; a token is a word here
_WORD = re.compile(r"[A-Za-z][a-z]*[,.;:]?")


@cache
def words() -> list[str]:
    """Return English words in the order in which real texts have them, about three hundred thousand."""
    found = (word for text in corpus.texts(3_000) for word in text.split())
    return [word for word in found if _WORD.fullmatch(word)]


def texts(size: int, seed: int = 1) -> Iterator[list[str]]:
    """Yield texts of about ``size`` bytes (exactly, but for the last word) without end, as lists of words."""
    source, chance = words(), random.Random(seed)
    while True:
        at, length, text = chance.randrange(len(source)), 0, []
        while length < size:
            word = source[at % len(source)] + " "
            text.append(word)
            length += len(word)
            at += 1
        yield text


@dataclass
class _Turn:
    """A turn under way."""

    id: str
    branch: str
    pieces: list[str]
    said: int = 0
    """How many pieces are written."""


class Author:
    """Writes turns into a pool that nobody else writes to, ``agents`` of them at the same time.

    ``size`` is bytes of text a turn. Events are stored ``batch`` at a time. The first ``prompts`` turns get a prompt of
    their own; by then it fills its window, its account grows no more, and the later ones repeat the last.
    """

    def __init__(self, pool: Pool, *, size: int, agents: int = 8, batch: int = 8, prompts: int = 100_000) -> None:
        self._pool = pool
        self._batch = batch
        self._prompts = prompts
        self._chance = random.Random(2)
        self._texts = texts(size)
        members = tuple(AgentSpec(name=f"agent{i}", role=f"Thinker {i}.") for i in range(agents))
        self._team = TeamSpec(task="Plan the opening of a neighbourhood bakery.", agents=members, turns=100_000)
        self._document = Document(pool=pool.name, branch="main")
        self._waiting: list[Event] = []
        self._run = f"run-{pool.new_id()}"
        self._begun = 0
        self.branch = "main"
        self._branches = 1
        self.turns = 0
        """How many turns it has finished."""
        self.bytes = 0
        """Bytes of their text."""
        self._put(RunStarted(**self._header(), spec=self._team.to_dict()))
        self._put(Claim(**self._header(), owner="bench:1:1", epoch=1, lease=20.0))
        self._speaking: dict[AgentSpec, _Turn | None] = dict.fromkeys(members)

    def write(self, *, turns: int | None = None, until: int | None = None) -> None:
        """Write until so many turns have ended in all, or until the log has grown to an offset."""
        while (turns is None or self.turns < turns) and (until is None or self._end < until):
            speakers = list(self._speaking)
            self._chance.shuffle(speakers)
            for agent in speakers:
                self._put(self._next(agent))
                if turns is not None and self.turns == turns:
                    break
        self._store()

    def rollback(self, at: int) -> None:
        """Leave the line right after an offset, as ``%rollback`` does; the running turns end on the old branch."""
        old, self.branch = self.branch, f"main-{self._branches + 1}"
        self._branches += 1
        self._put(Fork(**self._header(old), name=self.branch, parent=old, at=at))
        self._put(Head(**self._header(old), to=self.branch))
        for agent, turn in self._speaking.items():
            if turn is not None:
                self._put(self._ended(agent, turn, "cancelled"))
        self._speaking = dict.fromkeys(self._speaking)
        self._store()

    @property
    def _end(self) -> int:
        return self._document.at + 1 + len(self._waiting)

    def _header(self, branch: str | None = None, agent: str = "") -> dict[str, object]:
        return self._pool.header(branch or self.branch, self._run, agent)

    def _next(self, agent: AgentSpec) -> Event:
        """Return what an agent writes next."""
        turn = self._speaking[agent]
        if turn is None:
            return self._started(agent)
        if turn.said < len(turn.pieces):
            text = turn.pieces[turn.said]
            turn.said += 1
            return Delta(**self._header(turn.branch, agent.name), turn=turn.id, seq=turn.said - 1, text=text)
        self._speaking[agent] = None
        self.turns += 1
        self.bytes += sum(map(len, turn.pieces))
        return self._ended(agent, turn, "stop")

    def _started(self, agent: AgentSpec) -> Event:
        text, context = next(self._texts), self._context(agent)
        pieces = ["".join(text[i : i + _TOKENS]) for i in range(0, len(text), _TOKENS)]
        turn = self._speaking[agent] = _Turn(self._pool.new_id(), self.branch, pieces)
        return TurnStarted(
            **self._header(agent=agent.name),
            turn=turn.id,
            model="test",
            seen=self._document.at + 1,
            digest=context.digest,
            context=self._moved(context.record),
        )

    def _ended(self, agent: AgentSpec, turn: _Turn, reason: str) -> Event:
        tokens = sum(len(piece.split()) for piece in turn.pieces[: turn.said])
        usage = Usage(prompt=CONTEXT, completion=tokens, own=CONTEXT // 4, others=CONTEXT // 2)
        header = self._header(turn.branch, agent.name)
        return TurnFinished(**header, turn=turn.id, reason=reason, usage=usage, deltas=turn.said)

    def _context(self, agent: AgentSpec) -> Prompt:
        if self._begun < self._prompts:
            self._begun += 1
            self._last = build_prompt(self._document, self._team, agent, tokens=CONTEXT)
            self._seen = self._document.at + 1
        return self._last

    def _moved(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record that is repeated as if what it read were as far back now: a window that moves on."""
        later = self._document.at + 1 - self._seen
        return record | {"since": record["since"] + later} if "since" in record else record

    def _put(self, event: Event) -> None:
        self._waiting.append(event)
        if len(self._waiting) >= self._batch:
            self._store()

    def _store(self) -> None:
        if not self._waiting:
            return
        self._pool.append(self._waiting)
        if self._begun < self._prompts:
            for event in self._waiting:
                self._document.absorb(event)
        self._document.at = self._waiting[-1].offset
        self._waiting = []
