"""What ``%branch`` does and prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.note import Note
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError

from .rollback import stopped

if TYPE_CHECKING:
    from argparse import Namespace

    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool


def do(session: Session, arguments: Namespace) -> Table | Note:
    """List branches, make one, or move the head to one."""
    pool = session.pool(arguments.pool, arguments.store)
    if arguments.switch:
        if arguments.name is not None:
            message = "%branch --switch takes one branch and no position"
            raise UserError(message)
        pool.switch(arguments.switch)
        return Note(f"the head is on branch {pool.branch!r}{stopped(session, pool)}")
    if arguments.name is None:
        return _branches(pool)
    name = pool.fork(arguments.name, arguments.position)
    return Note(f"made branch {name!r}; `%branch --switch {name}` goes there")


def _branches(pool: Pool) -> Table:
    from agentpool_jupyter.history.graph import leaves  # noqa: PLC0415

    lineage = pool.lineage
    rows = []
    for name in lineage:
        origin = "{} after {}".format(*leaves(lineage, name)) if name in lineage.forks else ""
        mark = "→" if name == lineage.head else ""
        rows.append((mark, name, origin, len(pool.document(name).turns)))
    return Table(("", "branch", "leaves", "turns"), rows)
