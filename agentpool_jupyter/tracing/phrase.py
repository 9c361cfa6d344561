"""Where words came from: who brought a phrase in, in which turn, what that turn had read, and how it spread.

Texts are compared by their shingles, as recall does (:mod:`agentpool_jupyter.recall.text.shingles`). Within one line of
history every turn is compared, so that nothing is missed; no index is needed for that, and no library.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.display.account import Account, Part
from agentpool_jupyter.display.colours import colour, colours
from agentpool_jupyter.display.lanes import Arrow, LaneBar, lanes_svg, lanes_text
from agentpool_jupyter.display.table import Table, clip, counted
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool import Position
from agentpool_jupyter.recall.text.shingles import containment, shingles
from agentpool_jupyter.recall.text.thoughts import thoughts

from .course import Course, courses
from .line import Line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from agentpool_jupyter.pool import Document, Pool, Turn

ALIKE = 0.6
"""The least share of the phrase's shingles that a near-identical passage has (containment; Broder, *On the resemblance
and containment of documents*, SEQUENCES 1997)."""
_EXCERPT = 120  # characters of a passage that are shown


class _Found(msgspec.Struct, frozen=True):
    start: int
    text: str
    score: float
    exact: bool


class PhrasePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A turn in which a phrase stands, or nearly so."""

    turn: Turn
    text: str
    """The passage that is alike."""
    start: int
    """Its first character's place in the turn's text."""
    offset: int
    """That of the event by which the log took its first characters."""
    stop: int
    """That of the event by which it took the last."""
    score: float
    """How much of the phrase it has, 0 to 1: the share of shingles."""
    exact: bool
    """Word for word, whatever the case and the line breaks."""
    seen: int
    """One past the last offset that the agent had read when it said this."""
    read: list[str]
    """The names of the turns that it had read then."""
    sources: list[str]
    """Those of them that had the phrase already: where it may have it from."""
    others: list[str]
    """What else in its prompt had the phrase: its task, what it was reminded of, what a tool answered."""

    @property
    def origin(self) -> str:
        """Where it has the phrase from, in words."""
        known = [*self.sources, *self.others]
        if known:
            return ", ".join(known)
        return "its own words" if self.turn.model else "a person"


