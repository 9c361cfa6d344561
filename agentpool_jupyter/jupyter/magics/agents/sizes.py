"""A team in a cell at several sizes: ``%%agents --sizes 1,2,4,8 --repeat 5``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.jupyter.magics.jobs import bar_in_cell

if TYPE_CHECKING:
    from argparse import Namespace

    from agentpool_jupyter.agents import Team
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.measure.experiment import Experiment
    from agentpool_jupyter.pool import Pool

_ALONE = ("repeat", "ways", "tasks", "tokens")  # options that mean nothing without --sizes


def check_options(arguments: Namespace) -> None:
    """Raise UserError for an option that goes with ``--sizes`` alone, and for one that does not go with it."""
    if not arguments.sizes:
        lost = next((name for name in _ALONE if getattr(arguments, name) is not None), None)
        if lost:
            message = f"--{lost} is for a team at several sizes: add --sizes 1,2,4,8"
            raise UserError(message)
    elif arguments.bg or arguments.fresh:
        message = (
            f"--{'bg' if arguments.bg else 'fresh'} does not go with --sizes, whose runs have branches of their own"
        )
        raise UserError(message)


def run_sizes(session: Session, team: Team, pool: Pool, arguments: Namespace) -> Experiment:
    """Run the cell's team at several sizes, with a bar, and return what was found."""
    from agentpool_jupyter.measure.experiment import experiment  # noqa: PLC0415 - loading the extension stays quick

    how: dict[str, Any] = {"sizes": _numbers(arguments.sizes), "tokens": arguments.tokens}
    if arguments.repeat is not None:
        how["repeats"] = arguments.repeat
    if arguments.ways:
        how["ways"] = [word.strip() for word in arguments.ways.split(",") if word.strip()]
    if arguments.tasks:
        how["tasks"] = _tasks(session, arguments.tasks)
    try:
        with bar_in_cell(f"experiment in {pool.name}", widgets=session.widgets) as bar:
            found = experiment(team, pool, progress=bar.tell, **how)
    except KeyboardInterrupt as interrupt:
        told = f"KeyboardInterrupt: the experiment was stopped; pool {pool.name!r} has its rows, and the cell goes on"
        interrupt._render_traceback_ = lambda: [told]  # type: ignore[attr-defined]  # IPython shows this line alone
        raise
    if arguments.out:
        session.variables[arguments.out] = found
    return found


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",") if word.strip()]
    except ValueError:
        message = f"--sizes {text}: write numbers with commas between them, as in --sizes 1,2,4,8"
        raise UserError(message) from None


def _tasks(session: Session, name: str) -> Any:
    if name not in session.variables:
        message = f"--tasks {name}: there is no variable of that name; it has to be a list of ap.Task(…)"
        raise UserError(message)
    return session.variables[name]
