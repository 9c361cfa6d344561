"""Readings of a pool's history: what changed between two positions, the graph of branches, copies to take along."""

from .compact import Compacted, compact
from .diff import Diff, diff
from .effects import Effect, effects_after
from .graph import HistoryGraph, history_graph
from .transfer import export_pool, import_pool

__all__ = [
    "Compacted",
    "Diff",
    "Effect",
    "HistoryGraph",
    "compact",
    "diff",
    "effects_after",
    "export_pool",
    "history_graph",
    "import_pool",
]
