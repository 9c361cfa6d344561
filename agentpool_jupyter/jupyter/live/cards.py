"""A turn's card: what a view is told of one turn when it asks, as plain values that travel to the page.

What they say is found by ``tracing`` and ``recall``; here it is only put into words and cut to what fits on a card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from agentpool_jupyter.display.table import clip
from agentpool_jupyter.pool.words import PYTHON
from agentpool_jupyter.tracing.labels import label_line
from agentpool_jupyter.tracing.told import effect_lines, handed_over

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentpool_jupyter.pool import Turn
    from agentpool_jupyter.recall import Matches
    from agentpool_jupyter.tracing import PhraseTrace, Trace
    from agentpool_jupyter.tracing.prompt import RebuiltPrompt

About = Literal["card", "alike", "spread"]
"""What a view asks about a turn."""
_NAMED = 100  # turns that are named of each kind, the last ones; the counts are of all
_EXCERPT = 160  # characters of a passage that are shown before it is opened


class NamedTurn(msgspec.Struct, kw_only=True, frozen=True):
    """A turn that a card names."""

    id: str
    name: str
    why: str = ""
    """What there is to say of it."""


class PromptMessage(msgspec.Struct, kw_only=True, frozen=True):
    """One message of a prompt; its text is exactly what was sent."""

    role: str
    text: str = ""
    calls: list[str] = []
    """Calls of tools that it holds."""


class PromptView(msgspec.Struct, kw_only=True, frozen=True):
    """What a model was asked by one call."""

    offset: int
    """Of the event that records it."""
    attempt: int
    seen: int
    """One past the last offset that was read for it."""
    way: str = ""
    """How the server was made to go on; empty for the first prompt of an attempt."""
    problem: str = ""
    """Why the words are not known to be those that were sent; empty where they have the digest of the log."""
    messages: list[PromptMessage] | None = None
    """None where they were not asked for."""


class HitView(msgspec.Struct, kw_only=True, frozen=True):
    """A passage that was found, with its exact score."""

    score: float
    question: str
    """``resembles`` or ``contained``."""
    source: str
    excerpt: str
    """The part that is most alike, in a line or two."""
    text: str
    """The whole passage."""


class PlaceView(msgspec.Struct, kw_only=True, frozen=True):
    """A turn in which words stand, or nearly so."""

    id: str
    name: str
    offset: int
    score: float
    """The share of the words' shingles that it has."""
    origin: str
    """Where it has them from."""
    text: str


class Card(msgspec.Struct, kw_only=True, tag="card", tag_field="kind"):
    """What the log says of a turn, for the view that asked."""

    view: str
    turn: str
    head: str = ""
    """It in a line, as ``%trace`` has it."""
    model: str = ""
    start: int = 0
    end: int | None = None
    attempts: int = 1
    first_token: float | None = None
    """Seconds of the log's time to its first words, of the attempt that counts."""
    seconds: float | None = None
    """To its end; None while it runs."""
    prompt_tokens: int | None = None
    """Of all attempts together, as are the next three; None where nobody has counted yet."""
    completion_tokens: int | None = None
    estimated: bool = False
    """They are upper bounds."""
    cost: float | None = None
    """US dollars; None where the price is not known."""
    shares: dict[str, int] = {}
    """Of which prompt tokens: ``task``, ``own``, ``others`` and ``recalled``."""
    read: list[NamedTurn] = []
    """The turns that it had read, the last ones."""
    read_count: int = 0
    unread: list[NamedTurn] = []
    """What it had not read, or not all of, with why."""
    unread_count: int = 0
    readers: list[NamedTurn] = []
    """The turns that had read it."""
    readers_count: int = 0
    before: int = 0
    """How many turns it came from, by way of others too."""
    after: int = 0
    """How many came from it."""
    given: str = ""
    """What it was given in place of a prompt."""
    prompts: list[PromptView] = []
    calls: list[str] = []
    """Its calls of tools, each with the votes on it and what came of it, in lines."""
    votes: list[str] = []
    """What its agent voted meanwhile on calls of others."""
    recalled: list[HitView] = []
    """What it was reminded of."""
    files: list[str] = []
    errors: list[str] = []
    labels: list[str] = []


class Alike(msgspec.Struct, kw_only=True, tag="alike", tag_field="kind"):
    """What was said or written before that is like a turn, best first."""

    view: str
    turn: str
    hits: list[HitView] = []
    notes: list[str] = []


class Spread(msgspec.Struct, kw_only=True, tag="spread", tag_field="kind"):
    """Where words of a turn stand, in the order in which the log took them."""

    view: str
    turn: str
    text: str
    places: list[PlaceView] = []
    """The first ones."""
    count: int = 0


