"""The pool: typed events in one log, and the document that they fold to, on branches.

In reading order::

    events     what is stored, type by type
    words      what the log says became of turns and runs
    codec      between events and the bytes of the log
    gather     the one fold of a turn's deltas into its text
    turn       a turn: as a fold knows it, and as people see it
    settled    turns of a document that are kept elsewhere, and loaded when somebody looks
    files/     files that live in the pool: their versions, contents and folders
    document   the fold of events to turns, and its merging
    branches   lines of history, the head, tags
    positions  places in a pool as people write them
    claims     who holds a run, by the log alone, and what is written too late
    runs       which teams ran, and whether they are alive
    votes      who must agree before something is done, and what votes come to
    effects/   calls of tools that agents ask for: what was asked, and what became of it
    affairs    branches, runs and effects, folded together
    columns    a pool as a table, in pandas or Arrow
    snapshots  what a pool asks of its snapshots, and a pool without any
    pool       all of it over one log: opening, reading, writing, time travel
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .branches import Branches, Position
    from .codec import EventFollower
    from .document import Document, fold, merge
    from .events import Event, Message, Usage
    from .pool import Pool, list_pools, open_pool
    from .turn import Turn

__all__ = [
    "Branches",
    "Document",
    "Event",
    "EventFollower",
    "Message",
    "Pool",
    "Position",
    "Turn",
    "Usage",
    "fold",
    "list_pools",
    "merge",
    "open_pool",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "branches": ["Branches", "Position"],
        "codec": ["EventFollower"],
        "document": ["Document", "fold", "merge"],
        "events": ["Event", "Message", "Usage"],
        "pool": ["Pool", "list_pools", "open_pool"],
        "turn": ["Turn"],
    },
)
