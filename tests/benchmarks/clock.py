"""How long something takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Answer = TypeVar("Answer")
Question = TypeVar("Question")


def timed(work: Callable[[], Answer]) -> tuple[Answer, float]:
    """Return what comes out, and the seconds that it took."""
    begin = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - begin


def each(ask: Callable[[Question], object], asked: Iterable[Question], times: int = 1) -> list[float]:
    """Return the seconds that each question took; of several times the quickest: a machine does other things too."""
    return [min(timed(lambda one=one: ask(one))[1] for _ in range(times)) for one in asked]