class Untold(msgspec.Struct, kw_only=True, tag="untold", tag_field="kind"):
    """Why a question about a turn has no answer."""

    view: str
    turn: str
    about: About
    problem: str


def card_of(found: Trace, view: str, prompt: int | None = None) -> Card:
    """Return a trace as a card, with the words of the prompt at an offset (default: the first that counts)."""
    turn = found.turn
    usages = [one.turn.usage for one in found.attempts if one.turn.usage]
    whole = sum(usages[1:], usages[0]) if usages else None
    shown = prompt if prompt is not None else found.prompt.offset if found.prompt else None
    read, unread, readers = found.seen, found.unseen, found.readers
    return Card(
        view=view,
        turn=turn.id,
        head=found.head,
        model=turn.model,
        start=turn.start,
        end=turn.end,
        attempts=len(found.attempts),
        first_token=found.first_token,
        seconds=found.seconds,
        prompt_tokens=whole.prompt if whole else None,
        completion_tokens=whole.completion if whole else None,
        estimated=bool(whole and whole.estimated),
        cost=found.cost,
        shares={
            "task": whole.prompt - whole.own - whole.others - whole.recalled,
            "own": whole.own,
            "others": whole.others,
            "recalled": whole.recalled,
        }
        if whole
        else {},
        read=_named(read),
        read_count=len(read),
        unread=[NamedTurn(id=one.turn.id, name=one.turn.name, why=one.why) for one in unread[-_NAMED:]],
        unread_count=len(unread),
        readers=_named(readers),
        readers_count=len(readers),
        before=len(found.ancestors),
        after=len(found.descendants),
        given=f"It is a Python agent, and was given the document as it was before offset {turn.seen}"
        if turn.model.startswith(PYTHON)
        else "",
        prompts=[
            _prompt(one, attempt.turn.attempt, one.offset == shown)
            for attempt in found.attempts
            for one in attempt.prompts
        ],
        calls=[effect_lines(one, handed_over(found.pool)) for one in found.effects],
        votes=[
            f"{'yes' if vote.accept else 'no'} to {one.told}: {vote.text}".rstrip(": ") for one, vote in found.votes
        ],
        recalled=[_recalled(hit) for hit in found.recalled],
        files=[f"{file.path}: version {file.read + 1}, {file.size:,} bytes" for file in found.files],
        errors=found.errors,
        labels=[label_line(one) for one in found.labels],
    )


def alike_of(found: Matches, view: str, turn: str) -> Alike:
    """Return what was found as it is told."""
    hits = [
        HitView(score=hit.score, question=hit.question, source=hit.source, excerpt=hit.excerpt, text=hit.text)
        for hit in found
    ]
    return Alike(view=view, turn=turn, hits=hits, notes=list(found.notes))


def spread_of(found: PhraseTrace, view: str, turn: str) -> Spread:
    """Return where words stand as it is told."""
    places = [
        PlaceView(
            id=place.turn.id,
            name=place.turn.name,
            offset=place.offset,
            score=place.score,
            origin=place.origin,
            text=place.text,
        )
        for place in found.places[:_NAMED]
    ]
    return Spread(view=view, turn=turn, text=found.phrase, places=places, count=len(found.places))


def _named(turns: list[Turn]) -> list[NamedTurn]:
    return [NamedTurn(id=turn.id, name=turn.name) for turn in turns[-_NAMED:]]


def _prompt(prompt: RebuiltPrompt, attempt: int, whole: bool) -> PromptView:  # noqa: FBT001
    return PromptView(
        offset=prompt.offset,
        attempt=attempt,
        seen=prompt.seen,
        way=prompt.way,
        problem=prompt.problem,
        messages=list(_messages(prompt.messages)) if whole else None,
    )


def _messages(messages: Iterable[dict[str, Any]]) -> Iterable[PromptMessage]:
    for message in messages:
        calls = [
            f"{call['function']['name']}({call['function']['arguments']})" for call in message.get("tool_calls", [])
        ]
        yield PromptMessage(role=str(message.get("role", "")), text=str(message.get("content") or ""), calls=calls)


def _recalled(hit: dict[str, Any]) -> HitView:
    score, text = hit.get("score"), str(hit.get("text", ""))
    return HitView(
        score=float(score) if isinstance(score, int | float) else 0.0,
        question=str(hit.get("question", "")),
        source=str(hit.get("source", "")),
        excerpt=clip(text, _EXCERPT),
        text=text,
    )
