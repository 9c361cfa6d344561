"""What is looked for; needs no library, so that a missing one can be told when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from .store.items import Item

Question = Literal["resembles", "contained", "both"]


class Search(NamedTuple):
    """What is looked for, and how many of it."""

    question: Question
    threshold: float
    """The least score, above 0 and up to 1."""
    k: int
    keep: Callable[[Item], bool]
    """Which items may be returned at all."""
