"""A small table that displays itself as text and as HTML; a text cut to fit a line of one, and a number of things."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .foreign import literal, printable

if TYPE_CHECKING:
    from collections.abc import Sequence


def clip(text: str, most: int) -> str:
    """Return a text in one line, of so many characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def counted(number: int, noun: str) -> str:
    """Return so many of something in words: ``1 turn``, ``1,200 turns``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Table:
    """Rows of texts under a head; ``empty`` is said where there are none.

    With ``numbers`` all columns but the first are aligned to the right.
    """

    def __init__(
        self, head: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "nothing", numbers: bool = False
    ) -> None:
        self.head = list(head)
        self.rows = [[str(cell) for cell in row] for row in rows]
        self._empty = empty
        self._sides = ["right" if numbers and column else "left" for column in range(len(self.head))]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        if not self.rows:
            return printable(self._empty)
        lines = [[printable(cell) for cell in line] for line in (self.head, *self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        signs = [{"left": "<", "right": ">"}[side] for side in self._sides]
        form = "  ".join(f"{{:{sign}{width}}}" for sign, width in zip(signs, widths, strict=True))
        return "\n".join(form.format(*line).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        if not self.rows:
            return literal(f"<em>{escape(self._empty)}</em>")
        rows = "".join(self._row(row, "td") for row in self.rows)
        return literal(f"<table><thead>{self._row(self.head, 'th')}</thead><tbody>{rows}</tbody></table>")

    def _row(self, cells: Sequence[str], tag: str) -> str:
        styled = zip(cells, self._sides, strict=True)
        inner = (f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>' for cell, side in styled)
        return f"<tr>{''.join(inner)}</tr>"

    def folded_html(self, summary: str, *, is_open: bool) -> str:
        """Return the table as HTML that folds away behind a line."""
        open_ = " open" if is_open else ""
        return f"<details{open_}><summary>{escape(summary)}</summary>{self._repr_html_()}</details>"
