"""Agreement before an ordinary function of the notebook is called, without any team around it."""

from __future__ import annotations

import inspect
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import EffectError, UserError
from agentpool_jupyter.pool import open_pool
from agentpool_jupyter.pool.votes import PERSON, Gate

from .outside import carry_out
from .perform import answer_of
from .tool import GATE, Tool
from .voters import function_voters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentpool_jupyter.pool import Pool

POOL = "consensus"
"""The pool in which is asked where none is named."""


class Guarded:
    """A function that is called only once others have agreed to the very call; a team may have it as a tool, too."""

    def __init__(
        self, function: Callable[..., Any], gate: Gate, voters: dict[str, Callable[..., Any]], pool: Pool | None
    ) -> None:
        update_wrapper(self, function)
        setattr(self, GATE, (gate, voters))
        self._pool = pool

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Ask, wait, call, and return the result as the log has it.

        Raises EffectError where it was refused, failed or is in doubt, UserError where the arguments are no plain data,
        LogError. Blocks until all is decided: a person agrees in another notebook, or gives up by an interrupt or a
        rollback.
        """
        tool = Tool.of(getattr(self, "__name__", "function"), self)
        bound = inspect.signature(tool.function).bind(*args, **kwargs)
        try:
            arguments = tool.read(msgspec.json.encode(bound.arguments).decode())
        except (TypeError, ValueError) as error:
            message = f"{tool.name} cannot be asked about: {error}"
            raise UserError(message) from None
        pool = self._pool or open_pool(POOL)
        try:
            effect = carry_out(pool, tool, arguments, gate=tool.gate, voters=function_voters(tool.voters))
        finally:
            if self._pool is None:
                pool.close()
        if effect.status != "done":
            message = f"{effect.told}: {answer_of(effect)}"
            raise EffectError(message)
        return getattr(effect.ended, "result", None)


def consensus(
    function: Callable[..., Any],
    *,
    ask: Sequence[str | Callable[..., Any]],
    policy: str = "all",
    pool: Pool | None = None,
    **options: Any,
) -> Guarded:
    """Return a function that asks before it is called: functions of the notebook, and people (``you``).

    ``policy`` is one of :data:`agentpool_jupyter.pool.votes.POLICIES`; ``options`` are the other fields of a gate, such
    as ``need`` (votes), ``within`` (seconds) and ``absent``. Everything is recorded in ``pool`` (default: one of the
    name ``consensus`` in the default store). Raises UserError for a gate that makes no sense.
    """
    voters = {getattr(one, "__name__", repr(one)): one for one in ask if callable(one)}
    names = tuple(getattr(one, "__name__", repr(one)) if callable(one) else one for one in ask)
    strange = [name for name in names if name not in voters and name != PERSON]
    if strange:
        message = f"{strange[0]!r} cannot be asked: give a function, or {PERSON!r} for a person"
        raise UserError(message)
    try:
        gate = msgspec.convert({**options, "ask": names, "policy": policy}, Gate)
        unknown = options.keys() - set(Gate.__struct_fields__)
    except msgspec.ValidationError as error:
        message = f"this gate makes no sense: {error}"
        raise UserError(message) from None
    if unknown:
        message = f"a gate has no {min(unknown)!r}; it has: {', '.join(Gate.__struct_fields__)}"
        raise UserError(message)
    return Guarded(function, gate, voters, pool)


def gate(**options: Any) -> Callable[[Callable[..., Any]], Guarded]:
    """Guard a function by :func:`consensus`; also where a team has it among its tools and names no gate for it."""
    return lambda function: consensus(function, **options)
