"""MapReduce jobs in a cell: their options, their bar, and what they give for each pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import UserError

from .progress import ProgressBar

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from agentpool_jupyter.pool import Pool

    from .session import Session


class Built(Sequence[Any]):
    """What a job gave, one item for each pool; displays itself, a line each."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = list(items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._items))


def run(
    session: Session,
    job: Callable[..., Sequence[Any]],
    pools: Sequence[Pool],
    what: str,
    arguments: Namespace,
    **more: Any,
) -> Built:
    """Run a job over pools with the engine and the options of a magic's line; the interrupt button stops it."""
    options = engine_options(arguments.option or [])
    with ProgressBar(f"{what} on {arguments.engine}", shown=session.widgets) as bar:
        return Built(job(pools, arguments.engine, options=options, progress=bar.tell, **more))


def all_pools(session: Session, store: str | None) -> list[Pool]:
    """Return all pools of a store, open."""
    from agentpool_jupyter.log import open_store  # noqa: PLC0415 - loading the extension stays quick

    return [session.pool(name, store) for name in open_store(store or session.store).names()]


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
