"""What waits for somebody, with those that are alike in one question, and how a person answers.

Alike are calls of the same tool that wait behind the same gate at the same time, and for a person; what an agent asks a
person in words is not, for each wants an answer of its own. A question of several is named after exactly these, so that
an answer to it is none to a call that came later.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.events import Grant, GrantRevoked, Vote, now_ms
from agentpool_jupyter.pool.votes import PERSON

from .effect import digest_of_gate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agentpool_jupyter.pool.events import Event

    from .effect import Effect
    from .fold import Effects
    from .grants import StandingGrant

_SHOWN = 6  # hexadecimal digits of a question's name


class Question(NamedTuple):
    """Calls that are answered together; mostly it is one."""

    name: str
    """Of one call its id; of several the tool, with a sign of which they are: ``pay:3f2a91``."""
    effects: list[Effect]


class Pending(list["Effect"]):
    """What waits for somebody to agree, oldest first."""

    @property
    def questions(self) -> list[Question]:
        """The same, with those that are alike in one question."""
        return questions_of(self)

    def find(self, name: str) -> list[Effect]:
        """Return what a name means: the calls of a question, or those whose ids end so."""
        of_question = next((one.effects for one in self.questions if one.name == name), None)
        return of_question or [effect for effect in self if effect.id.endswith(name)]


def questions_of(effects: Iterable[Effect]) -> list[Question]:
    """Return calls that wait as questions, in the order in which the first of each was asked for."""
    groups: dict[object, list[Effect]] = {}
    for effect in effects:
        kind: object = effect.id
        if effect.gate is not None and effect.waits_for_person and not effect.is_question:
            kind = effect.proposal.tool, digest_of_gate(effect.gate)
        groups.setdefault(kind, []).append(effect)
    return [Question(_name(group), group) for group in groups.values()]


def _name(effects: Sequence[Effect]) -> str:
    if len(effects) == 1:
        return effects[0].id
    which = hashlib.sha256(" ".join(sorted(effect.id for effect in effects)).encode()).hexdigest()
    return f"{effects[0].proposal.tool}:{which[:_SHOWN]}"


class HoldsEffects(Protocol):
    """Where answers are written: a pool."""

    name: str

    @property
    def branch(self) -> str:
        """The current branch."""

    @property
    def effects(self) -> Effects:
        """The effects, up to date."""

    def pending(self) -> Pending:
        """Return what waits on the current line."""

    def header(self, branch: str, run: str = "", agent: str = "", claim: str = "") -> dict[str, Any]:
        """Return what every new event carries."""

    def append(self, events: Sequence[Event]) -> None:
        """Store events durably, in order."""


def find_pending(pool: HoldsEffects, name: str) -> list[Effect]:
    """Return what waits under a name; raises UserError, which lists what waits, where that is nothing, or unclear."""
    waiting = pool.pending()
    found = waiting.find(name)
    if not found or (len(found) > 1 and any(effect.id.endswith(name) for effect in found)):
        names = ", ".join(f"{effect.id} {effect.told}" for effect in waiting) or "nothing waits"
        message = f"{'more than one' if found else 'no'} proposal {name!r} in pool {pool.name!r}; {names}"
        raise UserError(message)
    return found


def answer(
    pool: HoldsEffects, seen: Mapping[str, int | None], text: str, *, accept: bool, agent: str = PERSON
) -> list[Effect]:
    """Vote on what waits, all at once, and return it as the log has it then.

    ``seen`` has the names of what is answered, and what was known of each (None: what is known now). Raises UserError,
    with nothing said, where one of them does not wait; and afterwards, where a vote does not count.
    """
    chosen = {effect.id: (effect, known) for name, known in seen.items() for effect in find_pending(pool, name)}
    votes = [
        Vote(
            **pool.header(effect.proposal.branch, effect.proposal.run, agent),
            proposal=effect.id,
            accept=accept,
            text=text,
            digest=effect.proposal.digest,
            seen=effect.since if known is None else known,
        )
        for effect, known in chosen.values()
    ]
    pool.append(votes)
    effects = pool.effects
    found = [effects[vote.proposal] for vote in votes]
    for vote, effect in zip(votes, found, strict=True):
        why = next((why for one, why in effect.idle if one.id == vote.id), "")
        if why:
            message = f"the vote of {agent} on {effect.told} does not count: {agent} {why}"
            raise UserError(message)
    return found


def grant(pool: HoldsEffects, tool: str, *, agent: str, count: int, within: float) -> StandingGrant:
    """Agree beforehand to calls of a tool; raises UserError for a grant of nothing."""
    if not tool or count < 1 or not within > 0:
        message = f"a grant is for a tool, for one call or more, and for some time: not {count} in {within:g} s"
        raise UserError(message)
    event = Grant(**pool.header(pool.branch, agent=PERSON), tool=tool, of=agent, count=count, within=within)
    pool.append([event])
    return pool.effects.grants[event.id]


def revoke(pool: HoldsEffects, name: str) -> StandingGrant:
    """Take a grant back, by its id or the end of it; raises UserError where none of that id stands."""
    standing = standing_grants(pool)
    found = [one for one in standing if one.id.endswith(name)]
    if len(found) != 1:
        names = ", ".join(f"{one.id} ({one.told})" for one in standing) or "none stands"
        message = f"{'more than one' if found else 'no'} grant {name!r} in pool {pool.name!r}; {names}"
        raise UserError(message)
    pool.append([GrantRevoked(**pool.header(pool.branch, agent=PERSON), grant=found[0].id)])
    return pool.effects.grants[found[0].id]


def standing_grants(pool: HoldsEffects) -> list[StandingGrant]:
    """Return the grants that still count, oldest first."""
    grants = pool.effects.grants
    now = max(now_ms(), grants.time)
    return [one for one in list(grants.values()) if one.stands(now)]
