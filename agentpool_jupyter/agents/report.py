"""What a run did and what it took, read from its document."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.pool import Usage

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Document

    from .spec import TeamSpec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's share; tokens as the servers counted them, cost in US dollars or None where not known."""

    agent: str
    turns: int
    failed: int
    prompt: int
    completion: int
    cost: float | None
    estimated: bool


class Report:
    """A table, one row an agent and one for all; displays itself, and ``rows`` holds the numbers."""

    def __init__(self, document: Document, team: TeamSpec, run: str) -> None:
        self.run = run
        self.rows = [self._row(document, agent.name, run) for agent in team.agents]
        costs = [row.cost for row in self.rows]
        self.total = Row(
            agent="all",
            turns=sum(row.turns for row in self.rows),
            failed=sum(row.failed for row in self.rows),
            prompt=sum(row.prompt for row in self.rows),
            completion=sum(row.completion for row in self.rows),
            cost=None if None in costs else sum(cost for cost in costs if cost is not None),
            estimated=any(row.estimated for row in self.rows),
        )

    def _row(self, document: Document, agent: str, run: str) -> Row:
        turns = [turn for turn in document.attempts if turn.agent == agent and turn.run == run]
        usage = sum((turn.usage for turn in turns if turn.usage), Usage())
        costs = [turn.cost for turn in turns if turn.usage]
        return Row(
            agent=agent,
            turns=sum(turn.status == "finished" for turn in turns),
            failed=sum(turn.status == "failed" for turn in turns),
            prompt=usage.prompt,
            completion=usage.completion,
            cost=None if None in costs else sum(cost for cost in costs if cost is not None),
            estimated=usage.estimated,
        )

    def _table(self) -> list[tuple[str, ...]]:
        head = ("agent", "turns", "failed attempts", "prompt tokens", "completion tokens", "cost (US$)")
        body = [
            (
                row.agent,
                str(row.turns),
                str(row.failed),
                f"{'≤ ' if row.estimated else ''}{row.prompt}",
                f"{'≤ ' if row.estimated else ''}{row.completion}",
                "unknown" if row.cost is None else f"{row.cost:.4f}",
            )
            for row in [*self.rows, self.total]
        ]
        return [head, *body]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data."""
        return {"run": self.run, "agents": msgspec.to_builtins(self.rows), "total": msgspec.to_builtins(self.total)}

    def __repr__(self) -> str:
        table = self._table()
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
            for row in table
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, *body = self._table()
        rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body)
        heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
