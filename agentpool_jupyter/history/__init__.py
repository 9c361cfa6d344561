"""Time travel: what changed, what happened where, what a rollback cannot undo, copies to take along, less space.

In reading order::

    files     what changed in files, line by line
    diff      two positions, turn by turn and word by word
    graph     all branches, as ``git log --graph`` shows them
    effects   what agents did outside the pool, after a position
    moves     going back and branching off: what that does or would do, and what it cannot undo
    transfer  a pool as one file
    folding   which deltas become one, and when they may
    compact   the rewriting of a pool by that, with an archive before it
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .compact import Compacted, compact
    from .diff import Diff, diff
    from .effects import LeftEffect, effects_after
    from .graph import HistoryGraph, history_graph
    from .transfer import export_pool, import_pool

__all__ = [
    "Compacted",
    "Diff",
    "HistoryGraph",
    "LeftEffect",
    "compact",
    "diff",
    "effects_after",
    "export_pool",
    "history_graph",
    "import_pool",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "compact": ["Compacted", "compact"],
        "diff": ["Diff", "diff"],
        "effects": ["LeftEffect", "effects_after"],
        "graph": ["HistoryGraph", "history_graph"],
        "transfer": ["export_pool", "import_pool"],
    },
)
