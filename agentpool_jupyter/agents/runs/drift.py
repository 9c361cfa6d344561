"""Drift: agents that repeat themselves or others, leave their task, or do not know when to stop.

These are the failure modes of Cemri et al., *Why do multi-agent LLM systems fail?* (2025, arXiv:2503.13657) that can be
read off texts without a judge: step repetition (1.3), task derailment (2.3), unawareness of termination conditions
(1.5). Texts are compared by their shingles (Broder, *On the resemblance and containment of documents*, SEQUENCES 1997)
and by their words (cosine in a vector space: Salton, Wong and Yang, *A vector space model for automatic indexing*,
CACM 1975). Where a measure means trouble is a matter of taste: the limits are named here.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from agentpool_jupyter.recall.text.shingles import shingles, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentpool_jupyter.agents.team.spec import DriftKind, TeamSpec
    from agentpool_jupyter.pool import Document, Turn

LOOPING = 0.3
"""An agent loops in a turn of which less than this share is new to itself."""
COPYING = 0.7
"""An agent copies in a turn of which more than this share stands in what others had said."""
FAR = 0.95
"""An agent derails in two turns in a row that are farther than this from its task and from what it hears."""
UNENDING = 3
"""A team does not know when to stop after so many turns in a row of which less than :data:`LOOPING` is new to all."""
_LEAST = 8  # shingles of a turn below which none of this is said: "I agree." says nothing about anybody
_WORD = 4  # characters of a word that is compared: shorter ones are mostly the glue of a language


class TurnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """How far a turn drifted; shares and distances are from 0 to 1."""

    turn: Turn
    fresh: float
    """The share of its shingles that the agent had in none of its turns that ended before: 1 - containment in them."""
    new: float
    """The share of its shingles that nobody had said before it began."""
    copied: float
    """The share of its shingles that others had said before it began, and the agent itself had not."""
    repeats: float
    """The share of its own pairs of words that stand in it more than once: 1 - distinct-2 (Li et al., *A
    diversity-promoting objective function for neural conversation models*, NAACL 2016)."""
    task: float
    """Its distance from the task and the agent's role: 1 - the cosine of how often words stand in both."""
    heard: float
    """The same from the latest turn of each that the agent hears; 1 where nobody has spoken."""
    long: bool
    """Whether it says enough for any of this to mean something."""


class Onset(NamedTuple):
    """Where drift sets in."""

    kind: DriftKind
    turn: Turn
    why: str
    """In words, with the measure."""


class DriftWatch:
    """Measures the turns of one run as they end, each once."""

    def __init__(self, team: TeamSpec, run: str) -> None:
        self._run = run
        self._specs = {agent.name: agent for agent in team.agents}
        self._asked = {name: _words(f"{team.task} {spec.role}") for name, spec in self._specs.items()}
        self._taken: set[str] = set()
        self._first: dict[str, dict[str, int]] = {}  # of each shingle, by who said it, the end of the first such turn
        self._said: dict[str, list[Turn]] = {}
        self._words: dict[str, _Bag] = {}
        self._measured: list[TurnDrift] = []

    def measure(self, document: Document) -> list[TurnDrift]:
        """Return how far each finished turn of the run drifted, in the order in which they ended."""
        turns = [turn for turn in document.turns if turn.status == "finished" and turn.id not in self._taken]
        for turn in sorted(turns, key=_end):
            said = shingles(turn.text)
            if turn.run == self._run and turn.agent in self._specs and said:
                self._measured.append(self._measure(turn, said))
            self._taken.add(turn.id)
            self._words[turn.id] = _words(turn.text)
            self._said.setdefault(turn.agent, []).append(turn)
            for shingle in said:
                self._first.setdefault(shingle, {}).setdefault(turn.agent, _end(turn))
        return list(self._measured)

    def _measure(self, turn: Turn, said: frozenset[str]) -> TurnDrift:
        own: set[str] = set()
        others: set[str] = set()
        for shingle in said:
            for agent, end in self._first.get(shingle, {}).items():
                if end < turn.start:  # not by one who spoke at the same time
                    (own if agent == turn.agent else others).add(shingle)
        words = _words(turn.text)
        found = tokens(turn.text)
        pairs = list(pairwise(found))
        heard = [_distance(words, self._words[other.id]) for other in self._heard(turn)]
        return TurnDrift(
            turn=turn,
            fresh=1 - len(own) / len(said),
            new=1 - len(own | others) / len(said),
            copied=len(others - own) / len(said),
            repeats=1 - len(set(pairs)) / len(pairs) if pairs else 0.0,
            task=_distance(words, self._asked[turn.agent]),
            heard=min(heard, default=1.0),
            long=len(said) >= _LEAST,
        )

    def _heard(self, turn: Turn) -> Iterator[Turn]:
        """Yield the latest turn before this one of each that its agent hears."""
        spec = self._specs[turn.agent]
        for agent, turns in self._said.items():
            if agent not in self._specs or spec.hears(agent):
                yield from islice((other for other in reversed(turns) if _end(other) < turn.start), 1)


def onsets(measured: Iterable[TurnDrift]) -> list[Onset]:
    """Return where drift sets in, in the order of turns: of each kind once for an agent, until it is better again."""
    found: list[Onset] = []
    on: set[tuple[str, str]] = set()
    far: dict[str, int] = {}
    stale = 0
    for one in measured:
        agent = one.turn.agent
        far[agent] = far.get(agent, 0) + 1 if min(one.task, one.heard) > FAR else 0
        stale = stale + 1 if one.new < LOOPING else 0
        state: list[tuple[DriftKind, str, bool, str]] = [
            ("looping", agent, one.fresh < LOOPING, f"{one.fresh:.0%} of it is new to {agent}"),
            ("copying", agent, one.copied > COPYING, f"{one.copied:.0%} of it is what others had said"),
            ("derailing", agent, far[agent] > 1, f"{one.task:.2f} from the task, {one.heard:.2f} from what it hears"),
            ("unending", "", stale >= UNENDING, f"{stale} turns in a row said hardly anything new"),
        ]
        for kind, who, bad, why in state:
            if bad and one.long and (kind, who) not in on:
                on.add((kind, who))
                found.append(Onset(kind, one.turn, why))
            elif not bad:
                on.discard((kind, who))
    return found


def drift_lines(document: Document, team: TeamSpec, run: str) -> list[str]:
    """Return where drift set in during a run, in a line each."""
    found = onsets(DriftWatch(team, run).measure(document))
    return [f"drift: {one.kind} from {one.turn.name} on, {one.why}" for one in found]


def _end(turn: Turn) -> int:
    return turn.start if turn.end is None else turn.end


class _Bag(NamedTuple):
    """How often words stand in a text, and the length of that as a vector."""

    counts: Counter[str]
    length: float


def _words(text: str) -> _Bag:
    """Return how often the words of a text stand there; of scripts without spaces, the characters."""
    counts = Counter(word for word in tokens(text) if len(word) >= _WORD or not word.isascii())
    return _Bag(counts, math.sqrt(sum(count * count for count in counts.values())))


def _distance(one: _Bag, other: _Bag) -> float:
    """Return 1 - the cosine of two texts; 1 where one has no words."""
    shared = sum(one.counts[word] * other.counts[word] for word in one.counts.keys() & other.counts.keys())
    return 1 - shared / (one.length * other.length) if shared else 1.0
