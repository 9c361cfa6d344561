"""Texts and diffs of files, cut so that they fit into what a model is told."""

from __future__ import annotations

import difflib
from typing import Any

import msgspec

MOST_OF_TEXT = 40_000
"""Bytes of a file's text in one answer, as JSON."""
_MOST_OF_DIFF = 12_000
_COMPARED = 200_000  # characters: to compare longer texts line by line may take minutes


def excerpt(text: str, first_line: int = 1, most: int = MOST_OF_TEXT) -> dict[str, Any]:
    """Return whole lines of a text, from a line on, and which they are where that is not all of it."""
    lines = text.splitlines(keepends=True)
    start = max(1, first_line) - 1
    stop, size = start, 0
    while stop < len(lines) and (size := size + len(msgspec.json.encode(lines[stop]))) <= most:
        stop += 1
    if start == 0 and stop == len(lines):
        return {"text": text}
    if start >= len(lines):
        return {"text": "", "lines": f"there are only {len(lines)}"}
    if stop == start:
        return {"text": lines[start][: most // 6], "lines": f"the beginning of line {start + 1}, which is too long"}
    more = f"; read on with first_line={stop + 1}" if stop < len(lines) else ""
    return {"text": "".join(lines[start:stop]), "lines": f"{start + 1} to {stop} of {len(lines)}{more}"}


def unified(before: str, after: str, names: tuple[str, str]) -> str:
    """Return what changed between two texts, as ``diff -u`` shows it; empty where that would be too long to tell."""
    if max(len(before), len(after)) > _COMPARED:
        return ""
    steps = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    told = "\n".join(steps)
    return told if len(told.encode()) <= _MOST_OF_DIFF else ""
