"""The words in which the log says what became of turns and runs, and those that people read of it.

They are part of the log's format: they are only ever added to. A reason that stands nowhere here, such as one that a
model's server gave, is a turn's plain end.
"""

from __future__ import annotations

from typing import Final, Literal

# Turns ---------------------------------------------------------------------------------------------------------

TurnStatus = Literal["running", "finished", "failed", "cancelled"]
"""It still speaks; it said all; it broke off by itself; it was stopped, or its line was left in the middle of it."""

CANCELLED = "cancelled"
"""``turn_finished.reason``: it was stopped."""
SILENT = "silent"
"""``turn_finished.reason``: there was nothing to say; it is not shown."""
LENGTH = "length"
"""``turn_finished.reason``: it reached its token limit."""
REFUSED = "refusal"
"""``turn_finished.reason``: the model declined; its text says how."""
FILTERED, WITHHELD = "content_filter", "withheld"
"""``turn_finished.reason``: the server's content filter ended it, and left some of it, or nothing."""
THOUGHT = "thinking"
"""``turn_finished.reason``: it reached its token limit before it had said a word."""
UNSAID = frozenset({CANCELLED, SILENT, WITHHELD, THOUGHT})
"""The reasons of turns that are no news to anyone: nobody has to react to them, nor should have read them."""
OVERTAKEN = "overtaken"
"""``turn_failed.kind``: something was said that it should know; it is begun anew, which is no failure."""
LOST: Final = "lost"
"""``turn_failed.kind``, ``run_finished.reason``: its process died, or another one took it up."""

PYTHON = "python:"
"""How the ``model`` of a Python agent's turn begins; the function's name follows."""

SPEAKING, CUT_OFF, STOPPED = "still speaking", "cut off", "stopped"
UNUSUAL = {
    LENGTH: "cut at its token limit",
    REFUSED: "the model refused",
    FILTERED: "cut by the server's content filter",
    WITHHELD: "withheld by the server's content filter",
    THOUGHT: "all its tokens went into thinking: raise `max_tokens`",
    "tool_calls": "asked for a tool that it does not have",
}
"""What people read of a turn that ended otherwise than it should, by its reason."""
ENDED = {CANCELLED: STOPPED, **UNUSUAL}
"""What people read of a finished turn, by its reason; nothing of the plain end."""

# Runs ----------------------------------------------------------------------------------------------------------

RunReason = Literal[
    "turns", "quiescent", "reached", "budget", "timeout", "stopped", "moved", "failed", "lost", "refused"
]
"""Why a run ended: every turn was taken; nobody had more to react to; its goal (``until``) holds; a limit; ``stop()``;
the pool's head left its line; no agent could speak, or the log failed; its process died; another run was there first.
"""

RunStatus = Literal["running", "stopping", "finished", "stopped", "failed", "lost"]
"""What a run does; the last four are how it ended."""

_ENDS: dict[str, RunStatus] = {"stopped": "stopped", "moved": "stopped", "failed": "failed", LOST: "lost"}
WHY = {
    "turns": "all turns were taken",
    "quiescent": "nobody had more to react to",
    "reached": "its goal is reached",
    "budget": "the budget is used up",
    "timeout": "the time is up",
    "refused": "another team was first",
}
"""What people read of a run's end beyond its status, by its reason."""


def run_status(reason: str) -> RunStatus:
    """Return how a run ended, by its reason."""
    return _ENDS.get(reason, "finished")
