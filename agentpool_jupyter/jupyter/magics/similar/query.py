"""What ``%similar`` looks for: a text, a turn, what an agent is saying now, or the whole document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.display.table import clip
from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from agentpool_jupyter.pool import Document, Pool, Turn

_SHOWN = 80  # characters of a query in a caption


class Query(NamedTuple):
    """What is looked for."""

    what: str | Turn | Document
    about: str
    """The same in a few words."""


def find_query(pool: Pool | None, arguments: Namespace, cell: str | None, variables: Mapping[str, Any]) -> Query:
    """Return what a call of the magic asks for; raises UserError where that is nothing, or several things.

    Without a pool it can ask for a text only.
    """
    given = {
        "a text": bool(arguments.text),
        "a cell": cell is not None,
        "--now": arguments.now is not None,
        "--document": arguments.document,
    }
    if len(several := [name for name, there in given.items() if there]) > 1:
        message = f"one query at a time, not {' and '.join(several)} together"
        raise UserError(message)
    if pool is not None and arguments.now is not None:
        return _now(pool, arguments.now)
    if pool is not None and arguments.document:
        return _document(pool)
    if pool is not None and cell is None and not arguments.text:
        return _latest(pool)
    return _text(arguments.text if cell is None else cell, variables, first_line=1 if cell is None else 2)


def _text(text: str, variables: Mapping[str, Any], *, first_line: int) -> Query:
    from agentpool_jupyter.agents.team.filling import fill  # noqa: PLC0415 - loading the extension stays quick
    from agentpool_jupyter.recall.text.shingles import tokens  # noqa: PLC0415

    filled = fill(text, variables, line=first_line).strip()
    if not tokens(filled):
        message = "the query is empty: give two words or more, a turn such as planner#2, --now AGENT or --document"
        raise UserError(message)
    return Query(filled, f"like {clip(filled, _SHOWN)}")


def _now(pool: Pool, agent: str) -> Query:
    turns = pool.document().turns
    speaking = [turn for turn in turns if turn.status == "running"]
    mine = [turn for turn in speaking if turn.agent == agent]
    if not mine:
        others = ", ".join(sorted({turn.agent for turn in speaking})) or "nobody"
        known = "" if any(turn.agent == agent for turn in turns) else ", and has not been heard in this pool"
        message = f"{agent} is not speaking now{known}; speaking in pool {pool.name!r}: {others}"
        raise UserError(message)
    if not mine[-1].text.strip():
        message = f"{agent} has begun {mine[-1].name} and not said a word yet: ask again in a moment"
        raise UserError(message)
    return Query(mine[-1], f"like {mine[-1].name} so far: {clip(mine[-1].text, _SHOWN)}")


def _document(pool: Pool) -> Query:
    document = pool.document()
    if not document.turns:
        message = f"pool {pool.name!r} has no document yet: give a text, or run a team"
        raise UserError(message)
    return Query(document, f"like any turn of the document of {pool.name}")


def _latest(pool: Pool) -> Query:
    finished = next((turn for turn in reversed(pool.document().turns) if turn.status == "finished"), None)
    if finished is None:
        message = f"%similar needs a text: in pool {pool.name!r} nobody has finished a turn that could be looked up"
        raise UserError(message)
    return Query(finished, f"like {finished.name}, the latest: {clip(finished.text, _SHOWN)}")
