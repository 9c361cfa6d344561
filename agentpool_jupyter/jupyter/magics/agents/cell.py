"""A team in a cell: started, shown, and waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.errors import PoolNotFoundError, RunActiveError
from agentpool_jupyter.jupyter.magics.usage import at_most_one

from .dry_run import DryRun
from .sizes import check_options, run_sizes

if TYPE_CHECKING:
    from argparse import Namespace

    from agentpool_jupyter.agents import Run, Team
    from agentpool_jupyter.jupyter.live.show import Show
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.measure.experiment import Experiment
    from agentpool_jupyter.pool import Pool

_CELL_FIRST_LINE = 2  # the magic's own line is the first
_POLL = 0.1  # seconds; short enough for the interrupt button to feel immediate


def run_cell(session: Session, arguments: Namespace, cell: str) -> DryRun | Experiment | None:
    """Start the cell's team, show it, and wait for it unless ``--bg``; with ``--sizes`` run it at several sizes."""
    name = at_most_one(arguments.words, "%%agents takes one pool")
    check_options(arguments)
    team = _team(session, arguments, cell)
    if arguments.dry_run:
        return _dry_run(session, team, name, arguments)
    pool = session.pool(name, arguments.store, create=True)
    session.use(pool.name, arguments.store)
    make_way(session, pool, replace=arguments.replace)
    if arguments.sizes:
        return run_sizes(session, team, pool, arguments)
    session.hold_model(team.spec)
    if arguments.fresh and pool.document().turns:
        pool.clear()
    present(session, team.start(pool), arguments)
    return None


def _team(session: Session, arguments: Namespace, cell: str) -> Team:
    from agentpool_jupyter.agents import Team  # noqa: PLC0415 - loading the extension stays quick
    from agentpool_jupyter.agents.runs.plan import check_team  # noqa: PLC0415

    variables = session.variables

    def warn(message: str) -> None:
        print(printable(f"note: {message}"))  # noqa: T201 - above the run; a Python warning would come once a session

    team = Team.from_yaml(cell, functions=variables, variables=variables, first_line=_CELL_FIRST_LINE, warn=warn)
    if arguments.model:
        team.spec = msgspec.structs.replace(team.spec, model=arguments.model)
    check_team(team.spec, variables)
    return team


def _dry_run(session: Session, team: Team, name: str | None, arguments: Namespace) -> DryRun:
    from agentpool_jupyter.agents.runs.plan import plan  # noqa: PLC0415
    from agentpool_jupyter.pool import Document  # noqa: PLC0415

    try:
        document = session.pool(name, arguments.store).document()
    except PoolNotFoundError:  # a dry run makes nothing
        document = Document()
    return DryRun(plan(team.spec, Document() if arguments.fresh else document), team.spec)


def make_way(session: Session, pool: Pool, *, replace: bool) -> None:
    """Stop this kernel's team in a pool, with ``replace``; raises RunActiveError where one goes on."""
    from agentpool_jupyter.agents.runs.claims import refuse_if_active  # noqa: PLC0415

    mine = [run for run in session.running() if run.pool is pool]
    if mine and not replace:
        message = (
            f"a team still runs in pool {pool.name!r}: wait for it, stop it with `%agents stop {pool.name}`, "
            "start this one "
            "in its place with `%%agents --replace`, or name another pool"
        )
        raise RunActiveError(message)
    session.stop(mine)
    refuse_if_active(pool)  # one of another process, before anything is done to the pool


def present(session: Session, run: Run, arguments: Namespace) -> None:
    """Show a run as the line says, and wait for it unless ``--bg``."""
    if arguments.out:
        session.variables[arguments.out] = run
    show = session.show(run.pool, run.id, run, text=arguments.text, waits=not arguments.bg)
    if arguments.bg:
        return
    _wait(run, show)
    if run.notes:
        print(printable("\n".join(f"recall: {note}" for note in run.notes)))  # noqa: T201 - under the cell's picture


def _wait(run: Run, show: Show) -> None:
    """Wait for a run; the notebook's interrupt button stops it."""
    try:
        while not run.wait(_POLL):
            pass
    except KeyboardInterrupt as interrupt:
        run.stop()
        told = f"KeyboardInterrupt: the team was stopped; pool {run.pool.name!r} has what it said"
        interrupt._render_traceback_ = lambda: [told]  # type: ignore[attr-defined]  # IPython shows this line alone
        raise
    finally:
        show.wait(5)
        show.finish()
