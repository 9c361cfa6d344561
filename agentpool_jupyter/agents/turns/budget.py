"""Tokens are reserved before a call and settled after it, so that a budget is never exceeded; what a run has spent."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.agents.models.gauge import MARGIN, Load
from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.pool.effects import canonical
from agentpool_jupyter.pool.events import Delta, TurnContinued, TurnFailed, TurnFinished, TurnStarted, Vote
from agentpool_jupyter.pool.words import LOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentpool_jupyter.pool import Pool

_PER_MESSAGE = 16
"""Tokens a chat template may put around one message (role names, separators), rounded up generously."""


class BudgetExhaustedError(AgentPoolError):
    """A call does not fit in what is left, and no running call will give enough back."""


def prompt_bound(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> int:
    """Return an upper bound of the tokens of a prompt.

    Byte-level BPE and SentencePiece with byte fallback, which between them cover today's models, never make more
    tokens than there are UTF-8 bytes.
    """
    return _around(messages, tools) + text_bound(_said(messages, tools))


def prompt_load(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> Load:
    """Return the size of a prompt as :class:`~agentpool_jupyter.agents.models.gauge.Gauge` takes it."""
    return Load.of(_said(messages, tools), _around(messages, tools))


def _around(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> int:
    return _PER_MESSAGE * (1 + len(messages) + len(tools))


def _said(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
    """Return all that a prompt says: texts, calls that were made, and tools as they are described."""
    texts = [message["content"] or "" for message in messages]
    calls = [message["tool_calls"] for message in messages if "tool_calls" in message]
    return "".join([*texts, *(canonical(part).decode() for part in (*calls, *tools))])


def parts_bound(sizes: Mapping[str, int]) -> int:
    """Return an upper bound of the tokens of a prompt of which only the bytes of its parts are known."""
    return _PER_MESSAGE * (1 + len(sizes)) + sum(sizes.values()) if sizes else 0


def text_bound(text: str) -> int:
    """Return an upper bound of the tokens of a text."""
    return len(text.encode(errors="replace"))  # a server may send half of a surrogate pair


class TokenBudget:
    """A limit on tokens that many concurrent calls share; belongs to one event loop."""

    def __init__(self, limit: int | None, spent: int = 0) -> None:
        self.limit = limit
        self.spent = spent
        self.reserved = 0
        self._waiting: list[asyncio.Future[None]] = []

    async def reserve(self, tokens: int) -> Reservation:
        """Set tokens aside, waiting while running calls may still give enough back.

        Raises BudgetExhaustedError once they cannot.
        """
        while self.limit is not None and self.spent + self.reserved + tokens > self.limit:
            if self.reserved == 0:
                message = (
                    f"the budget of {self.limit} tokens has {self.limit - self.spent} left, and the next call may "
                    f"take {tokens}: raise `budget: {{tokens: …}}` (`%agents resume --budget tokens=…` goes on), or "
                    "lower `max_tokens` or `context`"
                )
                raise BudgetExhaustedError(message)
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled
        self.reserved += tokens
        return Reservation(self, tokens)

    def _settle(self, reserved: int, used: int) -> None:
        self.reserved -= reserved
        self.spent += used
        waiting, self._waiting = self._waiting, []
        for settled in waiting:
            if not settled.done():
                settled.set_result(None)


class Reservation:
    """Tokens set aside for one call."""

    def __init__(self, budget: TokenBudget, tokens: int) -> None:
        self._budget = budget
        self.tokens = tokens
        self._open = True

    def settle(self, used: int) -> None:
        """Give back what the call did not take; only the first call counts."""
        if self._open:
            self._open = False
            self._budget._settle(self.tokens, used)  # noqa: SLF001 - the other half of the budget


def spent(pool: Pool, run: str) -> int:
    """Return the tokens that a run and those below it have taken, as servers counted them, on all lines of history.

    A rollback takes text back, and no tokens. A turn that has no count, because its process died, is taken for what it
    may have cost at most, as far as the log tells: its prompts and its text in bytes, in the most tokens a byte that
    its model's server has counted for a turn of this run, with a margin.
    """
    counted: dict[str, int] = {}
    exact: set[str] = set()
    models: dict[str, str] = {}
    said: dict[str, int] = {}
    most: dict[str, int] = {}
    votes = 0
    seen: set[str] = set()  # an event that is stored twice counts once
    runs = {run, *(record.id for record in pool.runs.below(run))}
    for event in pool.events(pool.runs[run].start):
        if event.run not in runs or event.id in seen:
            continue
        seen.add(event.id)
        match event:
            case TurnStarted() | TurnContinued():
                models[event.turn] = getattr(event, "model", "") or models.get(event.turn, "")
                prompt = parts_bound(event.context.get("sizes", {}))  # a function has no prompt
                most[event.turn] = most.get(event.turn, 0) + prompt + said.get(event.turn, 0)
            case Delta(turn=turn, text=text):
                said[turn] = said.get(turn, 0) + text_bound(text)
            case TurnFinished(turn=turn, usage=usage) | TurnFailed(turn=turn, usage=usage) if usage is not None:
                counted[turn] = usage.total
                exact |= set() if usage.estimated else {turn}
            case TurnFinished(turn=turn):
                counted.setdefault(turn, 0)
            case Vote(usage=usage) if usage is not None:
                votes += usage.total
            case TurnFailed(turn=turn, kind=kind) if kind != LOST:
                counted.setdefault(turn, 0)
            case _:
                pass
    bounds = {turn: bound + said.get(turn, 0) for turn, bound in most.items()}
    ratios: dict[str, float] = {}
    for turn in exact & {turn for turn, bound in bounds.items() if bound}:
        ratios[models[turn]] = max(ratios.get(models[turn], 0.0), MARGIN * counted[turn] / bounds[turn])
    return votes + sum(
        counted.get(turn, math.ceil(bound * min(1.0, ratios.get(models[turn], 1.0)))) for turn, bound in bounds.items()
    )
