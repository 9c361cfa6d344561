"""Who speaks when: an agent takes a turn when there is news that it has not seen and it has turns left."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from agentpool_jupyter.agents.models.endpoint import call_limits, endpoint_of
from agentpool_jupyter.agents.models.refusals import MOST_WAIT
from agentpool_jupyter.agents.turns.budget import BudgetExhaustedError
from agentpool_jupyter.agents.turns.model_agent import ModelAgent
from agentpool_jupyter.agents.turns.python_agent import PythonAgent
from agentpool_jupyter.agents.turns.voting import ask_model
from agentpool_jupyter.effects.voters import Voter
from agentpool_jupyter.errors import LogError
from agentpool_jupyter.pool.events import Label, TurnFailed, TurnFinished
from agentpool_jupyter.pool.words import FILTERED, LOST, REFUSED, THOUGHT, UNUSUAL, WITHHELD

from .drift import DriftWatch, onsets
from .goal import Goal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.models.endpoint import Endpoint
    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.agents.turns.live_document import LiveDocument
    from agentpool_jupyter.agents.turns.writer import RunResources
    from agentpool_jupyter.pool import Turn
    from agentpool_jupyter.pool.words import RunReason

    from .plan import Functions

_TOLD = {REFUSED, FILTERED, WITHHELD, THOUGHT}
"""Unusual ends of turns that a run's own end tells of; a turn at its token limit is too common for that."""


@dataclass
class AgentState:
    """One agent of a run and how far it has come."""

    spec: AgentSpec
    agent: ModelAgent | PythonAgent
    turns: int
    """Most turns that it may take."""
    seen: int
    """One past the last offset that it had read when it last spoke; at first that of the run's start."""
    taken: int = 0
    speaking: bool = False
    spoke: bool = False
    """It has finished a turn in this run."""
    error: str = ""
    """Why its last turn failed; empty where it did not."""
    unusual: str = ""
    """What was unusual about the end of its last turn that was."""
    out: bool = False
    """It failed for good, or was stopped, and is not asked again in this run."""
    task: asyncio.Task[None] | None = None
    """Its turn that is under way, or its last."""

    def take_up(self, turns: Iterable[Turn], most: int) -> None:
        """Go on where the finished turns of an interrupted run left off; unfinished ones are to be taken again.

        Each time that the process ended in mid-turn was an attempt at that turn, of which there are ``most``.
        """
        for turn in turns:
            if turn.agent == self.spec.name and turn.status == "finished":
                self.taken += 1
                self.spoke = True
                self.seen = max(self.seen, turn.seen)
                self.agent.lost = 0
            elif turn.agent == self.spec.name and turn.reason == LOST:
                self.agent.lost += 1
        if self.agent.lost >= most:
            self.out, self.error = True, f"its process ended in mid-turn {self.agent.lost} times: not asked again"

    def ready(self, live: LiveDocument) -> bool:
        """Whether it should speak now."""
        if self.speaking or self.out or self.taken >= self.turns:
            return False
        if self.taken == 0 and self.spec.hears_task:
            return True
        return live.last_news(self.spec.listens, but=self.spec.name) >= self.seen


def make_agents(
    resources: RunResources, functions: Functions, start: int
) -> tuple[list[AgentState], list[ModelClient]]:
    """Return the agents of a run that began at an offset, and the clients that they share, one for each endpoint."""
    from agentpool_jupyter.agents.models.client import ModelClient, Traffic  # noqa: PLC0415 - Python agents do without

    team = resources.team
    endpoints = {spec.name: endpoint_of(team, spec) for spec in team.agents if spec.python is None}
    slots: dict[str, int] = {}  # by server: two models of one server share what it can do at once
    for endpoint in endpoints.values():
        if endpoint.slots:
            slots[endpoint.base_url] = min(endpoint.slots, slots.get(endpoint.base_url, endpoint.slots))
    traffic = {endpoint.base_url: Traffic(slots.get(endpoint.base_url)) for endpoint in endpoints.values()}
    patience = min(MOST_WAIT, team.budget.seconds or MOST_WAIT)
    clients: dict[Endpoint, ModelClient] = {}
    states = []
    for spec in team.agents:
        agent: ModelAgent | PythonAgent
        if spec.python is not None:
            agent = PythonAgent(resources, spec, functions[spec.python])
            if agent.voter:
                resources.voters[spec.name] = agent.voter
        else:
            endpoint = endpoints[spec.name]
            if endpoint not in clients:
                shared = traffic[endpoint.base_url]
                clients[endpoint] = ModelClient(endpoint, silence=team.silence, patience=patience, traffic=shared)
            limits = call_limits(team, spec, endpoint)
            agent = ModelAgent(resources, spec, clients[endpoint], limits)
            resources.voters[spec.name] = Voter(partial(ask_model, resources, spec, clients[endpoint], limits))
        states.append(AgentState(spec, agent, team.turns_of(spec), start))
    return states, list(clients.values())


