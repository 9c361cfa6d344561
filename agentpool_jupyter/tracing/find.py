"""From a word, such as ``planner#2`` or the id of a run, to what it traces."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool import Position

from .against import Comparison
from .effect import EffectTrace
from .line import Line
from .many import TurnsTrace
from .phrase import PhraseTrace, trace_text
from .turn import Trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool import Document, Pool, Turn


def trace(
    pool: Pool,
    what: str | None = None,
    *,
    text: str | None = None,
    against: str | None = None,
    branch: str | None = None,
    failures: bool = False,
) -> Trace | TurnsTrace | EffectTrace | PhraseTrace | Comparison:
    """Return why a turn (``planner#2``, or its id), an agent, a run, a branch or an effect is as it is.

    Without ``what``, or with the name of a branch, all turns of a line are told. A name is looked up on ``branch``
    (default: the current one) and, where it is not there, on the others. ``failures`` keeps those that went wrong.
    ``text`` is a phrase instead: who brought it in, and how it spread (:class:`.PhraseTrace`).
    ``against`` names another turn, agent, run or branch to stand beside the first (:class:`.Comparison`).
    The log is read once, from its beginning to the end of the line: of a million events that takes some seconds.

    Raises UserError where nothing is meant by it, with what is near, and PositionError for a branch that is not there.
    """
    if text is not None:
        if what is not None or failures:
            message = "a trace is of a phrase (`text`) or of something that has a name, not of both"
            raise UserError(message)
        return trace_text(pool, text, branch=branch)
    found = _named(pool, what, branch, failures=failures)
    if against is None:
        return found
    other = _named(pool, against, branch, failures=failures)
    return Comparison(found, other, names=(what or "the line", against))


def _named(pool: Pool, what: str | None, branch: str | None, *, failures: bool) -> Trace | TurnsTrace | EffectTrace:
    """Return what traces the thing of a name."""
    if what is not None and what in pool.lineage and branch is None:
        what, branch = None, what
    branch = pool.lineage.check(pool.branch if branch is None else branch)
    position = Position(branch, pool.end - 1)
    document = pool.document(position)
    if what is None:
        return _many(pool, document, position, f"branch {branch}", lambda _: True, failures=failures)
    if (turn := document.turn(what)) is not None:
        return Trace(pool, document, Line(pool, position), turn)
    if what in pool.runs:
        record = pool.runs[what]
        position = Position(record.branch, pool.end - 1)
        document = pool.document(position)
        return _many(pool, document, position, f"run {what}", lambda turn: turn.run == what, failures=failures)
    if any(turn.agent == what for turn in document.turns):
        return _many(pool, document, position, f"agent {what}", lambda turn: turn.agent == what, failures=failures)
    effects = [effect for effect in pool.effects.values() if effect.id == what or effect.id.endswith(what)]
    if len(effects) == 1:
        return EffectTrace(pool, effects[0])
    return _elsewhere(pool, document, what, branch)


def _many(
    pool: Pool, document: Document, position: Position, name: str, belongs: Callable[[Turn], bool], *, failures: bool
) -> TurnsTrace:
    return TurnsTrace(pool, document, Line(pool, position), name, belongs, failures=failures)


def _elsewhere(pool: Pool, document: Document, what: str, branch: str) -> Trace:
    """Return the trace of a turn that another branch has; raises UserError where none has, or several have others."""
    found: dict[str, tuple[str, Turn]] = {}
    for other in pool.lineage:
        if other != branch and (turn := pool.document(other).turn(what)) is not None:
            found.setdefault(turn.id, (other, turn))
    if len(found) == 1:
        other, turn = next(iter(found.values()))
        position = Position(other, pool.end - 1)
        return Trace(pool, pool.document(position), Line(pool, position), turn)
    if found:
        where = ", ".join(other for other, _ in found.values())
        message = (
            f"{what!r} is not on branch {branch!r}, and more than one other has it ({where}): name one with --branch"
        )
        raise UserError(message)
    known = [
        *(turn.name for turn in document.turns),
        *{turn.agent for turn in document.turns},
        *pool.runs,
        *pool.lineage,
    ]
    near = difflib.get_close_matches(what, known, n=3, cutoff=0.4) or known[-3:]
    meant = f"; near it: {', '.join(near)}" if near else ": the pool is empty"
    message = f"no turn, agent, run, branch or effect {what!r} in pool {pool.name!r}{meant}"
    raise UserError(message)
