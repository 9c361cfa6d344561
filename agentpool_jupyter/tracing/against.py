"""Two turns, agents, runs or branches side by side: what they were asked, what they had read, what they said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.display.account import Account, Part
from agentpool_jupyter.display.changes import ChangedSection, changes_to_html, changes_to_text
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.history.diff import changed_words
from agentpool_jupyter.pool.turn import name_parts

from .many import TurnsTrace
from .turn import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.display.changes import Hunk
    from agentpool_jupyter.pool import Turn

    from .effect import EffectTrace

_PRINTED = 20  # pairs whose texts are shown; the object has all


class TurnPair(msgspec.Struct, frozen=True):
    """Two turns that stand beside each other; one of them is None where the other side has no such turn."""

    before: Turn | None
    after: Turn | None

    @property
    def name(self) -> str:
        """Their names, once where they have the same."""
        names = [turn.name for turn in (self.before, self.after) if turn]
        return " → ".join(dict.fromkeys(names))

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return self.before is not None and self.after is not None and self.before.text == self.after.text

    def words(self) -> Iterator[Hunk]:
        """Yield stretches of text that both have, or only one of them."""
        return changed_words(self.before.text if self.before else "", self.after.text if self.after else "")


class Comparison(Account):
    """Two traces side by side; displays itself.

    Turns of two agents, runs or branches are paired by agent and by which of its turns it is; where two agents are
    compared, by the number alone. Raises UserError where the two are not of one kind.
    """

    def __init__(
        self,
        before: Trace | TurnsTrace | EffectTrace,
        after: Trace | TurnsTrace | EffectTrace,
        *,
        names: tuple[str, str],
    ) -> None:
        self.names = names
        self.before, self.after = before, after
        if isinstance(before, Trace) and isinstance(after, Trace):
            self.pairs = [TurnPair(before.turn, after.turn)]
        elif isinstance(before, TurnsTrace) and isinstance(after, TurnsTrace):
            self.pairs = _pairs(before, after)
        else:
            message = (
                f"{names[0]!r} and {names[1]!r} are not of one kind: compare two turns, or two agents, runs or branches"
            )
            raise UserError(message)

    def prompts(self, pair: TurnPair | None = None) -> list[ChangedSection]:
        """Return what is different in the prompts of a pair (default: the first), message by message, word by word."""
        pair = pair or self.pairs[0]
        before, after = self._messages(self.before, pair.before), self._messages(self.after, pair.after)
        return [
            _section(role, before.get(role, ""), after.get(role, ""))
            for role in dict.fromkeys([*before, *after])
            if before.get(role) != after.get(role)
        ]

    def texts(self) -> list[ChangedSection]:
        """Return what is different in what was said, turn by turn, word by word."""
        return [
            _section(pair.name, pair.before.text if pair.before else "", pair.after.text if pair.after else "")
            for pair in self.pairs
            if not pair.same
        ]

    def _messages(self, side: Trace | TurnsTrace | EffectTrace, turn: Turn | None) -> dict[str, str]:
        """Return the first prompt of a turn's last attempt, by what each message is."""
        if turn is None or not turn.model:
            return {}
        trace = side if isinstance(side, Trace) else side[turn.name] if isinstance(side, TurnsTrace) else None
        prompt = trace.prompt if trace else None
        return (
            {
                f"{message['role']} {number}": str(message["content"])
                for number, message in enumerate(prompt.messages, 1)
            }
            if prompt
            else {}
        )

    @property
    def head(self) -> str:
        """It in a line."""
        same = sum(pair.same for pair in self.pairs)
        return f"{self.names[0]} beside {self.names[1]}: {len(self.pairs)} pairs of turns, {same} of which say the same"

    def _facts(self) -> Table:
        rows: list[tuple[object, ...]] = []
        for pair in self.pairs:
            rows += [_facts(turn, side) for turn, side in ((pair.before, self.before), (pair.after, self.after))]
        return Table(("turn", "branch", "status", "tokens", "characters", "had read below"), rows)

    def _read(self) -> Iterator[Part]:
        if not (isinstance(self.before, Trace) and isinstance(self.after, Trace)):
            return
        mine, theirs = ([turn.name for turn in side.seen] for side in (self.before, self.after))
        for name, only in ((self.names[0], set(mine) - set(theirs)), (self.names[1], set(theirs) - set(mine))):
            told = ", ".join(one for one in (*mine, *theirs) if one in only)
            yield Part(f"Only {name} had read: {told or 'nothing'}")

    def _parts(self) -> list[Part]:
        parts = [Part("What they are", self._facts()), *self._read()]
        shown = [pair for pair in self.pairs if not pair.same][:_PRINTED] or self.pairs[:1]
        for pair in shown:
            prompts = self.prompts(pair)
            title = f"What was asked: {pair.name}"
            if prompts:
                parts.append(
                    Part(title, changes_to_text(title, prompts), changes_to_html(title, [prompts]), shut=len(shown) > 1)
                )
            elif pair.before and pair.after and pair.before.model:
                parts.append(Part(f"{pair.name} were asked the same"))
        texts = self.texts()
        if texts:
            more = f", the first {_PRINTED} of {len(texts)}" if len(texts) > _PRINTED else ""
            title = f"What was said{more}"
            texts = texts[:_PRINTED]
            parts.append(Part(title, changes_to_text(title, texts), changes_to_html(title, [texts])))
        else:
            parts.append(Part("They said the same"))
        return parts


def _pairs(before: TurnsTrace, after: TurnsTrace) -> list[TurnPair]:
    one, other = _numbered(before), _numbered(after)
    agents = {agent for agent, _ in one}, {agent for agent, _ in other}
    if all(len(names) == 1 for names in agents) and agents[0] != agents[1]:
        one = {("", number): turn for (_, number), turn in one.items()}
        other = {("", number): turn for (_, number), turn in other.items()}
    return [TurnPair(one.get(key), other.get(key)) for key in dict.fromkeys([*one, *other])]


def _numbered(trace: TurnsTrace) -> dict[tuple[str, int], Turn]:
    """Return turns by agent and by the how many-th of its turns there it is."""
    counts: dict[str, int] = {}
    found = {}
    for turn in trace.turns:
        agent, _ = name_parts(turn.name) or (turn.agent, 0)
        counts[agent] = counts.get(agent, 0) + 1
        found[agent, counts[agent]] = turn
    return found


def _facts(turn: Turn | None, side: Trace | TurnsTrace | EffectTrace) -> tuple[object, ...]:
    if turn is None:
        return ("—", getattr(side, "name", ""), "not there", "", "", "")
    tokens = turn.usage.total if turn.usage else ""
    return (turn.name, turn.branch, turn.remark or turn.status, tokens, len(turn.text), turn.seen)


def _section(name: str, before: str, after: str) -> ChangedSection:
    kind = "added" if not before else "removed" if not after else "changed"
    return ChangedSection(name, kind, kind, list(changed_words(before, after)))
