"""All that a team says and reads, without identifiers."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from .identifiers import KEY, KINDS, may_have_identifiers, replace_identifiers
from .stream import RedactedStream, redact_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from .pseudonyms import Pseudonyms


_REMEMBERED = 20_000  # parts of texts


class Redactor:
    """Puts pseudonyms in the place of identifiers of some kinds, and of keys always; any thread may use it.

    What it has redacted it leaves as it is. Raises ExtraMissingError when made, without presidio.
    """

    def __init__(self, kinds: Collection[str], pseudonyms: Pseudonyms) -> None:
        replace = partial(replace_identifiers, of=pseudonyms.of, kinds=frozenset({*kinds, KEY}))
        self._replace = lru_cache(_REMEMBERED)(replace)  # every prompt has most of the one before
        self._replace("1")  # that it cannot work is said before anything is done

    def text(self, text: str) -> str:
        """Return a text without identifiers."""
        if not may_have_identifiers(text):
            return text
        return redact_text(text, self._replace)

    def data(self, value: Any) -> Any:
        """Return plain data without identifiers, in keys and in values."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.data(key): self.data(one) for key, one in value.items()}
            case list() | tuple():
                return [self.data(one) for one in value]
            case _:
                return value

    def stream(self) -> RedactedStream:
        """Return what redacts a text that comes in pieces."""
        return RedactedStream(self._replace)


__all__ = ["KINDS", "Redactor"]
