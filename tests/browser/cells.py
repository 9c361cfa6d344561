"""Cells that start teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.openai_server import OpenAIServer

THREE = {
    "planner": "Drafts the plan.",
    "critic": {"role": "Names its weakest point.", "listens": ["planner"]},
    "treasurer": "Says what things cost.",
}
"""Two who start at once, and one who waits for the first."""


def team_cell(pool: str, agents: Mapping[str, Any], server: OpenAIServer, options: str = "", **fields: Any) -> str:
    """Return a cell that runs a team whose model is the test server's."""
    spec = {
        "task": "Plan a bakery.",
        "turns": 1,
        "max_tokens": 3000,
        "model": "test",
        "base_url": server.base_url,
        "agents": dict(agents),
        **fields,
    }
    return f"%%agents {pool} {options}\n{yaml.safe_dump(spec, sort_keys=False)}"
