"""An agent that is a function of the notebook, which may do anything: block, raise, exit, never return."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
import traceback
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.pool.words import CANCELLED, PYTHON, SILENT

from .writer import AttemptWriter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool import Document, Event

    from .writer import RunResources


class PythonAgent:
    """An agent that is a function of the notebook: ``(document) -> str | None``, plain or async."""

    def __init__(self, resources: RunResources, agent: AgentSpec, function: Callable[[Document], Any]) -> None:
        self._resources = resources
        self._agent = agent
        self._function = function
        self.seen = 0
        """One past the last offset that the function was given."""

    async def take_turn(self) -> Event:
        """Take one turn and return the event that ended it; where the function raises, the turn has failed."""
        document = self._resources.live.document.copy()
        self.seen = document.at + 1
        writer = AttemptWriter(self._resources, self._agent.name)
        writer.start(model=f"{PYTHON}{self._agent.python}", seen=self.seen)
        try:
            text = await run_function(self._function, document)
        except asyncio.CancelledError:
            writer.finish(CANCELLED)
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises is its failed turn
            return writer.fail(_describe(error), kind="python")
        if text is not None and not isinstance(text, str):
            return writer.fail(f"returned {type(text).__name__}, not text or None", kind="python")
        writer.add(text or "")
        return writer.finish("stop" if text and text.strip() else SILENT)


async def run_function(function: Callable[[Any], Any], argument: object) -> Any:
    """Call a function, plain or async, and return what it returns; belongs to the loop it is awaited on.

    The function has a daemon thread of its own, and an async one a loop of its own in it, so that nothing has to
    wait for it. Cancelling cancels an async one; a plain one cannot be stopped, and its late answer goes nowhere.
    Raises what the function raised, in any case as an Exception.
    """
    work = _FunctionRun(function, argument)
    # In the run's context, so that what the function prints stands below the cell that started the team.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work.run,), name="agentpool-python-agent", daemon=True).start()
    try:
        return await work.result
    finally:
        work.cancel()


class _FunctionRun:
    def __init__(self, function: Callable[[Any], Any], argument: object) -> None:
        self._function = function
        self._argument = argument
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[Any] = self._loop.create_future()
        self._cancelled = False
        self._awaiting: tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]] | None = None

    def cancel(self) -> None:
        """Cancel what the function awaits, if it does; afterwards nobody wants its answer."""
        self._cancelled = True
        if self._awaiting is not None:
            loop, awaited = self._awaiting
            with contextlib.suppress(RuntimeError):  # its loop is closed: it has returned
                loop.call_soon_threadsafe(awaited.cancel)

    def run(self) -> None:
        """Call the function; runs on its own thread."""
        try:
            value = self._function(self._argument)
            if inspect.isawaitable(value):
                value = asyncio.run(self._wait(value))
        except BaseException as error:  # noqa: BLE001 - carried over to whoever waits
            self._settle(self.result.set_exception, _portable(error))
        else:
            self._settle(self.result.set_result, value)

    async def _wait(self, value: Awaitable[Any]) -> Any:
        awaited = asyncio.ensure_future(value)
        self._awaiting = (asyncio.get_running_loop(), awaited)
        if self._cancelled:
            awaited.cancel()
        return await awaited

    def _settle(self, setter: Callable[[Any], None], value: object) -> None:
        def settle() -> None:
            if not self.result.done():
                setter(value)

        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(settle)


def _portable(error: BaseException) -> Exception:
    """Return an exception that a future can hold: SystemExit and StopIteration of a function are its failure."""
    return error if isinstance(error, Exception) and not isinstance(error, StopIteration) else RuntimeError(repr(error))


def _describe(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
