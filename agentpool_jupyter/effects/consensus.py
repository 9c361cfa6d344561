"""Agreement before an ordinary function of the notebook is called, without any team around it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import EffectError, UserError
from agentpool_jupyter.pool import open_pool
from agentpool_jupyter.pool.runs import this_owner
from agentpool_jupyter.pool.votes import PERSON, Gate

from .perform import EffectRequest, Performer, answer_of
from .tool import GATE, Tool
from .voters import function_voters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.effects import Effect
    from agentpool_jupyter.pool.events import Event

POOL = "consensus"
"""The pool in which is asked where none is named."""
_GLANCE_SECONDS = 0.1  # between two looks at the log


class Guarded:
    """A function that is called only once others have agreed to the very call; a team may have it as a tool, too."""

    def __init__(
        self, function: Callable[..., Any], gate: Gate, voters: dict[str, Callable[..., Any]], pool: Pool | None
    ) -> None:
        update_wrapper(self, function)
        setattr(self, GATE, (gate, voters))
        self._pool = pool

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Ask, wait, call, and return the result as the log has it.

        Raises EffectError where it was refused, failed or is in doubt, UserError where the arguments are no plain data,
        LogError. Blocks until all is decided: a person agrees in another notebook, or gives up by an interrupt.
        """
        tool = Tool.of(getattr(self, "__name__", "function"), self)
        bound = inspect.signature(tool.function).bind(*args, **kwargs)
        try:
            arguments = tool.read(msgspec.json.encode(bound.arguments).decode())
        except (TypeError, ValueError) as error:
            message = f"{tool.name} cannot be asked about: {error}"
            raise UserError(message) from None
        pool = self._pool or open_pool(POOL)
        try:
            effect = _in_a_thread(partial(self._perform, pool, tool, arguments))
        finally:
            if self._pool is None:
                pool.close()
        if effect.status != "done":
            message = f"{effect.told}: {answer_of(effect)}"
            raise EffectError(message)
        return getattr(effect.ended, "result", None)

    async def _perform(self, pool: Pool, tool: Tool, arguments: dict[str, Any]) -> Effect:
        branch = pool.branch

        async def store(events: Sequence[Event]) -> None:
            await asyncio.to_thread(pool.append, events)

        performer = Performer(
            pool, store, lambda event: pool.append([event]), lambda: asyncio.sleep(_GLANCE_SECONDS), owner=this_owner()
        )
        return await performer.perform(
            EffectRequest(
                tool=tool,
                arguments=arguments,
                key="",
                header=lambda voter="": pool.header(branch, agent=voter or PERSON),
                seen=pool.end,
                gate=tool.gate,
                voters=function_voters(tool.voters),
            )
        )


def consensus(
    function: Callable[..., Any],
    *,
    ask: Sequence[str | Callable[..., Any]],
    policy: str = "all",
    pool: Pool | None = None,
    **options: Any,
) -> Guarded:
    """Return a function that asks before it is called: functions of the notebook, and people (``you``).

    ``policy`` is one of :data:`agentpool_jupyter.pool.votes.POLICIES`; ``options`` are the other fields of a gate, such
    as ``need`` (votes), ``within`` (seconds) and ``absent``. Everything is recorded in ``pool`` (default: one of the
    name ``consensus`` in the default store). Raises UserError for a gate that makes no sense.
    """
    voters = {getattr(one, "__name__", repr(one)): one for one in ask if callable(one)}
    names = tuple(getattr(one, "__name__", repr(one)) if callable(one) else one for one in ask)
    strange = [name for name in names if name not in voters and name != PERSON]
    if strange:
        message = f"{strange[0]!r} cannot be asked: give a function, or {PERSON!r} for a person"
        raise UserError(message)
    try:
        gate = msgspec.convert({**options, "ask": names, "policy": policy}, Gate)
        unknown = options.keys() - set(Gate.__struct_fields__)
    except msgspec.ValidationError as error:
        message = f"this gate makes no sense: {error}"
        raise UserError(message) from None
    if unknown:
        message = f"a gate has no {min(unknown)!r}; it has: {', '.join(Gate.__struct_fields__)}"
        raise UserError(message)
    return Guarded(function, gate, voters, pool)


def gate(**options: Any) -> Callable[[Callable[..., Any]], Guarded]:
    """Guard a function by :func:`consensus`; also where a team has it among its tools and names no gate for it."""
    return lambda function: consensus(function, **options)


def _in_a_thread(work: Callable[[], Any]) -> Any:
    """Run a coroutine to its end beside whatever loop this thread may have; an interrupt cancels it."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work())
    thread = threading.Thread(target=_run, args=(loop, task), name="agentpool-consensus", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_GLANCE_SECONDS)
    except BaseException:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    return task.result()


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    try:
        loop.run_until_complete(asyncio.wait({task}))
    finally:
        loop.close()
