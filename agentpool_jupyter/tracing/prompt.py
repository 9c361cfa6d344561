"""Exact prompts, rebuilt from the log, and checked against the digests that were recorded when they were sent.

A prompt is not stored, for with every turn all that was said before would be stored again. What is stored says which
turns went in, how much of those that were cut, what was recalled, and which version of the words stood around them
(:mod:`agentpool_jupyter.agents.prompt.record`); with the document as it was at ``seen`` that is all of it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.agents.models.continuation import going_on
from agentpool_jupyter.agents.models.spoken_calls import with_exchange
from agentpool_jupyter.agents.prompt.build import digest_of
from agentpool_jupyter.agents.prompt.edits import edited
from agentpool_jupyter.agents.prompt.frame import section
from agentpool_jupyter.agents.prompt.record import completed, turns_read
from agentpool_jupyter.agents.prompt.wording import VERSION, closing_words, system_words, turn_section, user_words
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.pool import Document, Turn
    from agentpool_jupyter.pool.events import TurnContinued, TurnStarted

    from .course import Asking, Course, Teams

_WAYS = {"prefill", "flagged", "message", "called"}
_MARK = "[…] "  # before the end of a text that was cut


class TurnReading(msgspec.Struct, frozen=True):
    """What a prompt has of one turn."""

    turn: Turn
    """As it was when it was read: it may still have been speaking."""
    text: str


class RebuiltPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """What a model was asked by one call, as far as the log tells."""

    offset: int
    """Of the event that records it."""
    seen: int
    """One past the last offset that was read for it."""
    messages: list[dict[str, Any]] = []
    """Empty where it could not be rebuilt."""
    digest: str = ""
    """The SHA-256 that was recorded when it was sent."""
    problem: str = ""
    """Why the messages are not known to be those that were sent; empty where they have that digest."""
    way: str = ""
    """How the server was made to go on with a text; empty for the first prompt of an attempt."""
    error: str = ""
    """Why the call before broke off."""
    read: list[TurnReading] = []
    """The turns in it, in the order in which they stand there."""
    recalled: list[dict[str, Any]] = []
    """What was recalled for it, as the log has it."""

    @property
    def verified(self) -> bool:
        """Whether the messages have the digest that was recorded: they are exactly those that were sent."""
        return bool(self.messages) and not self.problem


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _Call(msgspec.Struct):
    function: _Function
    id: str = ""


class _Exchanged(msgspec.Struct):
    """A message of a call of tools, as far as others look into it."""

    role: str
    content: str
    tool_calls: list[_Call] = []
    tool_call_id: str = ""


class _Account(msgspec.Struct, frozen=True):
    """A prompt's record, as far as rebuilding needs it; what another program wrote may be anything."""

    since: int | None = None
    also: list[str] = []
    read: dict[str, int] = {}
    cut: list[str] = []
    kept: list[int] = []
    going_on: str | None = None
    older: int = 0
    recalled: list[str] = []
    wording: int = 1
    in_words: str | None = None
    redacted: list[tuple[int, int, int, str]] | bool = False
    """How contents were changed; only that they were, in pools of an older version."""


def rebuilt(
    course: Course, teams: Teams, document: Callable[[Position], Document], *, text: str
) -> list[RebuiltPrompt]:
    """Return the prompts of one attempt, in the order in which they were sent; ``text`` is all that it said."""
    found = []
    exchange: list[dict[str, Any]] = []
    base = 0
    for asking in course.askings:
        event = asking.event
        way = getattr(event, "way", "")
        more = getattr(event, "exchange", [])
        begun = ""
        if way:
            said: int = event.chars  # type: ignore[union-attr]  # only what goes on has a way
            if more:
                exchange += more
                base = said
            begun = text[base:said] if way != "called" else ""
        found.append(_rebuild(asking, teams, document, exchange=list(exchange), begun=begun))
    return found


