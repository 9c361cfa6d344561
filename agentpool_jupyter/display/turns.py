"""The document for people: markdown, and escaped HTML that needs no widget and no kernel."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentpool_jupyter.pool.turn import Turn

# After Okabe and Ito's colour-blind-safe palette (https://jfly.uni-koeln.de/color/), readable on light and dark; the
# widget uses the same (labextension/src/palette.ts).
PALETTE = ("#0083C9", "#E08A00", "#009E73", "#CC79A7", "#D55E00", "#46A9E0", "#98952F", "#A9559F")
_PERSON = "#8A8F98"


def note(turn: Turn) -> str:
    """Return in a few words what is unusual about a turn, or an empty text."""
    match turn.status:
        case "running":
            return "still speaking"
        case "failed":
            return f"failed: {turn.error or turn.reason}"
        case "cancelled":
            return "cut off" if turn.end is None else "stopped"  # by a fork, on the new line
        case "finished":
            return "cut at its token limit" if turn.reason == "length" else ""


def to_markdown(turns: Sequence[Turn]) -> str:
    """Return turns as markdown, one section each."""
    sections = []
    for turn in turns:
        remark = note(turn)
        head = f"### {turn.name}" + (f" *({remark})*" if remark else "")
        sections.append(f"{head}\n\n{turn.text.strip()}".strip())
    return "\n\n".join(sections) or "*(nothing has been said yet)*"


def colour(place: int | None) -> str:
    """Return the colour of the agent at a place; None is a person, and grey, as the colours belong to the team."""
    return _PERSON if place is None else PALETTE[place % len(PALETTE)]


def colours(turns: Sequence[Turn], places: Mapping[str, int]) -> dict[str, str]:
    """Return a colour for each who spoke, by their places; those who have none come after them as they appear."""
    known = dict(places)
    for turn in turns:
        if turn.model:
            known.setdefault(turn.agent, len(known))
    return {turn.agent: colour(known.get(turn.agent)) for turn in turns}


def to_html(turns: Sequence[Turn], places: Mapping[str, int]) -> str:
    """Return turns as self-contained HTML; everything an agent said is escaped."""
    palette = colours(turns, places)
    rows = "".join(_row(turn, palette[turn.agent]) for turn in turns)
    return (
        '<div class="agentpool-document" style="line-height:1.45">'
        f"{rows or '<p><em>nothing has been said yet</em></p>'}</div>"
    )


def _row(turn: Turn, tint: str) -> str:
    return turn_html(turn.name, note(turn), turn.text, tint)


def turn_html(name: str, remark: str, text: str, tint: str) -> str:
    """Return one turn as HTML, everything in it escaped."""
    aside = f" <em>({escape(remark)})</em>" if remark else ""
    return (
        f'<div style="border-left:4px solid {tint};padding:.1em .8em;margin:.7em 0">'
        f'<div><strong style="color:{tint}">{escape(name)}</strong>{aside}</div>'
        f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{escape(text.strip())}</div></div>'
    )
