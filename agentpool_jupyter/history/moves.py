"""Going back to a position, and branches: what that does or would do to the document, and what it cannot undo.

The magics say it in a cell, and the buttons of a shown run in the page: both are this.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.display.note import Note, answer_html
from agentpool_jupyter.effects import compensate
from agentpool_jupyter.errors import RunFailedError

from .diff import Diff, diff
from .effects import left_after

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agentpool_jupyter.agents import Run
    from agentpool_jupyter.pool import Pool

    from .effects import LeftEffect

_PATIENCE = 10.0  # seconds for a team's streams to stop
WARNING = "not undone, because it happened outside the pool:"


class Moved:
    """What a move of the head did, or would do, to the document, and what it cannot undo; displays itself."""

    def __init__(
        self, pool: Pool, told: str, changes: Diff, effects: Sequence[LeftEffect] = (), *, leaves: str = ""
    ) -> None:
        self.branch = pool.branch
        self.told = told
        self.leaves = leaves
        """What would leave the document, in words; empty where something was done."""
        self.diff = changes
        self.effects = list(effects)

    def __repr__(self) -> str:
        effects = [WARNING, *(f"    {effect}" for effect in self.effects)] if self.effects else []
        return printable("\n\n".join([self.told, repr(self.diff), *(["\n".join(effects)] if effects else [])]))

    def _repr_html_(self) -> str:
        effects = [str(effect) for effect in self.effects]
        return answer_html(self.told, WARNING, effects) + self.diff._repr_html_()


def look_back(pool: Pool, to: str) -> Moved:
    """Return what a rollback to a position would do, and change nothing; raises PositionError."""
    there = pool.position(to)
    events, effects = left_after(pool, there)
    changes = Diff(pool.document(), pool.document(there), names=("now", to))
    leaves = _leaves(pool, changes, events)
    return Moved(pool, f"dry run: nothing was changed; {leaves}", changes, effects, leaves=leaves)


def roll_back(pool: Pool, to: str, *, running: Iterable[Run] = (), take_back: Mapping[str, Any] | None = None) -> Moved:
    """Go back to a position, on a new branch, and return what that did; raises PositionError.

    ``running`` are the runs of this process: the team that is left is waited for. With ``take_back``, the functions
    that tools are, what tools did is taken back where they have ``undo``.
    """
    left, there = pool.branch, pool.position(to)
    _, effects = left_after(pool, there)
    branch = pool.rollback(there)
    told = f"rolled back: the head is on the new branch {branch!r}{stopped(pool, running)}; "
    told += "%rollback --undo takes it back"
    if take_back is not None:
        effects, taken_back = _compensated(pool, effects, take_back)
        told += "".join(f"\n{one}" for one in taken_back)
    # Read after the streams have stopped: with all that the team still said on the line that was left.
    return Moved(pool, told, Diff(pool.document(left), pool.document(there), names=(left, to)), effects)


def undo(pool: Pool, *, running: Iterable[Run] = (), dry_run: bool = False) -> Moved:
    """Take the last move of the head back, or say what that would do; raises PositionError where there was none."""
    left = pool.branch
    if dry_run and pool.lineage.last_move is not None:
        branch = pool.lineage.head_before
        told = f"dry run: nothing was changed; the head would be on branch {branch!r} again"
    else:
        branch = pool.undo()
        told = f"undone: the head is on branch {branch!r} again{stopped(pool, running)}"
    return Moved(pool, told, diff(pool, left, branch))


def branch_off(pool: Pool, name: str | None, at: str | None) -> Note:
    """Make a branch that leaves after a position (default: now), and return what to say of it.

    Without a name it is given one. Raises PositionError, and UserError where the name is taken.
    """
    name = pool.fork(name, at)
    return Note(f"made branch {name!r}; `%branch --switch {name}` goes there")


def stopped(pool: Pool, running: Iterable[Run]) -> str:
    """Wait for this process's team to notice that the head has moved, and return what to say of it."""
    runs = [run for run in running if run.pool is pool and run.branch != pool.branch]
    for run in runs:
        with suppress(RunFailedError):  # what the run failed of is told where the run is shown
            run.wait(_PATIENCE)
    return "; the team was stopped, %agents resume goes on with it from here" if runs else ""


def _leaves(pool: Pool, changes: Diff, events: int) -> str:
    counts = changes.counts
    parts = [
        _counted(counts["removed"], "turn"),
        f"parts of {_counted(counts['changed'], 'turn')}" if counts["changed"] else "",
        _counted(events, "event"),
    ]
    *most, last = [part for part in parts if part] or ["nothing"]
    what = f"{', '.join(most)} and {last}" if most else last
    told = f"{what} would leave the document" + (f", and stay readable on branch {pool.branch!r}" if events else "")
    alive = [run for run in pool.runs.alive() if run.branch == pool.branch]
    return told + "".join(f"; the team at work (run {run.id}) would be stopped" for run in alive)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number > 1)}" if number else ""


def _compensated(
    pool: Pool, effects: Sequence[LeftEffect], functions: Mapping[str, Any]
) -> tuple[list[LeftEffect], list[str]]:
    """Take back what can be, and return what could not be, and what to say of the rest."""
    tools = [pool.effects[one.id] for one in effects if one.id]
    made = {one.effect.id: one for one in compensate(pool, tools, functions)}
    left = [one for one in effects if one.id not in made]
    left += [replace(one, what=f"{made[one.id]}") for one in effects if one.id in made and not made[one.id].undone]
    return left, [str(one) for one in made.values() if one.undone]
