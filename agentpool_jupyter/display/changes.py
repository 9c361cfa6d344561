"""What changed, section by section: as plain text with marks, and as escaped HTML with colours."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Literal, NamedTuple

from .foreign import literal, printable
from .markdown import markdown_html
from .sections import block_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_MARKS = {"added": "+", "removed": "-", "changed": "~"}
_TINTS = {"added": "rgba(0,158,115,.18)", "removed": "rgba(213,94,0,.18)"}
_EDGES = {"added": "#009E73", "removed": "#D55E00", "changed": "#7F7F7F"}
_OPEN = 40  # sections in a row that are shown without a click
_NAMED = 8  # of the others, those that are named


class Hunk(NamedTuple):
    """A stretch of text that both sides have, or only the later or the earlier."""

    kind: Literal["same", "added", "removed"]
    text: str


class ChangedSection(NamedTuple):
    """A section that did not stay the same."""

    name: str
    kind: str
    """``added``, ``removed`` or ``changed``."""
    remark: str
    """What became of it, in a few words."""
    hunks: Sequence[Hunk]
    markdown: bool = False
    """Whether the text is an agent's; where it changed in part, it is shown as it was written."""


def changes_to_text(head: str, changes: Iterable[ChangedSection], more: str = "") -> str:
    """Return changes as text, under a head and before what is said of those that are not shown."""
    parts = [head]
    for change in changes:
        aside = f" ({change.remark})" if change.kind == "changed" else ""
        body = "\n".join(f"    {line}" for line in _body(change, _plain).splitlines())
        parts.append(f"{_MARKS[change.kind]} {change.name}{aside}\n{body}".rstrip())
    return printable("\n\n".join([*parts, more] if more else parts))


def changes_to_html(head: str, stretches: Iterable[str | Sequence[ChangedSection]]) -> str:
    """Return stretches of changes as HTML under a head; one that stayed the same is told in a line of text."""
    rows = "".join(
        f'<div style="margin:.7em 0;opacity:.7">{escape(stretch)}</div>' if isinstance(stretch, str) else _rows(stretch)
        for stretch in stretches
    )
    head = f"<p><strong>{escape(head)}</strong></p>"
    return literal(f'<div class="agentpool-diff" style="line-height:1.45">{head}{rows}</div>')


def _rows(changes: Sequence[ChangedSection]) -> str:
    """Return neighbours; what is many is folded away."""
    shown, rest = "".join(map(_row, changes[:_OPEN])), changes[_OPEN:]
    if not rest:
        return shown
    names = ", ".join(change.name for change in rest[:_NAMED])
    more = f" and {len(rest) - _NAMED} more" if len(rest) > _NAMED else ""
    summary = f'<summary style="opacity:.7">{len(rest):,} more turns: {escape(names + more)}</summary>'
    return f'{shown}<details style="margin:.7em 0">{summary}{"".join(map(_row, rest))}</details>'


def _row(change: ChangedSection) -> str:
    name = f"<strong>{escape(change.name)}</strong>"
    if change.markdown and all(hunk.kind != "same" for hunk in change.hunks):
        body = "".join(map(_rendered, change.hunks))
    else:
        body = f'<div style="white-space:pre-wrap">{_body(change, _tinted)}</div>'
    return block_html(_EDGES[change.kind], name, change.remark, body)


def _body(change: ChangedSection, show: Callable[[Hunk], str]) -> str:
    """Return the hunks, shown one by one, as one text; two whole texts stand one under the other."""
    whole = [hunk.kind for hunk in change.hunks] == ["removed", "added"]
    return ("\n" if whole else "").join(map(show, change.hunks)).strip()


def _plain(hunk: Hunk) -> str:  # as in git's --word-diff
    return {"same": hunk.text, "added": f"{{+{hunk.text}+}}", "removed": f"[-{hunk.text}-]"}[hunk.kind]


def _rendered(hunk: Hunk) -> str:
    tag = "ins" if hunk.kind == "added" else "del"
    style = f"display:block;background:{_TINTS[hunk.kind]};text-decoration:none"
    return f'<{tag} style="{style}">{markdown_html(hunk.text.strip())}</{tag}>'


def _tinted(hunk: Hunk) -> str:
    if hunk.kind == "same":
        return escape(hunk.text)
    tag = "ins" if hunk.kind == "added" else "del"
    return f'<{tag} style="background:{_TINTS[hunk.kind]};text-decoration-thickness:1px">{escape(hunk.text)}</{tag}>'
