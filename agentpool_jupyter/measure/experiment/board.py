"""Who does which task: boards, which are Python agents that tell workers what to do and check what they did.

A worker hears of its task from a board, and the board hears when the worker has finished a turn: that is how any team
works through a list, with the same rules by which agents speak anyhow. The ways of coordination differ in what the
boards say:

===========  ==================================================================================================
``alone``    one worker, one task at a time
``dealt``    each worker has a board with tasks of its own, dealt out beforehand in turn
``chosen``   each worker's board claims the next task that is free; which of two gets it, the log decides
``pool``     one board tells everyone what is left; nobody is told what to take, and everyone hears everyone
===========  ==================================================================================================
"""

from __future__ import annotations

import inspect
import random
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from agentpool_jupyter.effects.masking import masked
from agentpool_jupyter.pool.events import Claim
from agentpool_jupyter.pool.runs import this_owner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from agentpool_jupyter.agents import Run
    from agentpool_jupyter.pool import Document, Pool

    from .tasks import Task

Way = Literal["alone", "dealt", "chosen", "pool"]
WAYS: tuple[Way, ...] = get_args(Way)
_DAY = 86_400.0  # a task stays claimed for as long as any run lasts


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a worker that is a function is told: ``(document, assignment) -> str | None``."""

    task: Task
    agent: str
    """The worker."""
    size: int
    """How many workers there are."""
    attempt: int
    """From 1."""


class TaskList:
    """The tasks of one run: who has which, and what is done. Threads may share it.

    What it says is in the log as well: tasks that were claimed as claims, what was given and found done as the boards'
    words. It is a memory of one process, as a run that breaks off is no measurement and is taken again.
    """

    def __init__(self, tasks: Sequence[Task], way: Way, workers: Sequence[str], attempts: int, seed: str) -> None:
        self.tasks = {task.name: task for task in tasks}
        self.workers = list(workers)
        self.run: Future[Run] = Future()
        """The run, once it is started."""
        self.done: dict[str, str] = {}
        """The tasks that are done, each with what its worker said."""
        self.given_up: set[str] = set()
        self._way = way
        self._attempts = attempts
        self._depend = any(task.needs for task in tasks)
        self._random = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self._holders = {task.name: workers[i % len(workers)] for i, task in enumerate(tasks)} if way == "dealt" else {}
        self._held: dict[str, str] = {}  # by worker, the task that it is at
        self._heard: dict[str, int] = dict.fromkeys(workers, 0)  # the finished turns of each that were judged
        self._tried: dict[str, int] = dict.fromkeys(self.tasks, 0)
        self._changed = threading.Condition(threading.RLock())
        self._closed = False

    def settled(self, _document: object = None) -> bool:
        """Return whether every task is done or given up: the goal of the run."""
        return len(self.done) + len(self.given_up) == len(self.tasks)

    def close(self) -> None:
        """Let go of boards that wait for others; the run has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def assignment(self, worker: str) -> Assignment | None:
        """Return what a worker is to do now; in a shared pool any task that is left, as nobody says which."""
        with self._changed:
            if self._way == "pool":
                ready = [task.name for task in self._ready()]
                name = self._random.choice(ready) if ready else None
            else:
                name = self._held.get(worker)
            if name is None:
                return None
            number = self._tried[name] + 1
            return Assignment(task=self.tasks[name], agent=worker, size=len(self.workers), attempt=number)

    def board_of(self, worker: str) -> Callable[[Document], str | None]:
        """Return the board that tells one worker what to do; it says nothing where there is nothing to do."""

        def board(document: Document) -> str | None:
            said = {one: _finished(document, one) for one in self.workers}
            held, told = self._held.get(worker), list[str]()
            if held is not None:
                if len(said[worker]) == self._heard[worker]:
                    return None  # it is at it
                problem = self.tasks[held].problem(document)  # which may take its time: others go on meanwhile
                told.append(self._judge(worker, held, said[worker], problem))
            with self._changed:
                if worker in self._held:
                    return told[0]
                # What others have just finished may be what its next task needs: their own boards judge that.
                self._changed.wait_for(lambda: self._closed or self._free(worker) or not self._pending(said))
                task = next((one for one in self._free(worker) if self._gets(one, worker)), None)
                if task is None:
                    return None
                self._held[worker], self._heard[worker] = task.name, len(said[worker])
                return "\n".join([*told, *self._given(task)])

        return board

    def _pending(self, said: Mapping[str, Sequence[str]]) -> bool:
        return self._depend and any(len(said[worker]) > self._heard[worker] for worker in self._held)

    def common_board(self, document: Document) -> str | None:
        """Tell everyone what is left."""
        done = [task.name for task in self._ready() if not task.problem(document)]
        with self._changed:
            self.done |= dict.fromkeys(done, "")
            left = [line for task in self._ready() for line in self._given(task)]
        return "\n".join(["Left to do:", *left]) if left else None

    def _judge(self, worker: str, name: str, said: Sequence[str], problem: str) -> str:
        """Take in what a check says of a task that its worker has finished a turn on, and return what is said of it."""
        with self._changed:
            self._tried[name] += 1
            self._heard[worker] = len(said)
            self._changed.notify_all()
            if problem and self._tried[name] < self._attempts:
                return f"{name} is not done: {problem}\nDo it again."
            del self._held[worker]
            if problem:
                self.given_up |= {name, *self._behind(name)}
                return f"{name} is given up: {problem}"
            self.done[name] = said[-1]
            return f"{name} is done."

    def _behind(self, name: str) -> Iterator[str]:
        """Yield the tasks that cannot be done without one."""
        for task in self.tasks.values():
            if name in task.needs:
                yield task.name
                yield from self._behind(task.name)

    def _ready(self) -> list[Task]:
        """Return the tasks that are left and could be done now."""
        closed = self.done.keys() | self.given_up
        return [one for one in self.tasks.values() if one.name not in closed and self.done.keys() >= set(one.needs)]

    def _free(self, worker: str) -> list[Task]:
        """Return those of them that a worker could take."""
        held = set(self._held.values())
        return [one for one in self._ready() if one.name not in held and self._holders.get(one.name, worker) == worker]

    def _gets(self, task: Task, worker: str) -> bool:
        """Return whether a worker has a task that it could take: where it is to be claimed, the log says."""
        if self._way != "chosen":
            return True
        run = self.run.result()
        return claim_task(run.pool, run.branch, run.id, task.name, worker)

    def _given(self, task: Task) -> Iterator[str]:
        yield f"Task {task.told}"
        yield from (f"{need} gave: {self.done[need]}" for need in task.needs if self.done[need])


