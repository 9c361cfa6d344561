"""What the pools of a store are like, and what runs and waits in them, read a little at a time.

A log is read once, and then only what is new in it. Its text is not kept: what counts here are runs, tokens and open
questions, so that a hundred pools take little memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.pool.branches import Branches
from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.codec import decode
from agentpool_jupyter.pool.effects import Effects
from agentpool_jupyter.pool.effects.questions import Pending
from agentpool_jupyter.pool.events import TurnFailed, TurnFinished, Usage
from agentpool_jupyter.pool.positions import clock
from agentpool_jupyter.pool.runs import Runs
from agentpool_jupyter.pool.words import run_status

from .wire import Overview, PoolRow, RunRow, WaitingRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.log import Log, Store
    from agentpool_jupyter.pool.effects.questions import Question
    from agentpool_jupyter.pool.runs import RunRecord

_MOST_READ = 60  # pools that are held open at once; others are listed by name and size
_STEP = 2_000  # records between two looks at the clock
_ENDED_SHOWN = 10  # runs that have ended


class Toll:
    """What was taken: tokens, and dollars where all prices are known."""

    def __init__(self) -> None:
        self.usage = Usage()
        self.cost: float | None = 0.0

    def add(self, usage: Usage, cost: float | None) -> None:
        """Count one attempt at a turn."""
        self.usage += usage
        self.cost = None if self.cost is None or cost is None else self.cost + cost


class PoolReading:
    """One pool, read so far as it goes."""

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self._store = store
        self._log: Log = store.open(name, create=False)
        self._read = 0
        self._counted: set[str] = set()
        self.runs = Runs()
        self._branches = Branches()
        self._effects = Effects(self.runs, self._branches)
        self.all = Toll()
        self._tolls: dict[str, Toll] = {}

    @property
    def complete(self) -> bool:
        """Whether all was read that the log has now; raises LogError."""
        return self._read >= self._log.end()

    def read_on(self, enough: Callable[[], bool]) -> None:
        """Read what is new, until it is enough; raises LogError."""
        while not self.complete and not enough():
            for record in self._log.read(self._read, min(self._log.end(), self._read + _STEP)):
                event = decode(record)
                self.runs.absorb(event)
                late = is_late(event, self.runs.claims.fences)
                if not late:
                    self._branches.absorb(event)
                self._effects.absorb(event)
                if isinstance(event, TurnFinished | TurnFailed) and event.usage and event.id not in self._counted:
                    self._counted.add(event.id)
                    if not late:
                        self.all.add(event.usage, event.cost)
                        self._tolls.setdefault(event.run, Toll()).add(event.usage, event.cost)
                self._read = record.offset + 1

    def waiting(self) -> list[WaitingRow]:
        """Return what waits for a person on the pool's line, oldest first."""
        waiting = Pending(self._effects.waiting(self._branches.head))
        return [
            self._waiting_row(question)
            for question in waiting.questions
            if any(effect.waits_for_person for effect in question.effects)
        ]

    def _waiting_row(self, question: Question) -> WaitingRow:
        effects = question.effects
        why = dict.fromkeys(effect.verdict(0).why for effect in effects)
        again = dict.fromkeys(f"asked again: {effect.asked_again}" for effect in effects if effect.asked_again)
        gate, deadlines = effects[0].gate, [effect.deadline for effect in effects if effect.deadline]
        return WaitingRow(
            pool=self.name,
            id=question.name,
            agents=list(dict.fromkeys(effect.proposal.agent for effect in effects)),
            what=[effect.told for effect in effects],
            seen={effect.id: effect.since for effect in effects},
            why="; ".join([*why, *again]),
            warning="; ".join(gate.lets_pass) if gate else "",
            until=clock(min(deadlines)) if deadlines else "",
        )

    def run_row(self, run: RunRecord, mine: frozenset[str]) -> RunRow:
        """Return a run as it is listed."""
        toll = self._tolls.get(run.id, Toll())
        return RunRow(
            id=run.id,
            pool=self.name,
            state="running" if run.alive() else run.finished.reason if run.finished else "lost",
            here=run.id in mine,
            owner=run.owner,
            task=str(run.spec.get("task", "")),
            agents=_names(run.spec),
            tokens=toll.usage.total,
            estimated=toll.usage.estimated,
            cost=toll.cost,
        )

    def row(self, *, current: bool, waiting: int) -> PoolRow:
        """Return the pool as it is listed."""
        done = self.complete
        return PoolRow(
            name=self.name,
            current=current,
            state=self._state(waiting) if done else "",
            size=self._store.size(self.name),
            events=self._log.end(),
            tokens=self.all.usage.total if done else None,
            estimated=self.all.usage.estimated,
            cost=self.all.cost if done else None,
        )

    def _state(self, waiting: int) -> str:
        if waiting:
            return "waiting"
        if self.runs.alive():
            return "running"
        latest = self.runs.latest()
        if latest is None:
            return "said" if self._read else "empty"
        return run_status(latest.finished.reason) if latest.finished else "lost"

    def close(self) -> None:
        """Let go of the log."""
        self._log.close()


class Census:
    """All pools of a store; belongs to one thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._readings: dict[str, PoolReading] = {}

    def overview(self, current: str, mine: frozenset[str], enough: Callable[[], bool]) -> tuple[Overview, bool]:
        """Return what is known now, and whether more is to be read; ``mine`` are the runs of this kernel.

        Raises LogError and StoreError where the store itself cannot be reached.
        """
        names = self.store.names()
        for gone in self._readings.keys() - names:
            self._readings.pop(gone).close()
        pools: list[PoolRow] = []
        runs: list[RunRow] = []
        waiting: list[WaitingRow] = []
        more = False
        for name in sorted(names, key=lambda name: name != current):  # those that are read are read first
            try:
                reading = self._reading(name)
                if reading is not None:
                    reading.read_on(enough)
                    asked = reading.waiting() if reading.complete else []
                    pools.append(reading.row(current=name == current, waiting=len(asked)))
                    waiting += asked
                    runs += [reading.run_row(run, mine) for run in list(reading.runs.values()) if not run.parent]
                    more = more or not reading.complete
                    continue
            except (AgentPoolError, OSError):  # made anew, compacted or deleted at this moment: read again next time
                if name in self._readings:
                    self._readings.pop(name).close()
                more = True
            pools.append(_unread(self.store, name, current=name == current))
        alive = [run for run in runs if run.state == "running"]
        ended = sorted((run for run in runs if run.state != "running"), key=lambda run: run.id)[-_ENDED_SHOWN:]
        pools.sort(key=lambda row: row.name)
        return Overview(store=self.store.url, pools=pools, runs=alive + ended[::-1], waiting=waiting), more

    def _reading(self, name: str) -> PoolReading | None:
        if name not in self._readings and len(self._readings) < _MOST_READ:
            self._readings[name] = PoolReading(name, self.store)
        return self._readings.get(name)

    def close(self) -> None:
        """Let go of all logs; they are read anew the next time."""
        for reading in self._readings.values():
            reading.close()
        self._readings.clear()


def _unread(store: Store, name: str, *, current: bool) -> PoolRow:
    return PoolRow(
        name=name,
        current=current,
        state="",
        size=store.size(name),
        events=None,
        tokens=None,
        estimated=False,
        cost=None,
    )


def _names(spec: dict[str, object]) -> list[str]:
    agents = spec.get("agents")
    found = [agent.get("name") for agent in agents if isinstance(agent, dict)] if isinstance(agents, list) else []
    return [name for name in found if isinstance(name, str)]
