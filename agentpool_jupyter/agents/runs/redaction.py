"""What a team may neither read nor say: identifiers, which get pseudonyms before a model or the pool has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.privacy.redaction.pseudonyms import Pseudonyms
from agentpool_jupyter.privacy.redaction.redactor import Redactor

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Pool


def redactor_of(pool: Pool | None, team: TeamSpec) -> Redactor | None:
    """Return what a team's texts go through; None where it redacts nothing. Raises ExtraMissingError.

    Without a pool, nothing is kept of what it redacts.
    """
    kinds = [kind for one in team.whole() for kind in one.redact]
    return Redactor(kinds, Pseudonyms.of_pool(pool) if pool else Pseudonyms()) if kinds else None


def redacted_team(team: TeamSpec, redactor: Redactor | None) -> TeamSpec:
    """Return a team whose task and roles name nobody; those below it redact what it does, and what they say."""
    if redactor is None:
        return team
    text = redactor.text
    agents = tuple(msgspec.structs.replace(agent, role=text(agent.role)) for agent in team.agents)
    below = {}
    for name, sub in team.teams.items():
        kinds = tuple(dict.fromkeys([*team.redact, *sub.team.redact]))
        inner = redacted_team(msgspec.structs.replace(sub.team, redact=kinds), redactor)
        below[name] = msgspec.structs.replace(sub, about=text(sub.about), team=inner)
    return msgspec.structs.replace(team, task=text(team.task), agents=agents, teams=below)


def redact_said(pool: Pool, text: str) -> str:
    """Return what a person says to a pool as its latest team may read it; raises ExtraMissingError."""
    latest = pool.runs.latest()
    kinds = latest.spec.get("redact") if latest else None
    known = isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds)
    return Redactor(kinds, Pseudonyms.of_pool(pool)).text(text) if known and kinds else text
