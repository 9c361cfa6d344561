"""Effects outside of any run: of a function that is called by itself, of a person, of a rollback."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.pool.runs import this_owner
from agentpool_jupyter.pool.votes import PERSON

from .perform import EffectRequest, Performer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.effects import Effect
    from agentpool_jupyter.pool.events import Event
    from agentpool_jupyter.pool.votes import Gate

    from .tool import Tool
    from .voters import Voter

_GLANCE_SECONDS = 0.1  # between two looks at the log


def carry_out(
    pool: Pool,
    tool: Tool,
    arguments: dict[str, Any],
    *,
    key: str = "",
    text: str = "",
    gate: Gate | None = None,
    voters: Mapping[str, Voter] | None = None,
) -> Effect:
    """Propose an effect on the pool's current branch, have it decided, carry it out, and return it.

    Blocks until that is done; an interrupt leaves it as it is. With a ``key`` it is done once, however often this is
    asked for. Raises LogError.
    """
    branch = pool.branch

    async def store(events: Sequence[Event]) -> None:
        await asyncio.to_thread(pool.append, events)

    async def work() -> Effect:
        performer = Performer(
            pool, store, lambda event: pool.append([event]), lambda: asyncio.sleep(_GLANCE_SECONDS), owner=this_owner()
        )
        return await performer.perform(
            EffectRequest(
                tool=tool,
                arguments=arguments,
                key=key,
                text=text,
                header=lambda voter="": pool.header(branch, agent=voter or PERSON),
                seen=pool.end,
                gate=gate,
                voters=voters or {},
            )
        )

    return _in_a_thread(work)


def _in_a_thread(work: Callable[[], Coroutine[Any, Any, Effect]]) -> Effect:
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


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Effect]) -> None:
    try:
        loop.run_until_complete(asyncio.wait({task}))
    finally:
        loop.close()
