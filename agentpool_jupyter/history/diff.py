"""What changed between two positions of a pool, turn by turn and word by word."""

from __future__ import annotations

import difflib
import re
from html import escape
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.pool import Document, Pool, Position, Turn

Change = Literal["same", "added", "removed", "changed"]
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_MARKS = {"same": " ", "added": "+", "removed": "-", "changed": "~"}
_TINTS = {"added": "rgba(0,158,115,.18)", "removed": "rgba(213,94,0,.18)"}


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

    def words(self) -> Iterator[tuple[Literal["same", "added", "removed"], str]]:
        """Yield stretches of text that both have, or only one of them."""
        old = _WORDS.findall(self.before.text if self.before else "")
        new = _WORDS.findall(self.after.text if self.after else "")
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if tag == "equal":
                yield "same", "".join(old[i1:i2])
                continue
            if i2 > i1:
                yield "removed", "".join(old[i1:i2])
            if j2 > j1:
                yield "added", "".join(new[j1:j2])


class Diff:
    """The turns of two documents side by side; displays itself as text and in colour."""

    def __init__(self, before: Document, after: Document, *, names: tuple[str, str]) -> None:
        self.names = names
        self.changes = list(_match(before.turns, after.turns))

    @property
    def counts(self) -> dict[str, int]:
        """How many turns were added, removed, changed or stayed the same."""
        kinds = [change.kind for change in self.changes]
        return {kind: kinds.count(kind) for kind in ("added", "removed", "changed", "same")}

    def __bool__(self) -> bool:
        return any(change.kind != "same" for change in self.changes)

    def _head(self) -> str:
        told = ", ".join(f"{count} {kind}" for kind, count in self.counts.items() if count) or "both are empty"
        return f"{self.names[0]} → {self.names[1]}: {told}"

    def __repr__(self) -> str:
        parts = [self._head()]
        for change in self.changes:
            if change.kind == "same":
                continue
            body = "".join(_plain(kind, text) for kind, text in change.words()).strip()
            parts.append(f"{_MARKS[change.kind]} {change.name}\n{_indent(body)}")
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        rows = "".join(_row(change) for change in self.changes)
        head = f"<p><strong>{escape(self._head())}</strong></p>"
        return f'<div class="agentpool-diff" style="line-height:1.45">{head}{rows}</div>'


def diff(pool: Pool, a: int | str | Position, b: int | str | Position | None = None) -> Diff:
    """Return what changed from position ``a`` to position ``b`` (default: the current line as it is now).

    Raises PositionError.
    """
    names = (str(a), "now" if b is None else str(b))
    return Diff(pool.document(a), pool.document(b), names=names)


def _match(before: list[Turn], after: list[Turn]) -> Iterator[TurnChange]:
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


def _plain(kind: str, text: str) -> str:
    return {"same": text, "added": f"{{+{text}+}}", "removed": f"[-{text}-]"}[kind]  # as in git's --word-diff


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _row(change: TurnChange) -> str:
    mark = {"added": "added", "removed": "removed", "changed": "changed", "same": ""}[change.kind]
    shade = "opacity:.55;" if change.kind == "same" else ""
    if change.kind == "same" and change.after:
        body = escape(change.after.text.strip())
    else:
        body = "".join(_tinted(kind, text) for kind, text in change.words())
    aside = f" <em>({mark})</em>" if mark else ""
    return (
        f'<div style="border-left:4px solid #7F7F7F;padding:.1em .8em;margin:.7em 0;{shade}">'
        f"<div><strong>{escape(change.name)}</strong>{aside}</div>"
        f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{body}</div></div>'
    )


def _tinted(kind: str, text: str) -> str:
    if kind == "same":
        return escape(text)
    tag = "ins" if kind == "added" else "del"
    return f'<{tag} style="background:{_TINTS[kind]};text-decoration-thickness:1px">{escape(text)}</{tag}>'
