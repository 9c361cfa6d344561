"""A run that nobody shows: what would be shown of it, from its pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.errors import UserError

from .view.view import TeamView

if TYPE_CHECKING:
    from agentpool_jupyter.display.screen import State
    from agentpool_jupyter.pool import Pool


def state_of(pool: Pool, run: str) -> State:
    """Return all there is to show of a run now; raises UserError where the pool has none of that id."""
    record = pool.runs.get(run)
    if record is None:
        message = f"pool {pool.name!r} has no run {run!r}; `%agents list {pool.name}` names those that it has"
        raise UserError(message)
    view = TeamView.before(pool, record)
    for event in pool.events(record.start):
        view.absorb(event)
    view.patch()  # text counts as shown once it is on its way
    return view.kept()
