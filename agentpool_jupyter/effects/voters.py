"""Voters: functions and models that are asked whether something may be done, and what of their answers is a vote."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .function import run_function
from .masking import masked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from agentpool_jupyter.pool.effects import Effect
    from agentpool_jupyter.pool.events import Usage

HOW_TO_VOTE = (
    'Answer with nothing but one line of JSON: {"accept": true or false, "why": "in one sentence", "confidence": a '
    "number from 0 to 1}."
)
VOTE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "why": {"type": "string", "maxLength": 280},
        "accept": {"type": "boolean"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["why", "accept", "confidence"],
    "additionalProperties": False,
}
"""The JSON schema of a vote, for servers that hold answers to one; its reason comes first, so that it is thought of."""
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_MOST_TOLD = 300  # characters of a reason


class Ballot(NamedTuple):
    """What a voter answers."""

    accept: bool
    why: str = ""
    confidence: float | None = None
    usage: Usage | None = None
    """What a model took for it."""


@dataclass(frozen=True)
class Voter:
    """Somebody who can be asked from here."""

    ask: Callable[[Effect], Awaitable[Ballot]]
    guard: bool = False
    """It is asked before the others: a function, which takes neither tokens nor anybody's attention."""


def function_voter(function: Callable[..., Any]) -> Voter:
    """Return the voter that a function is: ``(effect) -> bool``, or ``(bool, reason)``, plain or async.

    What it raises, and any other answer, is a no.
    """

    async def vote(effect: Effect) -> Ballot:
        try:
            answer = await run_function(function, effect)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it did not agree
            return Ballot(accept=False, why=_told(f"its vote failed: {type(error).__name__}: {error}"))
        match answer:
            case bool():
                return Ballot(answer)
            case (bool() as accept, str() as why):
                return Ballot(accept, _told(why))
            case _:
                return Ballot(accept=False, why=f"answered {type(answer).__name__}, neither True nor False")

    return Voter(vote, guard=True)


def _told(why: str) -> str:
    return str(masked(why))[:_MOST_TOLD]


def function_voters(functions: Mapping[str, Callable[..., Any]]) -> dict[str, Voter]:
    """Return functions as voters, by name."""
    return {name: function_voter(function) for name, function in functions.items()}


def read_ballot(text: str, usage: Usage | None = None) -> Ballot:
    """Return the vote that a model wrote; what is none is a no.

    >>> read_ballot('Sure: {"accept": true, "why": "It is cheap.", "confidence": 0.8}')
    Ballot(accept=True, why='It is cheap.', confidence=0.8, usage=None)
    >>> read_ballot("I approve.")
    Ballot(accept=False, why='answered what is no vote: I approve.', confidence=None, usage=None)
    """
    found = _OBJECT.search(text)
    try:
        said = json.loads(found.group()) if found else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("accept"), bool):
        return Ballot(accept=False, why=f"answered what is no vote: {text.strip()}"[:_MOST_TOLD], usage=usage)
    sure, why = said.get("confidence"), said.get("why")
    confidence = None
    if isinstance(sure, int | float) and not isinstance(sure, bool) and math.isfinite(sure):
        confidence = min(max(float(sure), 0.0), 1.0)
    return Ballot(said["accept"], why[:_MOST_TOLD] if isinstance(why, str) else "", confidence, usage)
