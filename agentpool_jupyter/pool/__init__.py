"""The pool: typed events, the document they fold to, branches, positions."""

from .branches import Branches, Position
from .document import Document, fold, merge
from .events import Event, Message, Usage
from .opening import list_pools, open_pool
from .pool import EventFollower, Pool
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