class PhraseTrace(Account):
    """How a phrase came into a line of history and spread there; displays itself."""

    def __init__(self, pool: Pool, phrase: str, position: Position, *, threshold: float = ALIKE) -> None:
        self.phrase = phrase
        self.branch = position.branch
        wanted = shingles(phrase)
        if not wanted:
            message = "--text needs words to look for, as in `%trace --text 'the rent is due'`"
            raise UserError(message)
        self._document: Document = pool.document(position)
        self._line = Line(pool, position)
        self._names = {turn.id: turn.name for turn in self._document.turns}
        self._order = {key: place for place, key in enumerate(self._names)}
        self._tints = colours(pool.runs.places, (turn.agent for turn in self._document.turns if turn.model))
        self._wanted, self._threshold = wanted, threshold
        found = {turn.id: (turn, one) for turn in self._document.turns if (one := self._find(turn.text))}
        told = courses(pool, list(found), 0, position.at + 1)
        self.places: list[PhrasePlace] = []
        """Where it stands, in the order in which the log took it; of each turn the passage that is most alike."""
        reached = {key: _reached(told[key], one.start + len(one.text), turn) for key, (turn, one) in found.items()}
        for key, (turn, one) in found.items():
            self.places.append(self._place(turn, one, told[key], reached, found))
        self.places.sort(key=lambda place: (place.offset, place.turn.start))

    @property
    def first(self) -> PhrasePlace | None:
        """The earliest place, near-identical ones counted; None where it stands nowhere."""
        return next(iter(self.places), None)

    @property
    def origins(self) -> list[PhrasePlace]:
        """The places that have it from no turn before: by these it came in."""
        return [place for place in self.places if not place.sources]

    def _find(self, text: str) -> _Found | None:
        """Return the passage of a text that is most alike; None where none is alike enough."""
        words = r"\s+".join(map(re.escape, self.phrase.split()))
        if exact := re.search(words, text, re.IGNORECASE):
            return _Found(exact.start(), exact[0], 1.0, exact=True)
        return _most_alike(text, self._wanted, len(thoughts(self.phrase)) + 1, self._threshold)

    def _place(
        self, turn: Turn, one: _Found, course: Course, reached: dict[str, int], found: dict[str, tuple[Turn, _Found]]
    ) -> PhrasePlace:
        offset = _reached(course, one.start, turn)
        attempt = self._line.attempts[turn.id]
        askings = [asking for asking in course.askings if asking.event.offset <= offset]
        events = [asking.event for asking in askings]
        read = {key for event in events for key in self._line.read_for(attempt, event)}
        seen = max((event.seen for event in events), default=turn.start)
        shown = sorted(read & self._order.keys(), key=self._order.__getitem__)
        # It was there to be read only where its last words were, before the reading.
        sources = [key for key in shown if key in found and reached[key] < seen and key != turn.id]
        others = [
            *(
                f"recalled from {hit.get('source', '?')}"
                for asking in askings
                for hit in _hits(asking.recall)
                if self._in(hit.get("text"))
            ),
            *(
                f"answered by a tool: {clip(str(answer), _EXCERPT)}"
                for event in events
                for answer in _answers(event)
                if self._in(answer)
            ),
        ]
        team = self._line.team(attempt)
        if team is not None and turn.model:
            role = next((spec.role for spec in team.agents if spec.name == turn.agent), "")
            others += [what for what, text in (("the task", team.task), ("its role", role)) if self._in(text)]
        return PhrasePlace(
            turn=turn,
            text=one.text,
            start=one.start,
            offset=offset,
            stop=reached[turn.id],
            score=one.score,
            exact=one.exact,
            seen=seen,
            read=[self._names[key] for key in shown],
            sources=[self._names[key] for key in sources],
            others=list(dict.fromkeys(others)),
        )

    def _in(self, text: object) -> bool:
        return isinstance(text, str) and self._find(text) is not None

    # Shown ---------------------------------------------------------------------------------------------------

    @property
    def head(self) -> str:
        """It in a line."""
        exact = sum(place.exact for place in self.places)
        told = (
            f"{counted(exact, 'turn')} word for word, {len(self.places) - exact} nearly so"
            if self.places
            else "nowhere"
        )
        return f"{clip(self.phrase, _EXCERPT)!r} on branch {self.branch}: {told}"

    def _parts(self) -> list[Part]:
        if self.first is None:
            return []
        first = self.first
        read = ", ".join(first.read) or "nothing"
        told = (
            f"{first.turn.name} at offset {first.offset}, character {first.start}: {clip(first.text, _EXCERPT)}\n"
            f"It had read (below offset {first.seen}): {read}\nIt has it from: {first.origin}"
        )
        rows = [
            (place.turn.name, place.offset, place.start, f"{place.score:.2f}", place.origin, clip(place.text, _EXCERPT))
            for place in self.places
        ]
        head = ("turn", "offset", "character", "alike", "has it from", "says")
        bars = [self._bar(place) for place in self.places]
        arrows = [Arrow(source, place.turn.name) for place in self.places for source in place.sources]
        legend = "arrows: had read it there; thick: word for word"
        return [
            Part(f"It came in with {', '.join(place.turn.name for place in self.origins)}; first with", told),
            Part("Where it stands", Table(head, rows)),
            Part("How it spread", lanes_text(bars), lanes_svg(bars, arrows, legend)),
        ]

    def _bar(self, place: PhrasePlace) -> LaneBar:
        one, turn = self._line.attempts[place.turn.id], place.turn
        marks = ("this",) if place.exact else ()
        tint = self._tints.get(turn.agent, colour(None))
        stop = max(one.begun, one.ended or one.begun)
        return LaneBar(turn.name, turn.agent, place.offset, one.begun, stop, tint, marks, "", tuple(place.sources))


def trace_text(pool: Pool, phrase: str, *, branch: str | None = None, threshold: float = ALIKE) -> PhraseTrace:
    """Return how a phrase came into a line of history and spread there.

    ``threshold`` is the least share of the phrase's shingles, above 0 and up to 1, that another passage has to have.
    Raises UserError for an empty phrase, PositionError for a branch that is not there.
    """
    if not 0 < threshold <= 1:
        message = f"threshold is {threshold}: it lies above 0 and is at most 1"
        raise UserError(message)
    branch = pool.lineage.check(pool.branch if branch is None else branch)
    return PhraseTrace(pool, phrase, Position(branch, pool.end - 1), threshold=threshold)


def _most_alike(text: str, wanted: AbstractSet[str], most: int, threshold: float) -> _Found | None:
    """Return the neighbouring thoughts, at most so many, that have most of the wanted shingles."""
    if containment(wanted, shingles(text)) < threshold:
        return None
    parts = thoughts(text)
    starts = [0, *accumulate(map(len, parts))]
    best: _Found | None = None
    for size in range(1, min(most, len(parts)) + 1):
        for first in range(len(parts) - size + 1):
            passage = "".join(parts[first : first + size])
            score = containment(wanted, shingles(passage))
            if score >= threshold and (best is None or score > best.score):
                space = len(passage) - len(passage.lstrip())
                best = _Found(starts[first] + space, passage.strip(), score, exact=False)
    return best


def _reached(course: Course, chars: int, turn: Turn) -> int:
    """Return the offset of the event by which a turn's text was longer than so many characters."""
    length, offset = 0, turn.start
    for delta in sorted(course.deltas, key=lambda delta: delta.seq):
        offset = delta.offset
        length += len(delta.text)
        if length > chars:
            break
    return offset


def _hits(recall: Any) -> list[dict[str, Any]]:
    return recall.hits if recall is not None else []


def _answers(event: Any) -> Iterator[object]:
    """Yield what tools had answered, as a prompt has it."""
    for message in getattr(event, "exchange", []):
        if message.get("role") == "tool":
            yield message.get("content")
