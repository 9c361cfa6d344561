"""Tasks: pieces of work that depend on one another, each with a check that says whether it is done."""

from __future__ import annotations

import asyncio
import inspect
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.effects.masking import masked
from agentpool_jupyter.effects.programs import run_program
from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.pool import Document


_MOST_SAID = 2_000  # characters of why a task is not done


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work."""

    name: str
    check: Callable[[Any], Any] | str
    """What says whether it is done: a function ``(document) -> bool``, plain or async, or a command over the team's
    files, such as ``pytest -q test_oven.py``, whose exit status 0 says so. One that raises says that it is not."""
    text: str = ""
    """What is to be done, as agents are told."""
    needs: tuple[str, ...] = ()
    """The names of tasks that have to be done before."""

    @property
    def told(self) -> str:
        """The task as agents are told."""
        return f"{self.name}: {self.text}" if self.text else self.name

    def problem(self, document: Document) -> str:
        """Return why it is not done, by its check; empty where it is. Takes as long as the check.

        Without secrets of the environment; of a long output its end.
        """
        told: str = masked(self._problem(document))
        return told if len(told) <= _MOST_SAID else f"…{told[-_MOST_SAID:]}"

    def _problem(self, document: Document) -> str:
        try:
            if isinstance(self.check, str):
                return self._ran(document)
            value = self.check(document)
            if inspect.isawaitable(value):
                value = asyncio.run(_awaited(value))
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises says that it is not done
            return f"{type(error).__name__}: {error}"
        return "" if value else "its check does not hold"

    def _ran(self, document: Document) -> str:
        program, *arguments = shlex.split(str(self.check))
        ended = asyncio.run(run_program(document.files, program, arguments))
        return "" if ended.status == 0 else ended.killed or ended.output.strip() or f"exit status {ended.status}"


async def _awaited(value: Any) -> Any:
    return await value


def tasks_of(given: Iterable[Task | Mapping[str, Any]]) -> tuple[Task, ...]:
    """Return tasks in an order in which they can be done, which is theirs as far as it can be.

    Raises UserError for what is no task, two of one name, and needs that there are not or that go in a circle.
    """
    tasks = [one if isinstance(one, Task) else _task(one) for one in given]
    names = [task.name for task in tasks]
    for task in tasks:
        if names.count(task.name) > 1:
            message = f"two tasks are named {task.name!r}: rename one of them"
            raise UserError(message)
        if missing := [need for need in task.needs if need not in names]:
            message = f"task {task.name!r} needs {missing[0]!r}, and there is no such task: {', '.join(names)}"
            raise UserError(message)
    return _in_order(tasks)


def _task(given: Any) -> Task:
    if not isinstance(given, Mapping) or not given.get("name") or not isinstance(given["name"], str):
        message = f"{given!r:.60} is no task: write ap.Task(name=…, check=…), or the same as a dict"
        raise UserError(message)
    name = given["name"]
    if unknown := given.keys() - set(Task.__struct_fields__):
        message = f"task {name!r} has an unknown {min(unknown)!r}; there are {', '.join(Task.__struct_fields__)}"
        raise UserError(message)
    check, needs = given.get("check"), given.get("needs", ())
    if not callable(check) and not (isinstance(check, str) and check.strip()):
        message = f"task {name!r} has no check: give a function of the document, or a command over the team's files"
        raise UserError(message)
    return Task(
        name=name, check=check, text=given.get("text", ""), needs=(needs,) if isinstance(needs, str) else tuple(needs)
    )


def _in_order(tasks: Sequence[Task]) -> tuple[Task, ...]:
    left, done = list(tasks), dict[str, Task]()
    while left:
        ready = next((task for task in left if done.keys() >= set(task.needs)), None)
        if ready is None:
            message = f"the needs of {', '.join(task.name for task in left)} go in a circle: none can be the first"
            raise UserError(message)
        left.remove(ready)
        done[ready.name] = ready
    return tuple(done.values())
