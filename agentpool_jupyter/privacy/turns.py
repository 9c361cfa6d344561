"""A pool as a table: one row a turn of the current line, and which of its columns tell people apart."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pandas as pd

from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool

QUASI = ("time", "agent", "model", "user", "task", "characters", "prompt_tokens", "completion_tokens")
"""What tells who it was: when, by which model, for whom and on what, and how long it was."""

RENUMBERED = ("task",)
"""Columns whose values have other names in each release, so that two releases cannot be compared by them."""


def turns_table(pool: Pool) -> pd.DataFrame:
    """Return the turns of the current line as a table, with what tells people apart in the columns of ``QUASI``.

    ``user`` is the person who had last said something; ``task`` tells tasks apart by numbers drawn at random, because a
    task is free text. Beside these: ``status``, ``reason``, ``cost``, and for :mod:`.texts` alone ``text`` and ``run``.
    Raises UserError for a pool without turns.
    """
    turns = pool.document().turns
    if not turns:
        message = f"the pool {pool.name!r} has no turns on its current line: there is nothing to release"
        raise UserError(message)
    tasks = {run: str(record.spec.get("task") or "") for run, record in pool.runs.items()}
    numbers = list(range(1, len(set(tasks.values())) + 1))
    random.SystemRandom().shuffle(numbers)
    names = {task: f"task {number}" for task, number in zip(dict.fromkeys(tasks.values()), numbers, strict=True)}
    rows, user = [], ""
    for turn in turns:
        if not turn.model and not turn.run:  # a message
            user = turn.agent
        task = tasks.get(turn.run)
        rows.append(
            {
                "time": turn.time,
                "agent": turn.agent,
                "model": turn.model or None,
                "user": user or None,
                "task": None if task is None else names[task],
                "characters": len(turn.text),
                "prompt_tokens": turn.usage.prompt if turn.usage else None,
                "completion_tokens": turn.usage.completion if turn.usage else None,
                "status": turn.status,
                "reason": turn.reason or None,
                "cost": turn.cost,
                "text": turn.text,
                "run": turn.run or turn.agent,  # what one person says twice is said once
            }
        )
    table = pd.DataFrame(rows)
    table["time"] = pd.to_datetime(table["time"], unit="ms", utc=True)
    return table
