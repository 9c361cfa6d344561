"""Why an agent said or did what it did, from the log alone.

In reading order::

    course   how an attempt at a turn went, event by event
    prompt   what its model was asked, rebuilt and checked
    labels   what a person says of a turn
    line     what was said on a line of history, and who had read what of it
    causes   what came from what: a graph, its critical path, its stragglers
    unseen   what a turn had not read, and why
    told     parts of a trace in words
    turn     one turn explained
    effect   one call of a tool explained
    many     the turns of an agent, a run or a branch, and what went wrong
    phrase   where words came from, and how they spread
    against  two turns, agents, runs or branches side by side
    transcripts/  what other systems said, brought into a pool
    blame/   which step made a run fail: found by trying again from each
    telemetry/    runs as OpenTelemetry spans
    find     from a word, such as ``planner#2``, to what it traces
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .against import Comparison
    from .blame.blame import Blame, blame
    from .effect import EffectTrace
    from .find import trace
    from .labels import FAILURE_MODES, label
    from .many import TurnsTrace
    from .phrase import PhraseTrace, trace_text
    from .telemetry.export import export_spans
    from .transcripts.bring import from_messages, import_transcript
    from .turn import Trace

__all__ = [
    "FAILURE_MODES",
    "Blame",
    "Comparison",
    "EffectTrace",
    "PhraseTrace",
    "Trace",
    "TurnsTrace",
    "blame",
    "export_spans",
    "from_messages",
    "import_transcript",
    "label",
    "trace",
    "trace_text",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "against": ["Comparison"],
        "blame.blame": ["Blame", "blame"],
        "effect": ["EffectTrace"],
        "find": ["trace"],
        "labels": ["FAILURE_MODES", "label"],
        "many": ["TurnsTrace"],
        "phrase": ["PhraseTrace", "trace_text"],
        "telemetry.export": ["export_spans"],
        "transcripts.bring": ["from_messages", "import_transcript"],
        "turn": ["Trace"],
    },
)
