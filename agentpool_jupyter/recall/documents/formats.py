"""Documents of the library: from a file to the texts in it, each with its line."""

from __future__ import annotations

import json
import os
import re
import stat
from html.parser import HTMLParser
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.errors import LibraryError

from .encodings import decode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SILENT = {"script", "style", "template"}
_INLINE = re.compile(
    "a|abbr|b|bd[io]|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strong|su[bp]|u|wbr"
)


class Section(NamedTuple):
    """A part of a document that is a text of its own: a cell, a record, a page, or all of it."""

    text: str
    line: int = 1
    """The line of the file on which it begins, from 1; for a PDF the page."""
    place: str = ""
    folded: bool = False
    """Whether all of it stands on that line, however many it has itself."""


def read_document(path: Path) -> list[Section]:
    """Return the sections of a file.

    These are text, markdown or code as it is, HTML without its tags, the cells of a notebook without their outputs, the
    texts in each of the JSON lines, and the pages of a PDF.

    Raises LibraryError for a binary file, one that cannot be read, or a PDF where ``pypdf`` is not installed.
    """
    try:
        raw = _read(path)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise LibraryError(message) from error
    match path.suffix.lower():
        case ".pdf":
            return list(_pdf(raw, path))
        case ".ipynb":
            return list(_notebook(decode(raw, path), path))
        case ".jsonl" | ".ndjson":
            return list(_records(decode(raw, path)))
        case ".html" | ".htm" | ".xhtml":
            return [Section(_without_tags(decode(raw, path)))]
        case _:
            return [Section(decode(raw, path))]


def _read(path: Path) -> bytes:
    # A pipe may have taken the place of a file, and would keep who opens it waiting for somebody who writes.
    def at_once(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    with open(path, "rb", opener=at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            message = f"{path} is a pipe or a device, and no file: left out"
            raise LibraryError(message)
        return file.read()


def _notebook(text: str, path: Path) -> Iterator[Section]:
    try:
        book = json.loads(text)
        sheets = [book] if "cells" in book else book["worksheets"]  # up to format 3, of 2015
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        sources = [cell.get("source", cell.get("input")) or "" for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{path} is no notebook that can be read ({error!r}): left out"
        raise LibraryError(message) from error
    place = 0
    for number, source in enumerate(sources, 1):
        lines = source if isinstance(source, list) else str(source).splitlines(keepends=True)
        lines = [line for line in lines if isinstance(line, str)]
        if not lines:
            continue
        found = []  # where the cell's lines stand in the file
        for line in lines:
            at, place = _find(text, line, place, alone=isinstance(source, list))
            found.append(text.count("\n", 0, at) + 1)
        yield Section("".join(lines), found[0], f"cell {number}", folded=found[-1] - found[0] != len(lines) - 1)


def _find(text: str, line: str, place: int, *, alone: bool) -> tuple[int, int]:
    """Return where a line of a cell begins and ends in a notebook's JSON, from a place on; there, if it is not found.

    ``alone``: each line is a string of its own.
    """
    for whole in (json.dumps(line, ensure_ascii=False), json.dumps(line)):
        form = whole if alone else whole[1:-1]
        if (at := text.find(form, place)) >= 0:
            return at, at + len(form)
    return place, place


def _records(text: str) -> Iterator[Section]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = line  # a broken record is still a text
        if found := "\n".join(_texts(value)):
            yield Section(found, number, folded=True)


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in a JSON value, in order; names of fields are not texts."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += list(one.values())[::-1]
        elif isinstance(one, list):
            waiting += one[::-1]


def _without_tags(text: str) -> str:
    page = _Page()
    page.feed(text)
    page.close()
    return "".join(page.said)


class _Page(HTMLParser):
    """Gathers what a page of HTML says, each word on the line on which it stands in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._lines = 1
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Begin what may not be for eyes; words go on through what changes only their looks."""
        del attrs
        self._silent = tag if tag in _SILENT else self._silent
        self._separate(tag)

    def handle_endtag(self, tag: str) -> None:
        """End what was not for eyes."""
        self._silent = "" if tag == self._silent else self._silent
        self._separate(tag)

    def _separate(self, tag: str) -> None:
        if not _INLINE.fullmatch(tag):
            self.said.append(" ")

    def handle_data(self, data: str) -> None:
        """Take what is said."""
        missing = self.getpos()[0] - self._lines
        self.said.append("\n" * missing + ("" if self._silent else data))
        self._lines += missing + (0 if self._silent else data.count("\n"))


def _pdf(raw: bytes, path: Path) -> Iterator[Section]:
    try:
        from pypdf import PdfReader  # noqa: PLC0415 - optional
    except ImportError as error:
        message = f"{path} is a PDF: to read those, pip install 'agentpool-jupyter[pdf]'"
        raise LibraryError(message) from error
    try:
        for number, page in enumerate(PdfReader(BytesIO(raw)).pages, 1):
            yield Section(page.extract_text(), number, f"page {number}", folded=True)
    except Exception as error:  # a damaged PDF fails in as many ways as there are parts of the format
        message = f"{path} is no PDF that can be read ({error}): left out"
        raise LibraryError(message) from error