def claim_task(pool: Pool, branch: str, run: str, task: str, worker: str) -> bool:
    """Claim a task of a run for a worker, and return whether the log has it so: the first has it, and no other."""
    place = f"task {task}"
    header = pool.header(branch, run, place)
    claim = Claim(**header, owner=f"{worker} in {this_owner()}", epoch=1, lease=_DAY, fencing=True)
    pool.append([claim])
    held = pool.runs.claims.holding(run, place)
    return held is not None and held.claim.id == claim.id


def _finished(document: Document, agent: str) -> list[str]:
    """Return what an agent said in its finished turns."""
    return [turn.text for turn in document.turns if turn.agent == agent and turn.status == "finished"]


def worker_function(
    function: Callable[..., Any], tasks: TaskList, worker: str
) -> Callable[[Document], Awaitable[str | None]]:
    """Return a Python worker's function as a team calls it: it is told its assignment where it takes one.

    What it raises is an attempt that failed, and what it returns, or that it does not, is news to its board.
    """
    takes = len([one for one in inspect.signature(function).parameters.values() if one.default is one.empty])

    async def work(document: Document) -> str | None:
        assignment = tasks.assignment(worker)
        if assignment is None:
            return None
        try:
            value = function(document, assignment) if takes > 1 else function(document)
            value = await value if inspect.isawaitable(value) else value
        except Exception as error:  # noqa: BLE001 - whatever it raises, its board is to hear of it
            return str(masked(f"{assignment.task.name} raised {type(error).__name__}: {error}"))
        return value or f"{assignment.task.name}: worked on"

    return work
