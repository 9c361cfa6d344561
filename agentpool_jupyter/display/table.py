"""A small table that displays itself as text and as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Table:
    """Rows of texts under a head; ``empty`` is said where there are none."""

    def __init__(self, head: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "nothing") -> None:
        self.head = list(head)
        self.rows = [[str(cell) for cell in row] for row in rows]
        self._empty = empty

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        if not self.rows:
            return self._empty
        lines = [self.head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<em>{escape(self._empty)}</em>"
        head = "".join(f'<th style="text-align:left">{escape(cell)}</th>' for cell in self.head)
        rows = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
