"""The files of a pool as one turn of an agent has them: it writes over what it has read, and over nothing else.

A write over a newer version is refused, and its answer is that newer version, with what sets it apart: the turn has
read it then, and can repair what it wanted to write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.effects.tool import Tool, tool
from agentpool_jupyter.errors import FileChangedError, UserError
from agentpool_jupyter.pool.files.packing import as_bytes
from agentpool_jupyter.pool.files.paths import checked
from agentpool_jupyter.pool.files.writing import FileChange, write

from .excerpts import MOST_OF_TEXT, excerpt, unified

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.effects import Effect
    from agentpool_jupyter.pool.files.version import FileMap

FILE_TOOLS = ("read_file", "write_file", "edit_file", "list_files")
"""The names of the tools that ``files: true`` gives; functions of the notebook cannot have them."""
OF_FILES = {"of": "files"}
"""What the proposal of their calls says, for a server's tool of the same name does something else."""
REFUSED = "refused"
"""What the answer of a write has that was not made."""
_LISTED = 200  # files


class _Known(NamedTuple):
    """What a turn knows of a file."""

    number: int
    text: str | None
    """All of it, where it was read whole."""


class TurnFiles:
    """The tools of one turn; their calls may run at the same time."""

    def __init__(self, pool: Pool, branch: str, header: Callable[[], dict[str, Any]]) -> None:
        self._pool = pool
        self._branch = branch
        self._header = header
        self._known: dict[str, _Known] = {}
        self.turn = ""
        """The turn's id in the log."""

    @property
    def tools(self) -> dict[str, Tool]:
        """The four tools by name."""
        return {name: Tool.of(name, getattr(self, name)) for name in FILE_TOOLS}

    @property
    def read(self) -> dict[str, int]:
        """The files that the turn has read or written, with the numbers of their versions."""
        return {path: known.number for path, known in self._known.items()}

    def note(self, call: Effect) -> None:
        """Take note of what a call told the turn, whether it was made now or is answered from the log."""
        result = getattr(call.ended, "result", None)
        if call.proposal.tool not in FILE_TOOLS or not isinstance(result, dict):
            return
        path, number = result.get("path"), result.get("version")
        if isinstance(path, str) and isinstance(number, int):
            text = result.get("text", call.proposal.arguments.get("text"))
            whole = text if isinstance(text, str) and "lines" not in result else None
            if path not in self._known or self._known[path].number < number:
                self._known[path] = _Known(number, whole)

    # The tools ---------------------------------------------------------------------------------------------

    @tool(idempotent=True)
    def read_file(self, path: str, first_line: int = 1, *, key: str) -> dict[str, Any]:  # noqa: ARG002 - reads anew
        """Read a file that the team shares. Of a long one you get some lines, and which; go on with first_line."""
        path, files = checked(path), self._files()
        if path not in files:
            near = f"; there are: {', '.join(list(files)[:_LISTED])}" if files else ": there are none yet"
            message = f"there is no file {path!r}{near}"
            raise UserError(message)
        file = files[path]
        self._known[path] = _Known(file.number, file.text)
        return {"path": path, "version": file.number, **excerpt(file.text, first_line)}

    @tool(idempotent=True)
    def write_file(self, path: str, text: str, *, key: str) -> dict[str, Any]:
        """Write a file that the team shares, whole: a new one, or one that you have read in this turn.

        If somebody has changed it since, nothing is written, and you get the newer text to work on.
        """
        path = checked(path)
        known = self._known.get(path)
        files = self._files()
        # Of a file that was deleted before this turn began there is nothing to read.
        read = known.number if known else 0 if path in files else files.number(path)
        return self._write(path, text, read, key)

    @tool(idempotent=True)
    def edit_file(self, path: str, old: str, new: str, *, key: str) -> dict[str, Any]:
        """Replace a text in a file that the team shares: old must stand in it exactly once, new takes its place.

        If somebody has changed the file since you read it, nothing is written, and you get the newer text to work on.
        """
        path, files = checked(path), self._files()
        if path not in files:
            message = f"there is no file {path!r} to edit; `write_file` makes one"
            raise UserError(message)
        file = files[path]
        if file.entry.key == key:  # it was made before the process that asked for it ended
            return self._written(path, file.number, file.size)
        known = self._known.get(path)
        if known and known.number != file.number:
            return self._refuse(path, FileChangedError(path, known.number, file.number, file.agent), "")
        count = file.text.count(old) if old else 0
        if count != 1:
            message = f"`old` stands {count} times in version {file.number} of {path!r}: give a text that stands once"
            raise UserError(message)
        return self._write(path, file.text.replace(old, new), file.number, key)

    @tool(idempotent=True)
    def list_files(self, folder: str = "", *, key: str) -> dict[str, Any]:  # noqa: ARG002 - as above
        """List the files that the team shares, or those in a folder: path, version, bytes and who wrote it."""
        inside = f"{folder.strip('/')}/" if folder.strip("/.") else ""
        found = [file for path, file in self._files().items() if path.startswith(inside)]
        rows = [{"path": f.path, "version": f.number, "bytes": f.size, "by": f.agent} for f in found[:_LISTED]]
        more = {"more": f"{len(found) - _LISTED} more: name a folder"} if len(found) > _LISTED else {}
        return {"files": rows, **more}

    # How they do it ----------------------------------------------------------------------------------------

    def _files(self) -> FileMap:
        return self._pool.files_of(self._branch)

    def _write(self, path: str, text: str, read: int, key: str) -> dict[str, Any]:
        change = FileChange(path=path, data=as_bytes(text), read=read, turn=self.turn, key=key)
        try:
            entry = write(self._pool, self._branch, change, self._header)
        except FileChangedError as error:
            return self._refuse(path, error, text)
        self._known[path] = _Known(entry.number, text)
        return self._written(path, entry.number, entry.size)

    def _written(self, path: str, number: int, size: int) -> dict[str, Any]:
        return {"path": path, "version": number, "bytes": size}

    def _refuse(self, path: str, error: FileChangedError, wanted: str) -> dict[str, Any]:
        """Return what a writer is told whose write was not made: why, the newer text, and what changed."""
        files, known = self._files(), self._known.get(path)
        had = f"you had read version {known.number}" if known else "you had not read it"
        told: dict[str, Any] = {"path": path, "version": files.number(path)}
        if path not in files:
            self._known[path] = _Known(files.number(path), None)
            return told | {REFUSED: f"nothing was written: {path} was deleted by {error.agent}, and {had}"}
        file = files[path]
        why = f"nothing was written: {path} has version {file.number} by {file.agent}, and {had}"
        if not file.is_text:
            self._known[path] = _Known(file.number, None)
            return told | {REFUSED: f"{why}; it holds no text now"}
        if known and known.text is not None:
            names = (f"version {known.number}, which you had read", f"version {file.number}")
            diff = unified(known.text, file.text, names)
        else:
            diff = unified(file.text, wanted, (f"version {file.number}", "what you wanted to write")) if wanted else ""
        self._known[path] = _Known(file.number, file.text)
        told |= {REFUSED: f"{why}: put your change into this text, and write again"}
        return told | excerpt(file.text, most=MOST_OF_TEXT // 2) | ({"diff": diff} if diff else {})
