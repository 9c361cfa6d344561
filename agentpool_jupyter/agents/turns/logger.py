"""What runs tell Python's ``logging``: nothing is printed where nobody asks, and each record has run, agent and turn.

To see it: ``logging.basicConfig(level="INFO", format="%(name)s %(run)s %(agent)s %(turn)s %(message)s")`` with a filter
for the logger ``agentpool_jupyter``, whose records alone have these fields. Texts of agents are not logged: they are in
the pool.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    RunLogger = logging.LoggerAdapter[logging.Logger]

_log = logging.getLogger("agentpool_jupyter.agents")
_log.addHandler(logging.NullHandler())


def logger_of(run: str, agent: str = "", turn: str = "") -> RunLogger:
    """Return a logger whose records have these as ``run``, ``agent`` and ``turn`` (id); empty for what is of none."""
    return logging.LoggerAdapter(_log, {"run": run, "agent": agent, "turn": turn})
