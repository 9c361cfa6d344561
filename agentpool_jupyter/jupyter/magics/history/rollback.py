"""What ``%rollback`` and ``%branch`` do and print: both move the head."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.display.note import Note, answer_html
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import RunFailedError, UserError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from agentpool_jupyter.history import Diff, LeftEffect
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool

_PATIENCE = 10.0  # seconds for a team's streams to stop
_WARNING = "not undone, because it happened outside the pool:"


def rollback(session: Session, arguments: Namespace) -> Moved:
    """Go back to a position, or take the last move of the head back."""
    from agentpool_jupyter.history import Diff, effects_after  # noqa: PLC0415 - loading stays quick

    pool = session.pool(arguments.pool, arguments.store)
    if arguments.undo:
        if arguments.position is not None:
            message = "%rollback --undo takes no position: it goes back to where the head was"
            raise UserError(message)
        return _undo(session, pool, dry_run=arguments.dry_run)
    if arguments.position is None:
        message = "%rollback needs a position, such as planner#2, -3, 120, 14:05 or a branch; or --undo"
        raise UserError(message)
    left, there = pool.branch, pool.position(arguments.position)
    effects = effects_after(pool, there)
    if arguments.dry_run:
        told = "dry run: nothing was changed; this is what would leave the document"
    else:
        branch = pool.rollback(there)
        told = f"rolled back: the head is on the new branch {branch!r}{_stopped(session, pool)}; "
        told += "%rollback --undo takes it back"
        if arguments.compensate:
            effects, taken_back = _compensated(session, pool, effects)
            told += "".join(f"\n{one}" for one in taken_back)
    # Read after the streams have stopped: with all that the team still said on the line that was left.
    names = ("now" if arguments.dry_run else left, arguments.position)
    changes = Diff(pool.document(left), pool.document(there), names=names)
    return Moved(pool, told, changes, effects)


def _compensated(session: Session, pool: Pool, effects: Sequence[LeftEffect]) -> tuple[list[LeftEffect], list[str]]:
    """Take back what can be, and return what could not be, and what to say of the rest."""
    from agentpool_jupyter.effects import compensate  # noqa: PLC0415

    tools = [pool.effects[one.id] for one in effects if one.id]
    made = {one.effect.id: one for one in compensate(pool, tools, session.variables)}
    left = [one for one in effects if one.id not in made]
    left += [replace(one, what=f"{made[one.id]}") for one in effects if one.id in made and not made[one.id].undone]
    return left, [str(one) for one in made.values() if one.undone]


def _undo(session: Session, pool: Pool, *, dry_run: bool) -> Moved:
    from agentpool_jupyter.history import diff  # noqa: PLC0415

    left = pool.branch
    if dry_run and pool.lineage.last_move is not None:
        branch = pool.lineage.head_before
        told = f"dry run: nothing was changed; the head would be on branch {branch!r} again"
    else:
        branch = pool.undo()
        told = f"undone: the head is on branch {branch!r} again{_stopped(session, pool)}"
    return Moved(pool, told, diff(pool, left, branch), [])


def branch(session: Session, arguments: Namespace) -> Table | Note:
    """List branches, make one, or move the head to one."""
    pool = session.pool(arguments.pool, arguments.store)
    if arguments.switch:
        if arguments.name is not None:
            message = "%branch --switch takes one branch and no position"
            raise UserError(message)
        pool.switch(arguments.switch)
        return Note(f"the head is on branch {pool.branch!r}{_stopped(session, pool)}")
    if arguments.name is None:
        return _branches(pool)
    name = pool.fork(arguments.name, arguments.position)
    return Note(f"made branch {name!r}; `%branch --switch {name}` goes there")


def _branches(pool: Pool) -> Table:
    from agentpool_jupyter.history.graph import leaves  # noqa: PLC0415

    lineage = pool.lineage
    rows = []
    for name, turns in pool.lengths().items():
        origin = "{} after {}".format(*leaves(lineage, name)) if name in lineage.forks else ""
        mark = "→" if name == lineage.head else ""
        rows.append((mark, name, origin, turns))
    return Table(("", "branch", "leaves", "turns"), rows)


def _stopped(session: Session, pool: Pool) -> str:
    """Wait for this kernel's team to notice that the head has moved, and return what to say of it."""
    runs = [run for run in session.running() if run.pool is pool and run.branch != pool.branch]
    for run in runs:
        with suppress(RunFailedError):  # what the run failed of is told where the run is shown
            run.wait(_PATIENCE)
    return "; the team was stopped, %agents resume goes on with it from here" if runs else ""


class Moved:
    """What a move of the head did, or would do, to the document, and what it cannot undo; displays itself."""

    def __init__(self, pool: Pool, told: str, changes: Diff, effects: Sequence[LeftEffect]) -> None:
        self.branch = pool.branch
        self.told = told
        self.diff = changes
        self.effects = list(effects)

    def __repr__(self) -> str:
        effects = [_WARNING, *(f"    {effect}" for effect in self.effects)] if self.effects else []
        return printable("\n\n".join([self.told, repr(self.diff), *(["\n".join(effects)] if effects else [])]))

    def _repr_html_(self) -> str:
        effects = [str(effect) for effect in self.effects]
        return answer_html(self.told, _WARNING, effects) + self.diff._repr_html_()
