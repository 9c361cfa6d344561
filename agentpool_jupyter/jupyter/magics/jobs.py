"""MapReduce jobs in a cell: their options, their bar, and what they give for each pool."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.display.progress import ProgressBar
from agentpool_jupyter.errors import LogError, UserError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence

    from agentpool_jupyter.jobs import Progress
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool

_TOGETHER = 64  # pools of which one job takes care, and which are open at a time


class PoolResults(list[Any]):
    """What a job gave, one item for each pool; displays itself, a line each."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))


def run(
    session: Session,
    job: Callable[..., Sequence[Any]],
    pools: Sequence[Pool],
    what: str,
    arguments: Namespace,
    **more: Any,
) -> PoolResults:
    """Run a job over pools with the engine and the options of a magic's line; the interrupt button stops it."""
    options = engine_options(arguments.option or [])
    with bar_in_cell(f"{what} on {arguments.engine}", widgets=session.widgets) as bar:

        def tell(now: Progress) -> None:
            bar.tell(now.share, now.note)

        return PoolResults(job(pools, arguments.engine, options=options, progress=tell, **more))


def bar_in_cell(title: str, *, widgets: bool) -> ProgressBar:
    """Return a bar that a notebook draws again and again in one place, and that a terminal says in lines."""
    from IPython.display import display  # noqa: PLC0415 - only where a bar is shown

    return ProgressBar(title, (lambda bar: display(bar, display_id=True).update) if widgets else None)


class PassedOver(NamedTuple):
    """A pool that cannot be read; displays itself."""

    pool: str
    problem: Exception

    def __repr__(self) -> str:
        return printable(f"pool {self.pool!r} was passed over: {self.problem}")


def run_over_all(
    session: Session, job: Callable[..., Sequence[Any]], what: str, arguments: Namespace, **more: Any
) -> PoolResults:
    """Run a job over all pools of a store; those that cannot be read are told after what the others gave."""
    built: list[Any] = []
    bad: list[Any] = []
    for pools, passed_over in all_pools(session, arguments.store):
        bad += passed_over
        try:
            built += run(session, job, pools, what, arguments, **more)
        except LogError:
            damaged = [PassedOver(pool.name, problem) for pool in pools if (problem := _damage(pool))]
            if not damaged:
                raise
            names = {one.pool for one in damaged}
            built += run(session, job, [pool for pool in pools if pool.name not in names], what, arguments, **more)
            bad += damaged
    return PoolResults([*built, *bad])


def all_pools(session: Session, store: str | None) -> Iterator[tuple[list[Pool], list[PassedOver]]]:
    """Yield the pools of a store, open, and those that cannot be opened, some of them at a time.

    Closes those that were not open before when it is asked for the next ones: an open pool takes several files.
    """
    names = session.open_store(store).names()
    for first in range(0, len(names), _TOGETHER):
        pools, passed_over = [], []
        with ExitStack() as stack:
            for name in names[first : first + _TOGETHER]:
                was_open = session.has_open(name, store)
                try:
                    pool = session.pool(name, store)
                except (LogError, UserError, OSError) as error:
                    passed_over.append(PassedOver(name, error))
                    continue
                pools.append(pool)
                if not was_open:
                    stack.callback(session.forget, pool)
            yield pools, passed_over


def _damage(pool: Pool) -> LogError | None:
    """Read all of a pool, and return what is wrong with it."""
    try:
        for _ in pool.log.read():
            pass
    except LogError as error:
        return error
    return None


def engine_options(given: Sequence[str]) -> dict[str, str]:
    """Return the options that ``-O NAME=VALUE`` gives; raises UserError."""
    options = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals:
            message = f"-O {word}: write NAME=VALUE, as in -O num_cores=2 or -O spark_master=spark://host:7077"
            raise UserError(message)
        options[name] = value
    return options
