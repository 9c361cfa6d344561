"""Teams whose only cost is the runtime: many agents at a model server of a fixed rate."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from agentpool_jupyter.agents import Team
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.pool import open_pool
from agentpool_jupyter.pool.events import Heartbeat

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool


def team(base_url: str, agents: int, *, turns: int = 1, flush: float = 0.1, alone: bool = False) -> Team:
    """Return a team of model agents that hear each other, or with ``alone`` only the task."""
    listens = () if alone else None
    members = tuple(AgentSpec(name=f"agent{i:03}", role=f"Thinker {i}.", listens=listens) for i in range(agents))
    task = "Plan the opening of a neighbourhood bakery."
    return Team(
        TeamSpec(
            task=task, agents=members, turns=turns, flush=flush, base_url=base_url, model="test", max_tokens=100_000
        )
    )


def fresh_pool(store: str) -> Pool:
    """Return a pool without a history, opened and connected, as in a notebook that has used it before."""
    pool = open_pool(f"bench-{secrets.token_hex(4)}", store)
    pool.document()
    pool.append([Heartbeat(**pool.header("main"), owner="bench", epoch=0)])
    return pool
