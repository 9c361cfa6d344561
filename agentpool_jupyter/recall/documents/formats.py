"""Documents of the library: from a file to the texts in it, each with its line."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.errors import LibraryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEAD = 8192  # bytes in which a binary file shows itself


class Section(NamedTuple):
    """A part of a document that is a text of its own: a cell, a record, a page, or all of it."""

    text: str
    line: int = 1
    """The line of the file on which it begins, from 1; for a PDF the page."""
    place: str = ""


def read_document(path: Path) -> list[Section]:
    """Return the sections of a file: markdown, text or code as it is, notebooks, JSON lines, and PDF with ``pypdf``.

    Raises LibraryError for a binary file, one that cannot be read, or a PDF where ``pypdf`` is not installed.
    """
    try:
        if path.suffix.lower() == ".pdf":
            return list(_pdf(path))
        raw = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise LibraryError(message) from error
    text = _decode(raw, path)
    match path.suffix.lower():
        case ".ipynb":
            return list(_notebook(text, path))
        case ".jsonl" | ".ndjson":
            return list(_records(text))
        case _:
            return [Section(text)]


def _decode(raw: bytes, path: Path) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    if b"\0" not in raw[:_HEAD]:
        with suppress(UnicodeDecodeError):
            return raw.decode("utf-8-sig")
        text = raw.decode("latin-1")
        # Text of an older encoding has letters, spaces and a few bytes above 127; anything else is no text.
        signs = sum(not (sign.isprintable() or sign in "\n\r\t\f") for sign in text[:_HEAD])
        if signs <= len(text[:_HEAD]) // 100:
            return text
    message = f"{path} is a binary file: left out"
    raise LibraryError(message)


def _notebook(text: str, path: Path) -> Iterator[Section]:
    try:
        cells = json.loads(text)["cells"]
        sources = [cell.get("source", "") for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{path} is no notebook that can be read ({error!r}): left out"
        raise LibraryError(message) from error
    place = 0
    for number, source in enumerate(sources, 1):
        lines = source if isinstance(source, list) else str(source).splitlines(keepends=True)
        lines = [line for line in lines if isinstance(line, str)]
        if not lines:
            continue
        for form in (json.dumps(lines[0], ensure_ascii=False), json.dumps(lines[0])):
            found = text.find(form, place)
            if found >= 0:
                place = found
                break
        yield Section("".join(lines), text.count("\n", 0, place) + 1, f"cell {number}")


def _records(text: str) -> Iterator[Section]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = line  # a broken record is still a text
        if found := "\n".join(_texts(value)):
            yield Section(found, number)


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


def _pdf(path: Path) -> Iterator[Section]:
    try:
        from pypdf import PdfReader  # noqa: PLC0415 - optional
    except ImportError as error:
        message = f"{path} is a PDF: to read those, pip install 'agentpool-jupyter[pdf]'"
        raise LibraryError(message) from error
    try:
        for number, page in enumerate(PdfReader(path).pages, 1):
            yield Section(page.extract_text(), number, f"page {number}")
    except OSError:
        raise
    except Exception as error:  # a damaged PDF fails in as many ways as there are parts of the format
        message = f"{path} is no PDF that can be read ({error}): left out"
        raise LibraryError(message) from error