class Schedule:
    """Lets agents take turns until there is a reason to end; belongs to one event loop."""

    def __init__(self, goal: Goal | None = None) -> None:
        self.reason: str = ""
        """Why the run ends; empty while it goes on."""
        self.detail = ""
        self._goal = goal or Goal()
        self._watch: DriftWatch | None = None
        self._news = asyncio.Event()
        self._leaving: dict[str, str] = {}  # agents that are to be stopped, and who asked for it

    def wake(self) -> None:
        """Look again at who should speak: there is news."""
        self._news.set()

    def end(self, reason: RunReason, detail: str = "") -> None:
        """Have the run end; only the first reason counts."""
        if not self.reason:
            self.reason, self.detail = reason, detail
        self._news.set()

    def stop_agent(self, name: str, asked: str) -> None:
        """Have one agent speak no more; what it says is broken off. Twice is fine."""
        self._leaving[name] = asked
        self._news.set()

    async def run(self, resources: RunResources, states: list[AgentState]) -> None:
        """Let agents take turns until the run ends; turns that are under way then are cancelled."""
        tasks: set[asyncio.Task[None]] = set()
        clock = asyncio.create_task(self._clock(resources.team.budget.seconds))
        try:
            if any(state.taken for state in states):  # it may have been reached when the run's last process ended
                await self._look_at_goal(resources)
            while not self.reason:
                self._let_leave(states)
                for state in states:
                    if state.ready(resources.live):
                        state.speaking = True
                        state.task = task = asyncio.create_task(self._turn(resources, state))
                        task.add_done_callback(lambda _: self.wake())
                        tasks.add(task)
                if not tasks:
                    self._conclude(states)
                    break
                await self._news.wait()
                self._news.clear()
                for task in [task for task in tasks if task.done()]:
                    tasks.remove(task)
                    if not task.cancelled():  # else its agent was stopped
                        task.result()
        finally:
            for task in [*tasks, clock]:
                task.cancel()
            await asyncio.gather(*tasks, clock, return_exceptions=True)

    def _let_leave(self, states: Iterable[AgentState]) -> None:
        for state in states:
            asked = self._leaving.get(state.spec.name)
            if asked is None or state.out:
                continue
            state.out, state.unusual = True, f"stopped, {asked} asked for it"
            if state.task is not None:
                state.task.cancel()

    async def _turn(self, resources: RunResources, state: AgentState) -> None:
        try:
            ended = await state.agent.take_turn()
            # What is decided next is decided from the log: wait until this turn's end is read back from it.
            await resources.live.reached(await resources.outbox.stored(ended))
            state.taken = state.turns if state.agent.satisfied else state.taken + 1
            state.seen = state.agent.seen
            state.error = ended.error if isinstance(ended, TurnFailed) else ""
            reason = getattr(ended, "reason", "")
            state.unusual = UNUSUAL[reason] if reason in _TOLD else state.unusual
            state.spoke = state.spoke or not state.error
            state.out = bool(state.error) and isinstance(state.agent, ModelAgent)
            if isinstance(ended, TurnFinished):
                self._look_for_drift(resources, state, ended.turn)
                await self._look_at_goal(resources)
        except BudgetExhaustedError as error:
            self.end("budget", str(error))
        except LogError as error:
            self.end("failed", str(error))
        finally:
            state.speaking = False

    async def _look_at_goal(self, resources: RunResources) -> None:
        if await self._goal.holds(resources.live.document.copy()):
            self.end("reached", f"{self._goal.name} holds")

    def _look_for_drift(self, resources: RunResources, state: AgentState, turn: str) -> None:
        """Do what the team says about drift that sets in with a turn."""
        team = resources.team
        if not team.on_drift:
            return
        self._watch = self._watch or DriftWatch(team, resources.claim.run)
        for onset in onsets(self._watch.measure(resources.live.document)):
            if onset.turn.id != turn or onset.kind not in team.on_drift:
                continue
            resources.outbox.put(Label(**resources.header(""), turn=turn, label=onset.kind, text=onset.why))
            if team.on_drift[onset.kind] == "stop":
                told = f"{onset.kind} from {onset.turn.name} on, {onset.why}"
                if onset.kind == "unending":
                    self.end("quiescent", told)
                state.taken, state.unusual = state.turns, f"stopped for {told}"

    def _conclude(self, states: list[AgentState]) -> None:
        told = [f"{state.spec.name}: {what}" for state in states if (what := state.error or state.unusual)]
        detail = "; ".join([*told, *([f"until: {self._goal.problem}"] if self._goal.problem else [])])
        if any(state.error for state in states) and not any(state.spoke for state in states):
            self.end("failed", detail)
        elif all(state.taken >= state.turns for state in states):
            self.end("turns", detail)
        else:
            self.end("quiescent", detail)

    async def _clock(self, seconds: float | None) -> None:
        if seconds is not None:
            await asyncio.sleep(seconds)
            self.end("timeout", f"the budget of {seconds:g} s is used up")
