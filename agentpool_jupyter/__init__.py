"""Teams of language-model agents as a distributed system that you can watch, rewind, search and explain.

The layers, lowest last; imports go only downward::

    jupyter   magics/ and live/ (widget, feed)                   cli
    tracing   why an agent said or did what it did, from the log alone
    measure   how fast a team is, and what it costs to be many
    history   diff, graph, transfer, compact: what became of a pool
    agents    team/ prompt/ models/ reminders/ turns/ runs/
    effects   what agents do beside what they say: tools, and each call of them
    privacy   k-anonymous releases of tables and pools
    recall    earlier reasoning, found again                     snapshots   any earlier state, at once
    jobs      MapReduce engines
    pool      events, document (fold and merge), branches, positions, runs
    services  programs that we start and stop: a Kafka broker, Java, the bundled model
    log       the Log contract, SQLite, Kafka
    display   all HTML and text for people
    errors

Names are imported when they are first used, so that importing the package, and loading it into a notebook, is
quick and brings in no client library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .agents import Run, Team, TeamSpec, report, resume
    from .effects import act, consensus, gate, tool
    from .errors import AgentPoolError
    from .history import export_pool, history_graph, import_pool
    from .history.compact import compact
    from .history.diff import Diff, diff
    from .measure.experiment import Experiment, Task, experiment
    from .measure.scaling import scaling
    from .pool import Document, Pool, fold, list_pools, merge
    from .privacy import Anonymized, PrivacyReport, anonymize
    from .privacy.redaction.pseudonyms import reveal
    from .recall import Matches, similar
    from .recall.bulk.build import index_pools
    from .snapshots.build import Snapshot, snapshot
    from .snapshots.opening import open_pool
    from .tracing import Blame, Trace, blame, export_spans, from_messages, import_transcript, label, trace

__version__ = "0.1.0"

_HOMES = {
    "AgentPoolError": "errors",
    "Anonymized": "privacy",
    "Blame": "tracing",
    "Diff": "history",
    "Document": "pool",
    "Experiment": "measure.experiment",
    "Matches": "recall",
    "Pool": "pool",
    "PrivacyReport": "privacy",
    "Run": "agents",
    "Snapshot": "snapshots.build",
    "Task": "measure.experiment",
    "Team": "agents",
    "TeamSpec": "agents",
    "Trace": "tracing",
    "act": "effects",
    "anonymize": "privacy",
    "blame": "tracing",
    "compact": "history",
    "consensus": "effects",
    "diff": "history",
    "experiment": "measure.experiment",
    "export_pool": "history",
    "export_spans": "tracing",
    "fold": "pool",
    "from_messages": "tracing",
    "gate": "effects",
    "history_graph": "history",
    "import_pool": "history",
    "import_transcript": "tracing",
    "index_pools": "recall.bulk.build",
    "label": "tracing",
    "list_pools": "pool",
    "merge": "pool",
    "open_pool": "snapshots.opening",
    "report": "agents",
    "resume": "agents",
    "reveal": "privacy.redaction.pseudonyms",
    "scaling": "measure.scaling",
    "similar": "recall",
    "snapshot": "snapshots.build",
    "tool": "effects",
    "trace": "tracing",
}

__all__ = [
    "AgentPoolError",
    "Anonymized",
    "Blame",
    "Diff",
    "Document",
    "Experiment",
    "Matches",
    "Pool",
    "PrivacyReport",
    "Run",
    "Snapshot",
    "Task",
    "Team",
    "TeamSpec",
    "Trace",
    "act",
    "anonymize",
    "blame",
    "compact",
    "consensus",
    "diff",
    "experiment",
    "export_pool",
    "export_spans",
    "fold",
    "from_messages",
    "gate",
    "history_graph",
    "import_pool",
    "import_transcript",
    "index_pools",
    "label",
    "list_pools",
    "load_ipython_extension",
    "merge",
    "open_pool",
    "report",
    "resume",
    "reveal",
    "scaling",
    "similar",
    "snapshot",
    "tool",
    "trace",
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
