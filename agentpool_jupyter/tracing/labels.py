"""Labels: what a person says of a turn, such as how it failed where no measure can tell. Each is an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.events import Label
from agentpool_jupyter.pool.votes import PERSON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentpool_jupyter.pool import Pool

FAILURE_MODES = (
    "disobeys task",
    "disobeys role",
    "step repetition",
    "loss of history",
    "unaware of termination",
    "conversation reset",
    "fails to clarify",
    "task derailment",
    "withholds information",
    "ignores input",
    "reasoning-action mismatch",
    "premature termination",
    "no verification",
    "incorrect verification",
)
"""The failure modes of Cemri et al., *Why do multi-agent LLM systems fail?* (2025, arXiv:2503.13657), in its order.
Some are measured, too (:mod:`agentpool_jupyter.agents.runs.drift`); a label may also be any other short text."""
_LONGEST = 80  # characters of a label


def label(
    pool: Pool,
    turn: str,
    label: str,
    text: str = "",
    *,
    branch: str | None = None,
    agent: str = PERSON,
    withdraw: bool = False,
) -> Label:
    """Say of a turn (``planner#2``, or its id) how it failed, or take that back with ``withdraw``; return the event.

    ``text`` says why. Raises UserError where there is no such turn on the branch (default: the current one), or for a
    label that is empty or long, and PositionError.
    """
    document = pool.document(branch)
    found = document.turn(turn)
    if found is None:
        message = f"no turn {turn!r} on branch {document.branch!r} of pool {pool.name!r}: `%trace` lists them"
        raise UserError(message)
    label = " ".join(label.split())
    if not 0 < len(label) <= _LONGEST:
        message = f"a label has 1 to {_LONGEST} characters, such as {FAILURE_MODES[7]!r}; write more as the reason"
        raise UserError(message)
    header = pool.header(document.branch or pool.branch, agent=agent)
    event = Label(**header, turn=found.id, label=label, text=text, withdrawn=withdraw)
    pool.append([event])
    return event


def standing(labels: Iterable[Label]) -> list[Label]:
    """Return the labels that were not taken back; of each that somebody gave twice, the last."""
    found: dict[tuple[str, str], Label] = {}
    for one in labels:
        found.pop((one.agent, one.label), None)
        if not one.withdrawn:
            found[one.agent, one.label] = one
    return list(found.values())


def label_line(one: Label) -> str:
    """Return a label in a line."""
    who = one.agent or "the run"
    return f"{one.label} ({who}){f': {one.text}' if one.text else ''}"
