"""What changed in the files of a pool between two documents, line by line."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from agentpool_jupyter.display.changes import ChangedSection, Hunk
from agentpool_jupyter.errors import LogCorruptError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentpool_jupyter.pool.files.version import FileMap, FileVersion

_COMPARED = 200_000  # characters: to compare longer texts line by line may take minutes
_SHOWN = 200  # lines of a file's changes
_CONTEXT = 2


@dataclass(frozen=True)
class FileDiff:
    """One file in two documents; ``before`` or ``after`` is None where a document does not have it."""

    before: FileVersion | None
    after: FileVersion | None

    @property
    def path(self) -> str:
        """The file's path."""
        file = self.after or self.before
        return file.path if file else ""

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        """What became of it."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"

    @cached_property
    def steps(self) -> Sequence[str] | None:
        """What changed, as ``diff -u`` says it, without a head; None where that cannot be told line by line."""
        try:
            texts = [file.text if file and file.is_text else None if file else "" for file in (self.before, self.after)]
        except LogCorruptError:
            return None
        before, after = texts
        if before is None or after is None or max(len(before), len(after)) > _COMPARED:
            return None
        steps = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=_CONTEXT)
        return list(steps)[2:]

    @property
    def lines(self) -> tuple[int, int] | None:
        """How many lines came, and how many went; None where that cannot be told."""
        if self.steps is None:
            return None
        signs = Counter(step[:1] for step in self.steps)
        return signs["+"], signs["-"]

    @property
    def told(self) -> str:
        """The file and how much of it changed, for people."""
        if self.lines:
            return f"{self.path} +{self.lines[0]:,} -{self.lines[1]:,} lines"
        sizes = [f"{file.size:,}" if file else "0" for file in (self.before, self.after)]
        return f"{self.path} {sizes[0]} → {sizes[1]} bytes"

    def section(self) -> ChangedSection:
        """Return what is displayed."""
        return ChangedSection(f"file {self.told}", self.kind, self.kind, list(self._hunks()))

    def _hunks(self) -> Iterator[Hunk]:
        steps = self.steps or ()
        for step in steps[:_SHOWN]:
            kind: Literal["same", "added", "removed"] = (
                "added" if step.startswith("+") else "removed" if step.startswith("-") else "same"
            )
            yield Hunk(kind, step if step.startswith("@@") else step[1:])
            yield Hunk("same", "\n")
        if len(steps) > _SHOWN:
            yield Hunk("same", f"… and {len(steps) - _SHOWN:,} more lines")


def file_diffs(before: FileMap, after: FileMap) -> list[FileDiff]:
    """Return the files that are not the same in two documents, in the order of their paths."""
    return [
        FileDiff(before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if path not in before or path not in after or before[path].digest != after[path].digest
    ]
