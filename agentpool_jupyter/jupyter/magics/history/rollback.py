"""What ``%rollback`` and ``%branch`` do: both move the head, as :mod:`agentpool_jupyter.history.moves` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.note import Note
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from argparse import Namespace

    from agentpool_jupyter.history.moves import Moved
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool


def rollback(session: Session, arguments: Namespace) -> Moved:
    """Go back to a position, or take the last move of the head back."""
    from agentpool_jupyter.history import moves  # noqa: PLC0415 - loading stays quick

    pool, running = session.pool(arguments.pool, arguments.store), session.running()
    if arguments.undo:
        if arguments.position is not None:
            message = "%rollback --undo takes no position: it goes back to where the head was"
            raise UserError(message)
        return moves.undo(pool, running=running, dry_run=arguments.dry_run)
    if arguments.position is None:
        message = "%rollback needs a position, such as planner#2, -3, 120, 14:05 or a branch; or --undo"
        raise UserError(message)
    if arguments.dry_run:
        return moves.look_back(pool, arguments.position)
    take_back = session.variables if arguments.compensate else None
    return moves.roll_back(pool, arguments.position, running=running, take_back=take_back)


def branch(session: Session, arguments: Namespace) -> Table | Note:
    """List branches, make one, or move the head to one."""
    from agentpool_jupyter.history import moves  # noqa: PLC0415 - loading stays quick

    pool = session.pool(arguments.pool, arguments.store)
    if arguments.switch:
        if arguments.name is not None:
            message = "%branch --switch takes one branch and no position"
            raise UserError(message)
        pool.switch(arguments.switch)
        return Note(f"the head is on branch {pool.branch!r}{moves.stopped(pool, session.running())}")
    if arguments.name is None:
        return _branches(pool)
    return moves.branch_off(pool, arguments.name, arguments.position)


def _branches(pool: Pool) -> Table:
    from agentpool_jupyter.history.graph import leaves  # noqa: PLC0415

    lineage = pool.lineage
    rows = []
    for name, turns in pool.lengths().items():
        origin = "{} after {}".format(*leaves(lineage, name)) if name in lineage.forks else ""
        mark = "→" if name == lineage.head else ""
        rows.append((mark, name, origin, turns))
    return Table(("", "branch", "leaves", "turns"), rows)