def _rebuild(
    asking: Asking,
    teams: Teams,
    document: Callable[[Position], Document],
    *,
    exchange: list[dict[str, Any]],
    begun: str,
) -> RebuiltPrompt:
    event = asking.event
    prompt = RebuiltPrompt(
        offset=event.offset,
        seen=event.seen,
        digest=event.digest,
        way=getattr(event, "way", ""),
        error=getattr(event, "error", ""),
        recalled=asking.recall.hits if asking.recall else [],
    )
    if not event.digest:
        return msgspec.structs.replace(prompt, problem="no prompt was recorded")
    try:
        account = _account(event)
        team, agent = team_of(event, teams)
        read = read_turns(event, document(Position(event.branch, event.seen - 1)), team, agent, account)
        prompt = msgspec.structs.replace(prompt, read=read)
        messages = [
            {"role": "system", "content": system_words(team, agent)},
            {
                "role": "user",
                "content": user_words(
                    [turn_section(one.turn, agent, one.text) for one in read],
                    list(_recalled(prompt.recalled, account)),
                    closing_words(team, agent),
                ),
            },
        ]
        messages = with_exchange(messages, _sound(exchange), account.in_words)
        if prompt.way in _WAYS - {"called"}:
            messages = going_on(messages, begun, prompt.way)  # type: ignore[arg-type]  # it is one of the ways
        if account.redacted is True:
            message = "texts were redacted on the way, and an older version did not record how"
            raise UserError(message)  # noqa: TRY301 - as all that is not known
        messages = edited(messages, account.redacted or [])
        same = digest_of(messages) == event.digest
    except UserError as error:
        return msgspec.structs.replace(prompt, problem=f"it cannot be rebuilt: {error}")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # What a stranger's record holds is not what ours do.
        problem = f"it cannot be rebuilt: its record is not as this package writes it ({type(error).__name__})"
        return msgspec.structs.replace(prompt, problem=problem)
    problem = "" if same else "what the log gives has another digest than what was sent: not the exact prompt"
    return msgspec.structs.replace(prompt, messages=messages, problem=problem)


def _sound(exchange: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages of calls of tools; raises UserError where they are not as this package knows them."""
    try:
        msgspec.convert(exchange, list[_Exchanged])
    except msgspec.ValidationError as error:
        message = f"its calls of tools cannot be read: {error}"
        raise UserError(message) from None
    return exchange


def _account(event: TurnStarted | TurnContinued) -> _Account:
    """Return a prompt's record; raises UserError where it is not as this package knows it."""
    try:
        account = msgspec.convert(event.context, _Account)
    except msgspec.ValidationError as error:
        message = f"its record cannot be read: {error}"
        raise UserError(message) from None
    if not 1 <= account.wording <= VERSION:
        message = f"its words are of version {account.wording}, and this package knows up to {VERSION}: update it"
        raise UserError(message)
    return account


def team_of(event: TurnStarted | TurnContinued, teams: Teams) -> tuple[TeamSpec, AgentSpec]:
    """Return the team and the agent that a prompt was for; raises UserError where the log does not have them."""
    team = teams.at(event.run, event.offset)
    try:
        return team, team.agent(event.agent)
    except StopIteration:
        message = f"the team of run {event.run!r} has no agent {event.agent!r}"
        raise UserError(message) from None


def read_turns(
    event: TurnStarted | TurnContinued,
    document: Document,
    team: TeamSpec,
    agent: AgentSpec,
    account: _Account | None = None,
) -> list[TurnReading]:
    """Return what a prompt has of each turn, given the document as it was; raises UserError where that is not known."""
    account = account or _account(event)
    near = document.turns[max(0, account.older) :]
    turns = sorted(turns_read(event.context, near, team, agent), key=completed)
    kept = _kept(account, turns)
    return [TurnReading(turn, _end_of(turn.text.strip(), kept.get(turn.id))) for turn in turns]


def _kept(account: _Account, turns: Iterable[Turn]) -> dict[str, int]:
    """Return how many characters went in of each turn that was cut."""
    if len(account.kept) == len(account.cut):
        return dict(zip(account.cut, account.kept, strict=True))
    # Older records have the characters by agent only: where one turn of an agent was cut, the rest is its.
    cut = {turn.id: turn.agent for turn in turns if turn.id in account.cut}
    left = Counter(account.read)
    for turn in turns:
        if turn.id not in cut:
            left[turn.agent] -= len(turn.text.strip())
    if any(count > 1 for count in Counter(cut.values()).values()):
        message = "an older version recorded it, which did not keep how much of each text went in"
        raise UserError(message)
    return {turn: left[agent] for turn, agent in cut.items()}


def _end_of(text: str, kept: int | None) -> str:
    """Return a text as it went in, which is its end where it was cut."""
    if kept is None:
        return text
    tail = kept - len(_MARK)
    return _MARK + (text[-tail:] if tail > 0 else "")


def _recalled(hits: Iterable[Mapping[str, Any]], account: _Account) -> Iterator[str]:
    hits = list(hits)
    if len(hits) != len(account.recalled) or not all(isinstance(hit.get("text"), str) for hit in hits):
        if not account.recalled:
            return
        message = "an older version recorded it, which did not keep the text of what was recalled"
        raise UserError(message)
    for source, hit in zip(account.recalled, hits, strict=True):
        yield section(source, hit["text"])
