"""Taking effects back that left the line: each by the function that its tool names for it, newest first.

A saga (Garcia-Molina and Salem, *Sagas*, SIGMOD 1987): what was done cannot be unmade, but there may be something to do
that makes up for it. That is an effect of its own, with the same promises, and it is done once.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.errors import UserError

from .outside import carry_out
from .perform import answer_of
from .tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.effects import Effect

_RESULT = "result"


class Compensation(NamedTuple):
    """What became of taking an effect back."""

    effect: Effect
    undone: bool
    why: str
    """What the function answered, or why there was none."""

    def __str__(self) -> str:
        return f"{self.effect.told}: {'taken back' if self.undone else 'not taken back'} ({self.why})"


def compensate(pool: Pool, effects: Iterable[Effect], functions: Mapping[str, Any]) -> list[Compensation]:
    """Take effects back, newest first, each by the ``undo`` of its tool, and say what became of it.

    What was not done needs nothing; what is in doubt, or has no ``undo`` in ``functions``, is told. One that cannot be
    taken back does not keep the others from it. Raises LogError.
    """
    done = [effect for effect in effects if effect.status in ("done", "in doubt")]
    return [_take_back(pool, effect, functions) for effect in sorted(done, key=_when, reverse=True)]


def _when(effect: Effect) -> int:
    return effect.started.offset if effect.started else -1


def _take_back(pool: Pool, effect: Effect, functions: Mapping[str, Any]) -> Compensation:
    name = effect.proposal.tool
    if effect.status == "in doubt":
        return Compensation(effect, undone=False, why="nobody knows whether it was carried out: look, and take it back")
    function = functions.get(name)
    if not callable(function):
        return Compensation(effect, undone=False, why=f"there is no function {name!r} here")
    undo = Tool.of(name, function).options.undo
    if undo is None:
        return Compensation(effect, undone=False, why=f"{name} names no `undo`")
    try:
        tool = Tool.of(f"undo {name}", undo)
        arguments = _arguments(undo, effect)
    except UserError as error:
        return Compensation(effect, undone=False, why=str(error))
    made = carry_out(pool, tool, arguments, key=f"undo {effect.id}", text=f"takes back {effect.told}")
    return Compensation(effect, undone=made.status == "done", why=answer_of(made))


def _arguments(undo: Callable[..., Any], effect: Effect) -> dict[str, Any]:
    """Return what an ``undo`` gets: the arguments of the effect that it takes, and the result where it takes that."""
    known = {**effect.proposal.arguments, _RESULT: getattr(effect.ended, "result", None)}
    return {name: known[name] for name in inspect.signature(undo).parameters if name in known}
