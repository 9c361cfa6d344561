"""What changed between two positions of a pool, turn by turn and word by word."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal, overload

import msgspec

from agentpool_jupyter.display.changes import ChangedSection, Hunk, changes_to_html, changes_to_text
from agentpool_jupyter.pool.settled import TurnList
from agentpool_jupyter.pool.turn import name_parts, turn_name

from .files import file_diffs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from agentpool_jupyter.pool import Document, Pool, Position, Turn

Change = Literal["same", "added", "removed", "changed"]
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_ALIKE = 0.4  # of the shorter text: two that share less are shown whole, not as a mosaic of common words
_NAMED = 8  # turns, or agents, named where turns are not shown
_PRINTED = 100  # turns that are shown as plain text, where nothing can be folded away


class TurnChange(msgspec.Struct, frozen=True):
    """One turn in two documents; ``before`` or ``after`` is None where a document does not have it."""

    before: Turn | None
    after: Turn | None

    @property
    def kind(self) -> Change:
        """What became of it."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        same = (self.before.text, self.before.status) == (self.after.text, self.after.status)
        return "same" if same else "changed"

    @property
    def name(self) -> str:
        """The turn's name, as the later document has it."""
        turn = self.after or self.before
        return turn.name if turn else ""

    @property
    def remark(self) -> str:
        """What became of it, in a few words for people; empty where it stayed the same."""
        if self.before and self.after and self.kind == "changed":
            before, after = self.before.text.rstrip(), self.after.text.rstrip()
            if before == after:
                return f"{self.before.status} → {self.after.status}"
            if before.startswith(after):
                return "cut short"
            if after.startswith(before):
                return "went on"
        return "" if self.kind == "same" else self.kind

    def words(self) -> Iterator[Hunk]:
        """Yield stretches of text that both have, or only one of them."""
        return changed_words(self.before.text if self.before else "", self.after.text if self.after else "")


class Changes(Sequence[TurnChange]):
    """What became of each turn, in the order of the log: a list that is loaded as it is looked at."""

    def __init__(self, before: Sequence[Turn], after: Sequence[Turn]) -> None:
        self._after = after
        self.leading: Mapping[str, int] = after.leading(before) if isinstance(after, TurnList) else Counter()
        """How many turns of each agent, at the beginning, are known to be the same and were not loaded."""
        self._skipped = sum(self.leading.values())
        self.rest = list(_match(before[self._skipped :], after[self._skipped :]))
        """What became of all others."""

    def __len__(self) -> int:
        return self._skipped + len(self.rest)

    @overload
    def __getitem__(self, index: int) -> TurnChange: ...
    @overload
    def __getitem__(self, index: slice) -> list[TurnChange]: ...
    def __getitem__(self, index: int | slice) -> TurnChange | list[TurnChange]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [self[place] for place in places]
        if places >= self._skipped:
            return self.rest[places - self._skipped]
        return TurnChange(self._after[places], self._after[places])

    def __repr__(self) -> str:
        return repr(list(self))


class Diff:
    """The turns and files of two documents of a pool side by side; displays itself as text and in colour."""

    def __init__(self, before: Document, after: Document, *, names: tuple[str, str]) -> None:
        self.names = names
        self.changes = Changes(before.turns, after.turns)
        self.files = file_diffs(before.files, after.files)
        """The files that are not the same."""

    @property
    def counts(self) -> dict[str, int]:
        """How many turns were added, removed, changed or stayed the same."""
        kinds = Counter({"same": sum(self.changes.leading.values())})
        kinds.update(change.kind for change in self.changes.rest)
        return {kind: kinds[kind] for kind in ("added", "removed", "changed", "same")}

    def __bool__(self) -> bool:
        return bool(self.files) or any(change.kind != "same" for change in self.changes.rest)

    @property
    def head(self) -> str:
        """What changed, counted, in a line."""
        told = ", ".join(f"{count} {kind}" for kind, count in self.counts.items() if count) or "both are empty"
        kinds = Counter(file.kind for file in self.files)
        files = ", ".join(f"{kinds[kind]} {kind}" for kind in ("added", "removed", "changed") if kinds[kind])
        return f"{self.names[0]} → {self.names[1]}: {told}" + (f"; files: {files}" if files else "")

    def __repr__(self) -> str:
        turns = [change for change in self.changes.rest if change.kind != "same"]
        sections = [*map(_section, turns[:_PRINTED]), *(file.section() for file in self.files[:_PRINTED])]
        more = [
            f"… and {len(found) - _PRINTED:,} more {what}; ap.diff(…).{name} has them all"
            for found, what, name in ((turns, "turns", "changes"), (self.files, "files", "files"))
            if len(found) > _PRINTED
        ]
        return changes_to_text(self.head, sections, "\n".join(more))

    def _repr_html_(self) -> str:
        stretches: list[str | list[ChangedSection]] = []
        leading = self.changes.leading
        for same, group in groupby(self.changes.rest, lambda change: change.kind == "same"):
            changes = list(group)
            if leading and not same:
                stretches.append(_same(leading))
            stretches.append(_same(leading, changes) if same else list(map(_section, changes)))
            leading = {}
        if leading:
            stretches = [_same(leading)]
        if self.files:
            stretches.append([file.section() for file in self.files])
        return changes_to_html(self.head, stretches)


