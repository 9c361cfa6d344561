"""A team at work: one background thread with one event loop, and nothing that is not in the pool.

There is no master. When an agent speaks, and when the run ends, is decided from the log alone (:mod:`.schedule`), so
that a run can go on elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Self

from agentpool_jupyter.agents.reminders.lookup import Reminders
from agentpool_jupyter.agents.turns.budget import TokenBudget, spent
from agentpool_jupyter.agents.turns.live_document import LiveDocument
from agentpool_jupyter.agents.turns.logger import logger_of
from agentpool_jupyter.agents.turns.outbox import Outbox
from agentpool_jupyter.agents.turns.toolbox import Servers, tools_of, voters_of
from agentpool_jupyter.agents.turns.writer import RunResources
from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.errors import LogError, RunFailedError, ServiceError
from agentpool_jupyter.pool.events import Claim, Head, Release, RunFinished, StopAsked
from agentpool_jupyter.pool.runs import in_words
from agentpool_jupyter.pool.words import LOST, run_status

from .claims import stop_agent
from .goal import Goal
from .hand_over import HandOver
from .redaction import redact_said, redactor_of
from .renewal import Renewal
from .report import report
from .schedule import Schedule, make_agents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.effects.voters import Voter
    from agentpool_jupyter.pool import Document, Event, EventFollower, Pool
    from agentpool_jupyter.pool.words import RunReason, RunStatus

    from .plan import Functions
    from .report import Report

_GRACE = 5.0  # seconds that the log has to take a run's last events


class Run:
    """One run of a team, made by :meth:`Team.start` and :func:`resume`; any thread may call any method."""

    def __init__(
        self,
        pool: Pool,
        team: TeamSpec,
        *,
        claim: Claim,
        branch: str,
        functions: Functions,
        above: Mapping[str, Voter] | None = None,
    ) -> None:
        """``above`` has the voters of the teams above, by one of which the task was handed over; None: by a person."""
        self.id = claim.run
        self._above = above
        self.pool = pool
        self.team = team
        self.branch = branch
        self._claim = claim
        self._log = logger_of(claim.run)
        self._functions = functions
        self._ended = threading.Event()
        self._stopping = False
        self._schedule = Schedule(Goal(team.until, functions.get(team.until)))
        self._reminders = Reminders(pool)
        self._redactor = redactor_of(pool, team)
        pool.redact = partial(redact_said, pool)
        self._loop = asyncio.new_event_loop()
        # In the caller's context, by which a kernel knows the cell that what is printed belongs to.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._work,), name=f"agentpool-{self.id}", daemon=True
        )

    # For the caller ----------------------------------------------------------------------------------------

    @property
    def reason(self) -> str:
        """Why it ended; empty while it runs."""
        return self._schedule.reason

    @property
    def detail(self) -> str:
        """The same in a sentence, where there is more to say."""
        return self._schedule.detail

    @property
    def status(self) -> RunStatus:
        """What the run does now."""
        if not self._ended.is_set():
            return "stopping" if self._stopping or self.reason else "running"
        status = run_status(self.reason)
        return "stopped" if status == "lost" else status  # another process has it: it goes on there

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended, at most ``timeout`` seconds, and return whether it has.

        Raises RunFailedError where it ended without doing its work.
        """
        if not self._ended.wait(timeout):
            return False
        self._thread.join()
        if self.status == "failed":
            raise RunFailedError(printable(self.detail))
        return True

    def stop(self, timeout: float | None = 10.0) -> None:
        """Stop all streams and end the run, waiting at most ``timeout`` seconds for it; twice is fine."""
        self._stopping = True
        try:
            self._loop.call_soon_threadsafe(self._schedule.end, "stopped")
        except RuntimeError:  # the loop is closed: the run has ended
            return
        if threading.current_thread() is not self._thread:
            self._ended.wait(timeout)

    def stop_agent(self, name: str) -> None:
        """Stop one agent: what it says is broken off, it takes no more turns, and the others go on.

        It is asked for through the log, so that any process may (:func:`.claims.stop_agent`). Raises UserError where
        the run has ended, or has no such agent.
        """
        stop_agent(self.pool, name, self.id)

    def document(self) -> Document:
        """Return the document of the run's line as it is now."""
        return self.pool.document(self.branch)

    def report(self) -> Report:
        """Return what each agent did and what it took, with those of the teams that tasks were handed to."""
        return report(self.pool, self.id)

    @property
    def notes(self) -> list[str]:
        """What agents could not be reminded of, and why, each thing once; their turns went on without."""
        return list(self._reminders.notes)

    def __repr__(self) -> str:
        why = f" ({self.reason}{': ' + self.detail if self.detail else ''})" if self.reason else ""
        return printable(f"<Run {self.id} in pool {self.pool.name!r}: {self.status}{why}>")

    # On the run's own thread -------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin; called once."""
        self._log.info("a team of %d begins on branch %s", len(self.team.agents), self.branch)
        self._thread.start()
        return self

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        except LogError as error:
            self._schedule.reason, self._schedule.detail = "failed", str(error)
        except Exception as error:  # a bug of ours: said, not swallowed
            self._schedule.reason, self._schedule.detail = "failed", f"{type(error).__name__}: {error}"
            raise
        finally:
            self._loop.close()
            self._log.info("the run ended: %s%s", self.reason, f" ({self.detail})" if self.detail else "")
            self._ended.set()

    async def _main(self) -> None:
        document, runs = await asyncio.to_thread(lambda: (self.pool.document(self.branch), self.pool.runs))
        self._live = LiveDocument(document, self.branch, runs.claims.fences)
        self._outbox = Outbox(self.pool)
        mine = [turn for turn in document.attempts if turn.run == self.id]
        taken = await asyncio.to_thread(spent, self.pool, self.id) if self._claim.epoch > 1 else 0
        tools, servers = tools_of(self.team, self._functions), Servers()
        above = dict(self._above or {})
        resources = RunResources(
            claim=self._claim,
            team=self.team,
            live=self._live,
            outbox=self._outbox,
            budget=TokenBudget(self.team.budget.tokens, taken),
            pool=self.pool,
            reminders=self._reminders,
            tools=tools,
            voters=above | voters_of(self.team, self._functions, above),
            redactor=self._redactor,
        )
        hand_over = HandOver(resources, self._below)
        tools.update(hand_over.tools())
        states, clients = make_agents(resources, self._functions, runs[self.id].start)
        for state in states:
            state.take_up(mine, self.team.attempts)
        follower = self.pool.follow(document.at + 1)
        pump = threading.Thread(target=self._pump, args=(follower,), name=f"agentpool-{self.id}-reader", daemon=True)
        pump.start()
        renewal = Renewal(self.pool, self.branch, self._claim, self._lose)
        try:
            await servers.start(tools)
            await self._schedule.run(resources, states)
        except ServiceError as error:
            self._schedule.end("failed", str(error))
        finally:
            renewal.close()
            await hand_over.aclose()
            await servers.aclose()
            await self._finish(follower, clients)
            await asyncio.to_thread(pump.join)

    def _below(self, team: TeamSpec, claim: Claim, branch: str, voters: Mapping[str, Voter]) -> Run:
        """Start the run of a team that a task is handed to."""
        return Run(self.pool, team, claim=claim, branch=branch, functions=self._functions, above=voters).start()

    def _pump(self, follower: EventFollower) -> None:
        """Carry the log's events to the loop."""
        tell = self._loop.call_soon_threadsafe
        try:
            self._check_pool()  # the head may have moved since the branch was chosen
            for batch in follower.batches():
                if any(isinstance(event, Claim | Head | StopAsked) for event in batch):
                    self._check_pool()
                tell(self._absorb, batch)
            why = f"pool {self.pool.name!r} was closed while the team ran: open it and resume"
            tell(self._schedule.end, "failed", why)
        except LogError as error:
            tell(self._schedule.end, "failed", str(error))

    def _check_pool(self) -> None:
        """End the run where it was taken up elsewhere, its line was left, or another process has asked for its end."""
        # The pool's own fold is asked, because a head event alone does not say where the head is: it may be an undo.
        if self._above is None and self.pool.branch != self.branch:
            detail = f"the pool's head left branch {self.branch!r}"
            self._loop.call_soon_threadsafe(self._schedule.end, "moved", detail)
        record = self.pool.runs[self.id]
        if record.claim is not None and record.claim.id != self._claim.id:
            self._lose(LOST, f"the run was taken up by {in_words(record.claim.owner)}")
        elif (asked := record.stop_asked) is not None and asked.epoch == self._claim.epoch:
            self._loop.call_soon_threadsafe(self._schedule.end, "stopped", f"{in_words(asked.owner)} asked for it")
        elif record.epoch == self._claim.epoch:
            for name, asked in record.agents_stopped.items():
                self._loop.call_soon_threadsafe(self._schedule.stop_agent, name, in_words(asked.owner))

    def _lose(self, reason: RunReason, why: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the run has ended
            self._loop.call_soon_threadsafe(self._schedule.end, reason, why)

    def _absorb(self, batch: list[Event]) -> None:
        if self._live.absorb(batch):
            self._schedule.wake()

    async def _finish(self, follower: EventFollower, clients: list[ModelClient]) -> None:
        if not self.reason:
            self._schedule.end("failed", "the run broke off")
        if self.reason != LOST:  # else it may be another process's to end
            await self._sign_off()
        follower.close()
        await self._outbox.close()
        await self._reminders.close()
        await asyncio.gather(*(client.aclose() for client in clients), return_exceptions=True)

    async def _sign_off(self) -> None:
        claim, header = self._claim, partial(self.pool.header, self.branch, self.id, claim=self._claim.id)
        finished = RunFinished(**header(), reason=self.reason, detail=self.detail, epoch=claim.epoch)
        release = Release(**header(), owner=claim.owner, epoch=claim.epoch)
        self._outbox.put(finished)
        self._outbox.put(release)
        try:
            async with asyncio.timeout(_GRACE):
                await self._outbox.stored(release)
        except (LogError, TimeoutError) as error:
            why = str(error) or f"the log of pool {self.pool.name!r} did not take the run's end in time"
            if self.reason != "failed":  # else what is said already is what went wrong first
                self._schedule.reason, self._schedule.detail = "failed", why
