"""What a page's buttons do to the history of a pool: the same as ``%rollback``, ``%branch`` and ``%diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.history import diff
from agentpool_jupyter.history.moves import branch_off, look_back, roll_back
from agentpool_jupyter.jupyter import faults

from .wire import ActOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentpool_jupyter.agents import Run
    from agentpool_jupyter.history import LeftEffect
    from agentpool_jupyter.pool import Pool

    from .wire import ActAt

_MOST_SHOWN = 500_000  # characters of HTML that are sent to a page


def carry_out(pool: Pool, act: ActAt, running: Iterable[Run]) -> ActOutcome:
    """Do what a page asks for, or ask whether it is meant, and return what came of it: an error is one, too."""
    try:
        return _ACTIONS.get(act.action, _unknown)(pool, act, running)
    except Exception as error:  # noqa: BLE001 - the page waits for an answer
        return _outcome(act, faults.told(error), failed=True)


def _roll_back(pool: Pool, act: ActAt, running: Iterable[Run]) -> ActOutcome:
    """Say what would leave, and be asked again; ``sure`` is the answer to that."""
    if not act.sure:
        plan = look_back(pool, act.at)
        return _outcome(act, plan.leaves, effects=plan.effects, html=plan.diff._repr_html_(), asks=True)
    moved = roll_back(pool, act.at, running=running)
    return _outcome(act, moved.told, effects=moved.effects, html=moved.diff._repr_html_())


def _branch(pool: Pool, act: ActAt, running: Iterable[Run]) -> ActOutcome:  # noqa: ARG001 - no team is left by it
    return _outcome(act, branch_off(pool, act.name or None, act.at))


def _compare(pool: Pool, act: ActAt, running: Iterable[Run]) -> ActOutcome:  # noqa: ARG001 - the same
    changes = diff(pool, act.at)
    return _outcome(act, changes.head, html=changes._repr_html_())


def _unknown(pool: Pool, act: ActAt, running: Iterable[Run]) -> ActOutcome:  # noqa: ARG001 - the same
    message = f"this kernel does not know how to {act.action!r}: run `%load_ext agentpool_jupyter` in a new one"
    raise UserError(message)


_ACTIONS: dict[str, Callable[[Pool, ActAt, Iterable[Run]], ActOutcome]] = {
    "rollback": _roll_back,
    "branch": _branch,
    "diff": _compare,
}
"""By the name of the magic that does the same."""


def _outcome(
    act: ActAt,
    told: str,
    *,
    effects: Iterable[LeftEffect] = (),
    html: str = "",
    asks: bool = False,
    failed: bool = False,
) -> ActOutcome:
    if len(html) > _MOST_SHOWN:
        told, html = f"{told} (too long to be shown here: `%diff {act.at}` shows it)", ""
    return ActOutcome(
        view=act.view,
        action=act.action,
        at=act.at,
        told=printable(told),
        effects=[printable(str(effect)) for effect in effects],
        html=html,
        asks=asks,
        failed=failed,
    )