def diff(pool: Pool, a: int | str | Position, b: int | str | Position | None = None) -> Diff:
    """Return what changed from position ``a`` to ``b`` (default: the current line now); raises PositionError."""
    names = (str(a), "now" if b is None else str(b))
    return Diff(pool.document(a), pool.document(b), names=names)


def changed_words(before: str, after: str) -> Iterator[Hunk]:
    """Yield stretches of text that both have, or only the earlier or the later, word by word."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    shared = sum(_weight(old[i1:i2]) for tag, i1, i2, _, _ in steps if tag == "equal")
    if shared < _ALIKE * min(_weight(old), _weight(new)):
        yield from _changed(before, after)
        return
    gone, come = "", ""
    for tag, i1, i2, j1, j2 in steps:
        same = "".join(old[i1:i2]) if tag == "equal" else ""
        if tag != "equal" or (same.isspace() and (gone or come)):  # a space between two changes holds them together
            gone += "".join(old[i1:i2])
            come += "".join(new[j1:j2])
            continue
        yield from _changed(gone, come)
        gone, come = "", ""
        yield Hunk("same", same)
    yield from _changed(gone, come)


def _match(before: Sequence[Turn], after: Sequence[Turn]) -> Iterator[TurnChange]:
    """Pair turns: the same turn by its id, else, where two lines went different ways, by its name."""
    by_id = {turn.id: turn for turn in before}
    shared = {turn.id for turn in after} & by_id.keys()
    by_name = {turn.name: turn for turn in before if turn.id not in shared}
    pairs: list[tuple[int, TurnChange]] = []
    for turn in after:
        partner = by_id.get(turn.id) if turn.id in shared else by_name.pop(turn.name, None)
        pairs.append((turn.start, TurnChange(partner, turn)))
    pairs += [(turn.start, TurnChange(turn, None)) for turn in by_name.values()]
    for _, change in sorted(pairs, key=lambda pair: pair[0]):
        yield change


def _weight(words: list[str]) -> int:
    """Return the number of characters that are no space."""
    return sum(len(word) for word in words if not word.isspace())


def _changed(gone: str, come: str) -> Iterator[Hunk]:
    if gone:
        yield Hunk("removed", gone)
    if come:
        yield Hunk("added", come)


def _section(change: TurnChange) -> ChangedSection:
    return ChangedSection(change.name, change.kind, change.remark, list(change.words()), markdown=True)


def _same(leading: Mapping[str, int], changes: Iterable[TurnChange] = ()) -> str:
    """Return the names of neighbours that all stayed the same: each agent's follow one another, so two are enough."""
    spans = {agent: (1, count) for agent, count in leading.items() if count}
    for change in changes:
        agent, number = name_parts(change.name) or (change.name, 1)
        spans[agent] = (spans[agent][0] if agent in spans else number, number)
    names = [
        turn_name(agent, first) + (f" to {turn_name(agent, last)}" if last > first else "")
        for agent, (first, last) in sorted(spans.items())
    ]
    rest = sum(1 + last - first for _, (first, last) in sorted(spans.items())[_NAMED:])
    return f"the same: {', '.join(names[:_NAMED])}" + (f" and {rest:,} more" if rest else "")
