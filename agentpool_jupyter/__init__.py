"""Teams of language-model agents as a distributed system that you can watch, rewind, search and explain.

The layers, lowest last; imports go only downward::

    jupyter   magics, widgets, display        cli
    agents    spec, model, context, turn, budget, run, team      history   diff, graph, effects, export
    jobs      MapReduce jobs on this machine, Spark or Hadoop
    recall    shingles, signatures, index, library, similar
    pool      events, document (fold and merge), branches, positions, runs
    log       the Log contract, SQLite, Kafka, a local Kafka broker
    errors

Names are imported when they are first used, so that importing the package, and loading it into a notebook, is
quick and brings in no client library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .agents import Run, Team, TeamSpec, resume
    from .errors import AgentPoolError
    from .history import Snapshot, export_pool, history_graph, import_pool, open_pool, snapshot
    from .history.compact import compact
    from .history.diff import Diff, diff
    from .jobs.indexing import index_pools
    from .pool import Document, Pool, fold, list_pools, merge
    from .recall import Matches, similar

__version__ = "0.1.0"

_HOMES = {
    "AgentPoolError": "errors",
    "Diff": "history",
    "Document": "pool",
    "Matches": "recall",
    "Pool": "pool",
    "Run": "agents",
    "Snapshot": "history",
    "Team": "agents",
    "TeamSpec": "agents",
    "compact": "history",
    "diff": "history",
    "export_pool": "history",
    "fold": "pool",
    "history_graph": "history",
    "import_pool": "history",
    "index_pools": "jobs.indexing",
    "list_pools": "pool",
    "merge": "pool",
    "open_pool": "history",
    "resume": "agents",
    "similar": "recall",
    "snapshot": "history",
}

__all__ = [
    "AgentPoolError",
    "Diff",
    "Document",
    "Matches",
    "Pool",
    "Run",
    "Snapshot",
    "Team",
    "TeamSpec",
    "compact",
    "diff",
    "export_pool",
    "fold",
    "history_graph",
    "import_pool",
    "index_pools",
    "list_pools",
    "load_ipython_extension",
    "merge",
    "open_pool",
    "resume",
    "similar",
    "snapshot",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magics to a notebook: ``%load_ext agentpool_jupyter``; loading twice is fine."""
    from .jupyter import load  # noqa: PLC0415 - only a notebook needs it

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics away, stop what runs and close what is open."""
    from .jupyter import unload  # noqa: PLC0415

    unload(shell)
