"""Functions of the notebook, which may do anything: block, raise, exit, never return."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def run_function(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function, plain or async, and return what it returns; belongs to the loop it is awaited on.

    The function has a daemon thread of its own, and an async one a loop of its own in it, so that nothing has to
    wait for it. Cancelling cancels an async one; a plain one cannot be stopped, and its late answer goes nowhere.
    Raises what the function raised, in any case as an Exception.
    """
    work = _FunctionRun(function, arguments)
    # In the run's context, so that what the function prints stands below the cell that started the team.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work.run,), name="agentpool-function", daemon=True).start()
    try:
        return await work.result
    finally:
        work.cancel()


class _FunctionRun:
    def __init__(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
        self._function = function
        self._arguments = arguments
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
            value = self._function(*self._arguments)
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
