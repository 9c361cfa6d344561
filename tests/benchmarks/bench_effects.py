"""What it costs that an effect is proposed, decided and recorded: ``python -m tests.benchmarks.bench_effects``.

The same function is called plainly, as an effect of nobody's gate, and behind a gate of one function; the calls take
turns within each round. An effect is stored three times before and once after its function runs, and each time waited
for, so that its price is that of four durable writes.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.effects import Tool
from agentpool_jupyter.effects.outside import carry_out
from agentpool_jupyter.effects.voters import function_voters
from agentpool_jupyter.pool.events import Message
from agentpool_jupyter.pool.votes import Gate

from . import command
from .table import Table, spread
from .teams import fresh_pool

if TYPE_CHECKING:
    from collections.abc import Callable

    from .place import Place


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def agree(_: object) -> bool:
    return True


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return what one call takes in each way, and a thousand of them one after the other."""
    calls = 10 if quick else 1000
    rows = [row for store, address in place.stores.items() for row in _rows(store, address, calls)]
    head = ("store", "what", "p50, ms", "p95, ms", "max, ms", f"{calls:,} of them, s", "over four writes")
    return [Table("A function as an effect, beside calling it", head, rows)]


def _rows(store: str, address: str, calls: int) -> list[tuple[str, ...]]:
    tool, gate = Tool.of("add", add), Gate(ask=("agree",))
    voters = function_voters({"agree": agree})
    with fresh_pool(address) as pool:

        def write(number: int) -> None:
            for _ in range(4):
                pool.append([Message(**pool.header("main", agent="you"), text=str(number))])

        def effect(number: int, **options: Any) -> None:
            carry_out(pool, tool, {"a": number, "b": 1}, **options)

        ways: dict[str, Callable[[int], object]] = {
            "plain call": lambda number: add(number, 1),
            "four durable writes": write,
            "an effect": effect,
            "behind a gate": lambda number: effect(number, gate=gate, voters=voters),
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(calls):
            for way, call in ways.items():
                begun = time.perf_counter()
                call(number)
                taken[way].append((time.perf_counter() - begun) * 1000)
    written = statistics.median(taken["four durable writes"])
    return [
        (store, way, *spread(times, 3), f"{sum(times) / 1000:.2f}", f"{statistics.median(times) / written:.2f}")
        for way, times in taken.items()
    ]


if __name__ == "__main__":
    command.run(measure, __doc__)
