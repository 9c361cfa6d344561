"""Tasks that agents hand to other teams: each is a run of its own, on a branch of its own, and a call in the log.

The branch leaves where the agent that asks had read, so that the team knows what it knew. The run is named after the
call: asked for once more, after a crash, it goes on where it stood, and what has ended is answered from the log.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.agents.turns.budget import spent
from agentpool_jupyter.effects.tool import Tool, tool
from agentpool_jupyter.errors import EffectError, RunActiveError, UserError
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.claims import LEASE
from agentpool_jupyter.pool.words import WHY

from .claims import fail_open_turns, start_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from agentpool_jupyter.agents.team.spec import SubTeamSpec
    from agentpool_jupyter.agents.turns.budget import Reservation
    from agentpool_jupyter.agents.turns.writer import RunResources
    from agentpool_jupyter.effects.voters import Ballot, Voter
    from agentpool_jupyter.pool.effects import Effect
    from agentpool_jupyter.pool.events import Claim

    class Work(Protocol):
        """A run that was started."""

        def wait(self, timeout: float | None = None) -> bool:
            """Wait until it has ended; raises RunFailedError."""
            ...

        def stop(self, timeout: float | None = 10.0) -> None:
            """End it, and wait for its end."""

    Start = Callable[[TeamSpec, Claim, str, Mapping[str, Voter]], Work]
    """Starts the run of a team that holds a claim, on a branch, whose gates may ask these voters of the teams above."""

_EARLY = ("budget", "timeout")
_ENDED = ("turns", "quiescent", "reached", *_EARLY)
"""Ends of a run after which there is nothing to go on with."""
_GLANCE_SECONDS = 0.5  # between two tries to take a run whose former holder may be alive


class HandOver:
    """The teams to which a run's agents can hand tasks, as tools; belongs to the run's event loop."""

    def __init__(self, resources: RunResources, start: Start) -> None:
        self._resources = resources
        self._begin = start
        self._loop = asyncio.get_running_loop()
        self._at_work: set[Work] = set()

    def tools(self) -> dict[str, list[Tool]]:
        """Return the tools by the entries that name them."""
        return {name: [self._tool(name, sub)] for name, sub in self._resources.team.teams.items()}

    async def aclose(self) -> None:
        """Stop the teams that are still at work, and wait for their end; twice is fine."""
        await asyncio.gather(*(asyncio.to_thread(run.stop) for run in list(self._at_work)))

    def _tool(self, name: str, sub: SubTeamSpec) -> Tool:
        @tool(idempotent=True, timeout=None)
        async def hand_over(task: str, key: str) -> str:
            return await self._work(name, sub, task, key)

        who = ", ".join(f"{one.name} ({one.role})" if one.role else one.name for one in sub.team.agents)
        about = f"{sub.about.rstrip('.')}. " if sub.about else ""
        made = Tool.of(name, hand_over)
        return replace(made, description=f"{about}Hands a task to a team of its own, and returns its answer: {who}")

    async def _work(self, name: str, sub: SubTeamSpec, task: str, key: str) -> str:
        """Have a team work on a task, and return its answer; runs on a thread and a loop of its own."""
        run_id = f"run-{key}"
        setting_aside = asyncio.run_coroutine_threadsafe(self._set_aside(sub, run_id), self._loop)
        share, reservation, before = await asyncio.wrap_future(setting_aside)
        try:
            if not self._has_ended(run_id):
                spec = msgspec.structs.replace(
                    sub.team, task=task, budget=msgspec.structs.replace(sub.team.budget, tokens=share)
                )
                await self._run(name, spec, run_id, key)
            return self._answer(sub, run_id)
        finally:
            used = spent(self._resources.pool, run_id) - before if run_id in self._resources.pool.runs else 0
            with suppress(RuntimeError):  # the loop is closed: the run has ended
                self._loop.call_soon_threadsafe(reservation.settle, used)

    async def _set_aside(self, sub: SubTeamSpec, run_id: str) -> tuple[int | None, Reservation, int]:
        """Set tokens aside for a task; return how many it may take in all, and how many it has taken before a crash."""
        pool, budget = self._resources.pool, self._resources.budget
        known = pool.runs.get(run_id)
        share, taken = sub.team.budget.tokens, 0
        if known is not None:
            share, taken = TeamSpec.from_dict(known.spec).budget.tokens, await asyncio.to_thread(spent, pool, run_id)
        elif share is None and budget.limit is not None:
            share = max(1, (budget.limit - budget.spent - budget.reserved) // 2)
        return share, await budget.reserve(max(0, (share or 0) - taken)), taken

    def _has_ended(self, run_id: str) -> bool:
        known = self._resources.pool.runs.get(run_id)
        return known is not None and known.finished is not None and known.finished.reason in _ENDED

    async def _run(self, name: str, spec: TeamSpec, run_id: str, key: str) -> None:
        run = await asyncio.to_thread(self._start, name, spec, run_id, key)
        self._at_work.add(run)
        try:
            await asyncio.to_thread(run.wait)
        finally:
            run.stop(timeout=None)
            self._at_work.discard(run)

    def _start(self, name: str, spec: TeamSpec, run_id: str, key: str) -> Work:
        pool, known = self._resources.pool, self._resources.pool.runs.get(run_id)
        branch = known.branch if known else self._branch(name, key)
        parent = self._resources.claim.run
        deadline = time.monotonic() + 2 * LEASE
        while True:
            try:
                claim = start_run(pool, run_id, branch, spec, resumed=known is not None, parent=parent, key=key)
                break
            except RunActiveError:  # the process that had the run above may have been stopped, and this one's with it
                if time.monotonic() > deadline:
                    raise
                time.sleep(_GLANCE_SECONDS)
        if known:
            fail_open_turns(pool, claim, branch, known.owner)
        voters = {
            name: replace(voter, ask=partial(self._vote, voter)) for name, voter in self._resources.voters.items()
        }
        return self._begin(spec, claim, branch, voters)

    async def _vote(self, voter: Voter, effect: Effect) -> Ballot:
        """Ask a voter of this run, on this run's loop, from that of another."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(voter.ask(effect)), self._loop))

    def _branch(self, name: str, key: str) -> str:
        """Make a branch for a task, which leaves where the agent that asks had read."""
        pool = self._resources.pool
        asked = pool.effects.of_key(key)
        place = Position(self._resources.live.branch, asked.proposal.seen - 1 if asked else pool.end - 1)
        while True:
            lineage = pool.lineage
            free = lineage.free_name(name) if name in lineage or name in lineage.tags else name
            with suppress(UserError):  # another task has taken the name at the same moment
                return pool.fork(free, at=place)

    def _answer(self, sub: SubTeamSpec, run_id: str) -> str:
        pool = self._resources.pool
        record = pool.runs[run_id]
        turns = [turn for turn in pool.document(record.branch).turns if turn.run == run_id and turn.text.strip()]
        answers = [turn for turn in turns if turn.status == "finished" and sub.answer in ("", turn.agent)]
        reason = record.finished.reason if record.finished else ""
        if not answers:
            message = f"{sub.answer or 'the team'} said nothing: {WHY.get(reason, reason)}"
            raise EffectError(message)
        early = f"\n\n(The team ended early: {WHY.get(reason, reason)}.)" if reason in _EARLY else ""
        return max(answers, key=lambda turn: turn.end or 0).text + early


async def _awaited(ballot: Awaitable[Ballot]) -> Ballot:
    return await ballot
