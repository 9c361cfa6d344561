"""What a function prints: kept beside its result, and passed on to where it would have gone."""

from __future__ import annotations

import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TextIO, cast

from .masking import masked

if TYPE_CHECKING:
    from contextvars import Token

_STREAMS = ("stdout", "stderr")
_MOST_KEPT = 8_000  # characters
_printing: ContextVar[Printed | None] = ContextVar("printing", default=None)
_lock = threading.Lock()
_open = 0


class Printed:
    """Keeps what is printed inside of ``with``, in its context: by what is called there, not by threads that it starts.

    Python has one standard output for all threads. While any of these is open, one that looks at the context of who
    writes stands in its place.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = 2 * _MOST_KEPT  # more than is shown, so that no secret is cut in two before it is masked
        self._size = 0
        self._token: Token[Printed | None] | None = None

    @property
    def text(self) -> str:
        """What was printed, its first 8,000 characters, without secrets."""
        text = str(masked("".join(self._parts)))
        if self._size <= _MOST_KEPT:
            return text
        return f"{text[:_MOST_KEPT]}\n(cut: {self._size:,} characters were printed)"

    def write(self, text: str) -> None:
        """Keep a text, as far as there is room."""
        if self._room:
            self._parts.append(text[: self._room])
            self._room -= len(self._parts[-1])
        self._size += len(text)

    def __enter__(self) -> Self:
        self._token = _printing.set(self)
        _hold(1)
        return self

    def __exit__(self, *_: object) -> None:
        _hold(-1)
        if self._token is not None:
            _printing.reset(self._token)


class _Tee:
    """A stream that lets who prints in its context have a copy."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        printed = _printing.get()
        if printed is not None:
            printed.write(text)
        return self.stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _hold(change: int) -> None:
    """Put the streams in place for the first that is open, and back after the last."""
    global _open  # noqa: PLW0603 - there is one standard output
    with _lock:
        _open += change
        for name in _STREAMS:
            stream = getattr(sys, name)
            if _open and stream is not None and not isinstance(stream, _Tee):
                setattr(sys, name, cast("TextIO", _Tee(stream)))
            elif not _open and isinstance(stream, _Tee):  # else somebody has put another in its place
                setattr(sys, name, stream.stream)
