"""A team at work: one background thread with one event loop, and nothing that is not in the pool.

There is no master. An agent takes a turn when there is news that it has not seen and turns are left; the run ends
when nobody has anything left to react to. All of that is decided from the log, so that a run can go on elsewhere.
"""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.agents.reminders.lookup import Reminders
from agentpool_jupyter.agents.turns.budget import BudgetExhaustedError, TokenBudget
from agentpool_jupyter.agents.turns.line import Line
from agentpool_jupyter.agents.turns.outbox import Outbox
from agentpool_jupyter.agents.turns.voice import ModelVoice, PythonVoice
from agentpool_jupyter.agents.turns.voices import make_voices
from agentpool_jupyter.agents.turns.writer import Stage
from agentpool_jupyter.errors import LogError, RunFailedError
from agentpool_jupyter.pool.events import Claim, Head, Heartbeat, Release, RunFinished, TurnFailed
from agentpool_jupyter.pool.runs import LEASE, this_owner
from agentpool_jupyter.pool.words import run_status

from .member import Member
from .report import Report
from .spending import spent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Document, Event, EventFollower, Pool
    from agentpool_jupyter.pool.words import RunReason, RunStatus

_GRACE = 5.0  # seconds that the log has to take a run's last words


class Run:
    """One run of a team in a pool; made by :meth:`Team.start` and :func:`resume`.

    All methods may be called from any thread.
    """

    def __init__(
        self,
        pool: Pool,
        team: TeamSpec,
        *,
        run: str,
        branch: str,
        epoch: int,
        functions: Mapping[str, Callable[[Document], Any]],
    ) -> None:
        self.id = run
        self.pool = pool
        self.team = team
        self.branch = branch
        self.reason: str = ""
        """Why it ended; empty while it runs."""
        self.detail: str = ""
        self._epoch = epoch
        self._functions = functions
        self._ended = threading.Event()
        self._stopping = False
        self._fenced = False
        self._news = asyncio.Event()
        self._recalling = Reminders(pool)
        self._loop = asyncio.new_event_loop()
        # In the caller's context, by which a kernel knows the cell that what is printed belongs to.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._work,), name=f"agentpool-{run}", daemon=True
        )

    # For the caller ----------------------------------------------------------------------------------------

    @property
    def status(self) -> RunStatus:
        """What the run does now."""
        if not self._ended.is_set():
            return "stopping" if self._stopping else "running"
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
            raise RunFailedError(self.detail)
        return True

    def stop(self, timeout: float | None = 10.0) -> None:
        """Stop all streams and end the run, waiting at most ``timeout`` seconds for it; twice is fine."""
        self._stopping = True
        try:
            self._loop.call_soon_threadsafe(self._end, "stopped")
        except RuntimeError:  # the loop is closed: the run has ended
            return
        if threading.current_thread() is not self._thread:
            self._ended.wait(timeout)

    def document(self) -> Document:
        """Return the document of the run's line as it is now."""
        return self.pool.document(self.branch)

    def report(self) -> Report:
        """Return what each agent did and what it took."""
        return Report(self.document(), self.team, self.id, self.notes)

    @property
    def notes(self) -> list[str]:
        """What agents could not be reminded of, and why, each thing once; their turns went on without."""
        return list(self._recalling.notes)

    def __repr__(self) -> str:
        why = f" ({self.reason}{': ' + self.detail if self.detail else ''})" if self.reason else ""
        return f"<Run {self.id} in pool {self.pool.name!r}: {self.status}{why}>"

    # On the run's own thread -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; called once."""
        self._thread.start()

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        except LogError as error:
            self.reason, self.detail = "failed", str(error)
        except Exception as error:  # a bug of ours: said, not swallowed
            self.reason, self.detail = "failed", f"{type(error).__name__}: {error}"
            raise
        finally:
            self._loop.close()
            self._ended.set()

    async def _main(self) -> None:
        document = await asyncio.to_thread(self.pool.document, self.branch)
        self._line = Line(document, self.branch)
        self._outbox = Outbox(self.pool)
        mine = [turn for turn in document.attempts if turn.run == self.id]
        taken = await asyncio.to_thread(spent, self.pool, self.id)
        stage = Stage(
            run=self.id,
            team=self.team,
            line=self._line,
            outbox=self._outbox,
            budget=TokenBudget(self.team.budget.tokens, taken),
            pool=self.pool,
            recalling=self._recalling,
        )
        voices, clients = make_voices(stage, self._functions)
        start = self.pool.runs[self.id].start
        members = [Member(agent, self.team.turns_of(agent), start) for agent in self.team.agents]
        for member in members:
            member.recall(mine)
        follower = self.pool.follow(document.at + 1)
        pump = threading.Thread(target=self._pump, args=(follower,), name=f"agentpool-{self.id}-reader", daemon=True)
        pump.start()
        try:
            await self._direct(members, voices)
        finally:
            await self._finish(follower, clients)
            await asyncio.to_thread(pump.join)

    def _pump(self, follower: EventFollower) -> None:
        """Carry the log's events to the loop."""
        tell = self._loop.call_soon_threadsafe
        try:
            self._check_head()  # it may have moved since the branch was chosen
            for batch in follower.batches():
                tell(self._absorb, batch)
                if any(isinstance(event, Head) for event in batch):
                    self._check_head()
            tell(self._end, "failed", f"pool {self.pool.name!r} was closed while the team ran: open it and resume")
        except LogError as error:
            tell(self._end, "failed", str(error))

    def _check_head(self) -> None:
        # The pool's own fold is asked, because a head event alone does not say where the head is: it may be an undo.
        if self.pool.branch != self.branch:
            self._loop.call_soon_threadsafe(self._end, "moved", f"the pool's head left branch {self.branch!r}")

    def _absorb(self, batch: list[Event]) -> None:
        for event in batch:
            if isinstance(event, Claim) and event.run == self.id and event.epoch > self._epoch:
                self._fenced = True
                self._end("lost", f"the run was taken up by {event.owner}")
        if self._line.absorb(batch):
            self._news.set()

    def _end(self, reason: RunReason, detail: str = "") -> None:
        if not self.reason:
            self.reason, self.detail = reason, detail
        self._stopping = True
        self._news.set()

    async def _direct(self, members: list[Member], voices: Mapping[str, ModelVoice | PythonVoice]) -> None:
        """Let agents speak until the run ends."""
        tasks: dict[asyncio.Task[None], Member] = {}
        background = [asyncio.create_task(self._heartbeat()), asyncio.create_task(self._clock())]
        try:
            while not self.reason:
                for member in members:
                    if member.ready(self._line):
                        member.speaking = True
                        tasks[asyncio.create_task(self._turn(member, voices[member.agent.name]))] = member
                if not tasks:
                    self._conclude(members)
                    break
                news = asyncio.create_task(self._news.wait())
                done, _ = await asyncio.wait([news, *tasks], return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                self._news.clear()
                for task in [task for task in tasks if task in done]:
                    del tasks[task]
                    task.result()
        finally:
            for task in [*tasks, *background]:
                task.cancel()
            await asyncio.gather(*tasks, *background, return_exceptions=True)

    async def _turn(self, member: Member, voice: ModelVoice | PythonVoice) -> None:
        try:
            ended = await voice.speak()
            # What is decided next is decided from the log: wait until this turn's end is read back from it.
            await self._line.reached(await self._outbox.stored(ended))
            member.taken += 1
            member.seen = voice.seen
            member.error = ended.error if isinstance(ended, TurnFailed) else ""
            member.spoke = member.spoke or not member.error
            member.out = bool(member.error) and isinstance(voice, ModelVoice)
        except BudgetExhaustedError as error:
            self._end("budget", str(error))
        except LogError as error:
            self._end("failed", str(error))
        finally:
            member.speaking = False

    def _conclude(self, members: list[Member]) -> None:
        failed = "; ".join(f"{member.agent.name}: {member.error}" for member in members if member.error)
        if failed and not any(member.spoke for member in members):
            self._end("failed", failed)
        elif all(member.taken >= member.turns for member in members):
            self._end("turns", failed)
        else:
            self._end("quiescent", failed)

    async def _heartbeat(self) -> None:
        owner = this_owner()
        while True:
            await asyncio.sleep(LEASE / 3)
            header = self.pool.header(self.branch, self.id)
            self._outbox.put(Heartbeat(**header, owner=owner, epoch=self._epoch))

    async def _clock(self) -> None:
        seconds = self.team.budget.seconds
        if seconds is not None:
            await asyncio.sleep(seconds)
            self._end("timeout", f"the budget of {seconds:g} s is used up")

    async def _finish(self, follower: EventFollower, clients: list[ModelClient]) -> None:
        if not self.reason:
            self._end("failed", "the run broke off")
        if not self._fenced:  # else it is another process's to end
            await self._sign_off()
        follower.close()
        await self._outbox.close()
        await self._recalling.close()
        await asyncio.gather(*(client.aclose() for client in clients), return_exceptions=True)

    async def _sign_off(self) -> None:
        finished = RunFinished(
            **self.pool.header(self.branch, self.id), reason=self.reason, detail=self.detail, epoch=self._epoch
        )
        release = Release(**self.pool.header(self.branch, self.id), owner=this_owner(), epoch=self._epoch)
        self._outbox.put(finished)
        self._outbox.put(release)
        try:
            async with asyncio.timeout(_GRACE):
                await self._outbox.stored(release)
        except (LogError, TimeoutError) as error:
            if self.reason != "failed":  # else what is said already is what went wrong first
                self.detail = str(error) or f"the log of pool {self.pool.name!r} did not take the run's end in time"
            self.reason = "failed"
