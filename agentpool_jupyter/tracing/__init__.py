"""Why an agent said or did what it did, from the log alone.

In reading order::

    course   how an attempt at a turn went, event by event
    prompt   what its model was asked, rebuilt and checked
    line     what was said on a line of history, and who had read what of it
    causes   what came from what: a graph, its critical path, its stragglers
    turn     one turn explained
    effect   one call of a tool explained
    many     the turns of an agent, a run or a branch, and what went wrong
    find     from a word, such as ``planner#2``, to what it traces
"""

from .effect import EffectTrace
from .find import trace
from .many import TurnsTrace
from .turn import Trace

__all__ = ["EffectTrace", "Trace", "TurnsTrace", "trace"]
