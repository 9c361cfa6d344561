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

from typing import TYPE_CHECKING

import lazy_loader

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


__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "agents": ["Run", "Team", "TeamSpec", "report", "resume"],
        "effects": ["act", "consensus", "gate", "tool"],
        "errors": ["AgentPoolError"],
        "history": ["Diff", "compact", "diff", "export_pool", "history_graph", "import_pool"],
        "measure.experiment": ["Experiment", "Task", "experiment"],
        "measure.scaling": ["scaling"],
        "pool": ["Document", "Pool", "fold", "list_pools", "merge"],
        "privacy": ["Anonymized", "PrivacyReport", "anonymize"],
        "privacy.redaction.pseudonyms": ["reveal"],
        "recall": ["Matches", "similar"],
        "recall.bulk.build": ["index_pools"],
        "snapshots.build": ["Snapshot", "snapshot"],
        "snapshots.opening": ["open_pool"],
        "tracing": ["Blame", "Trace", "blame", "export_spans", "from_messages", "import_transcript", "label", "trace"],
    },
)


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magics to a notebook: ``%load_ext agentpool_jupyter``; loading twice is fine."""
    from .jupyter import load  # noqa: PLC0415 - only a notebook needs it

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics away, stop what runs and close what is open."""
    from .jupyter import unload  # noqa: PLC0415

    unload(shell)
