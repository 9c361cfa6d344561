"""A magic's answer in a sentence."""

from __future__ import annotations


class Note(str):
    """A text that displays as itself, without the quotes of a string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
