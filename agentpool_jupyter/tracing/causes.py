"""What came from what: turns, and the readings that tie them, as a directed graph.

Two turns that read each other while both spoke (``stride``) came from each other: there the graph has a circle.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.display.colours import colour, colours
from agentpool_jupyter.display.lanes import Arrow, LaneBar, lanes_svg, lanes_text
from agentpool_jupyter.errors import ExtraMissingError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from agentpool_jupyter.pool import Pool, Turn

    from .line import Attempted, Attempts, Line

SLOW = 1.5
"""A turn that takes so many times the median is a straggler: Ananthanarayanan et al., *Reining in the outliers in
Map-Reduce clusters using Mantri* (OSDI 2010), section 2."""
_FEW = 4  # turns below which a median says nothing


def causes_of(line: Attempts, key: str) -> list[str]:
    """Return the ids of the attempts that one came from, in the order in which they began.

    It comes from another one where that one's text stood in one of its prompts, finished or not, and the agent's own
    turn before, if that stood there too, had not already read all of it: what comes by way of that is not told twice.
    So there is a path to it from all that it has read, and from nothing else.
    """
    attempts, read = line.attempts, line.read_by(key)
    before = line.own_before(key)
    if before is not None:
        read = (read - line.read_by(before)) | (read & line.unfinished(before)) | {before}
    return sorted(read, key=lambda other: attempts[other].start)


class CausalGraph:
    """The turns of a line and, for each, those that it came from (:func:`causes_of`)."""

    def __init__(self, pool: Pool, line: Line, turns: Iterable[Turn]) -> None:
        self.turns = {turn.id: turn for turn in turns if turn.id in line.attempts}
        """By id, in the order in which they began."""
        self._line = line
        self._places = pool.runs.places
        self.causes = {key: [one for one in causes_of(line, key) if one in self.turns] for key in self.turns}
        """The ids of those that each came from, by id."""

    def ancestors(self, key: str) -> list[str]:
        """Return the ids of all that a turn came from, in the order in which they began."""
        return self._reached(key, self.causes)

    def descendants(self, key: str) -> list[str]:
        """Return the ids of all that came from a turn, in the order in which they began."""
        effects: dict[str, list[str]] = {one: [] for one in self.turns}
        for one, causes in self.causes.items():
            for cause in causes:
                effects[cause].append(one)
        return self._reached(key, effects)

    def _reached(self, key: str, steps: Mapping[str, Sequence[str]]) -> list[str]:
        found: set[str] = set()
        waiting = [key]
        while waiting:
            new = [step for step in steps[waiting.pop()] if step not in found]
            found.update(new)
            waiting += new
        return [one for one in self.turns if one in found and one != key]

    def part(self, keys: Collection[str]) -> CausalGraph:
        """Return the graph of some of its turns; paths by way of others are left out."""
        part = object.__new__(CausalGraph)
        part._line, part._places = self._line, self._places
        part.turns = {key: turn for key, turn in self.turns.items() if key in keys}
        part.causes = {key: [cause for cause in self.causes[key] if cause in keys] for key in part.turns}
        return part

    def attempt(self, key: str) -> Attempted:
        """Return where a turn stands in the log."""
        return self._line.attempts[key]

    @cached_property
    def critical_path(self) -> list[str]:
        """The ids of the chain of turns that took longest, each from the one before: what a shorter run must shorten.

        Yang and Miller, *Critical path analysis for the execution of parallel and distributed programs* (ICDCS 1988):
        the longest path of the graph, where a turn counts for the time that it took, less what of that the next one on
        the path did not wait for, because it began while the other was still speaking.
        """
        best: dict[str, tuple[float, str | None]] = {}
        for key in self.turns:
            one = self.attempt(key)
            lengths = [
                (best[cause][0] - max(0, (self.attempt(cause).ended or one.begun) - one.begun) / 1000, cause)
                for cause in self.causes[key]
                if cause in best  # else it began later, and was read on the way
            ]
            length, cause = max(lengths, default=(0.0, None), key=lambda found: found[0])
            best[key] = (max(0.0, length) + one.seconds, cause)
        path: list[str] = []
        last = max(best, key=lambda one: best[one][0], default=None)
        while last is not None:
            path.append(last)
            last = best[last][1]
        return path[::-1]

    @cached_property
    def stragglers(self) -> list[str]:
        """The ids of turns that took more than :data:`SLOW` times the median of all that a model or function took."""
        taken = {
            key: self.attempt(key).seconds for key, turn in self.turns.items() if turn.model and turn.end is not None
        }
        if len(taken) < _FEW:
            return []
        usual = median(taken.values())
        return [key for key, seconds in taken.items() if seconds > SLOW * usual > 0]

    def networkx(self) -> Any:
        """Return a networkx ``DiGraph``: nodes are the names of turns, and edges go from what was read to who read it.

        Nodes have ``id``, ``agent``, ``start``, ``end``, ``seconds``, ``status``, ``tokens``, ``critical`` and
        ``straggler``; edges have ``critical``. Raises ExtraMissingError.
        """
        try:
            import networkx as nx  # noqa: PLC0415 - optional
        except ImportError as error:
            message = "the graph needs networkx: pip install 'agentpool-jupyter[trace]'"
            raise ExtraMissingError(message) from error
        graph = nx.DiGraph()
        path, slow = self.critical_path, set(self.stragglers)
        for key, turn in self.turns.items():
            facts = {"id": key, "agent": turn.agent, "start": turn.start, "end": turn.end, "status": turn.status}
            tokens = turn.usage.total if turn.usage else 0
            facts |= {"seconds": self.attempt(key).seconds, "tokens": tokens}
            graph.add_node(turn.name, **facts, critical=key in path, straggler=key in slow)
        steps = set(pairwise(path))
        for key, causes in self.causes.items():
            for cause in causes:
                critical = (cause, key) in steps
                graph.add_edge(self.turns[cause].name, self.turns[key].name, critical=critical)
        return graph

    def _bars(self, marked: Collection[str]) -> list[LaneBar]:
        tints = colours(self._places, (turn.agent for turn in self.turns.values() if turn.model))
        path, slow = set(self.critical_path), set(self.stragglers)
        bars = []
        for key, turn in self.turns.items():
            one = self.attempt(key)
            marks = [*(["critical"] if key in path else []), *(["straggler"] if key in slow else [])]
            marks += ["this"] if key in marked else []
            tint = tints.get(turn.agent, colour(None))
            span = (one.begun, max(one.begun, one.ended or one.begun))
            causes = [self.turns[cause].name for cause in self.causes[key]]
            bars.append(
                LaneBar(turn.name, turn.agent, turn.start, *span, tint, tuple(marks), turn.remark, tuple(causes))
            )
        return bars

    def svg(self, marked: Collection[str] = ()) -> str:
        """Return the graph drawn: a lane for each agent, time from left to right."""
        steps = set(pairwise(self.critical_path))
        arrows = [
            Arrow(self.turns[cause].name, turn.name, critical=(cause, key) in steps)
            for key, turn in self.turns.items()
            for cause in self.causes[key]
        ]
        return lanes_svg(self._bars(marked), arrows)

    def text(self, marked: Collection[str] = ()) -> str:
        """Return the graph as lines, one a turn, in the order in which they began."""
        return lanes_text(self._bars(marked))
