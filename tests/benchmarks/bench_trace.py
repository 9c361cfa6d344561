"""What explaining costs, and how well blame finds a step: ``python -m tests.benchmarks.bench_trace``.

Times of a trace are compared with one fold of the whole document from its log, which each needs: how many times that.
Blame is played with dice in the place of a team, so that the step that decides is known: it turns out well with one
chance before that step and with another one from there on.
"""

from __future__ import annotations

import random
import statistics
from typing import TYPE_CHECKING

import agentpool_jupyter as ap
from agentpool_jupyter.pool import open_pool
from agentpool_jupyter.tracing.blame.search import order

from . import command
from .clock import timed
from .table import Table, at_least
from .turns import Author

if TYPE_CHECKING:
    from collections.abc import Callable

    from .place import Place

TURNS = (250, 1_000, 4_000)
SIZE = 500
STEPS = 64
GAMES = 400
CHANCES = ((1.0, 0.0), (0.9, 0.1), (0.8, 0.2))
"""How often it turns out well before the step that decides, and from there on."""
SURE = 0.9
"""How often the step should be found where the chances are 0.9 and 0.1, in five tries each."""
REPEATS = 5


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return the table of times and that of blame."""
    return [_times(place, (20,) if quick else TURNS), _blame(10 if quick else GAMES)]


def _times(place: Place, numbers: tuple[int, ...]) -> Table:
    rows = []
    for number in numbers:
        with open_pool(f"trace-{number}", place.embedded) as pool:
            Author(pool, size=SIZE).write(turns=number)
            turns = pool.document().turns
            last, phrase = turns[-1].name, " ".join(turns[number // 2].text.split()[5:17])
            run = next(iter(pool.runs))
            asked: list[Callable[[], object]] = [
                lambda: pool.document("main"),
                lambda: str(ap.trace(pool, last)),  # noqa: B023
                lambda: str(ap.trace(pool, run)),  # noqa: B023
                lambda: str(ap.trace(pool, text=phrase)),  # noqa: B023
            ]
            verified = ap.trace(pool, last).prompt.verified
            assert verified, "the prompt is not exactly what was recorded"
            rounds = [[timed(one)[1] for one in asked] for _ in range(REPEATS)]
            fold = statistics.median(times[0] for times in rounds)
            ratios = [statistics.median(times[place] / times[0] for times in rounds) for place in (1, 2, 3)]
            shown = (f"{ratio:.1f}" for ratio in ratios)
            rows.append((f"{number:,}", f"{pool.end:,}", f"{1000 * fold:,.0f}", *shown))
    columns = ("turns", "events", "fold, ms", "a turn", "a run", "a phrase")
    note = (
        f"Times a fold of the document, each with its whole text made; medians of {REPEATS} rounds. 8 agents, turns of "
        f"{SIZE} bytes, no snapshots. The prompt of the turn was rebuilt and had the digest that was recorded."
    )
    return Table("What explaining costs", columns, rows, (note,))


def _blame(games: int) -> Table:
    rows = []
    for good, bad in CHANCES:
        for repeats in (1, 3, 5, 9):
            dice = random.Random(repeats)
            played = [_game(dice, good, bad, repeats) for _ in range(games)]
            found = statistics.mean(miss == 0 for miss, _ in played)
            near = statistics.mean(miss is not None and miss <= 1 for miss, _ in played)
            forks = statistics.mean(forks for _, forks in played)
            goal = at_least(found, SURE) if (good, repeats) == (0.9, 5) else ""
            share = f"{forks / (STEPS * repeats):.2f}"
            rows.append(
                (f"{good:g} / {bad:g}", f"{repeats}", f"{found:.2f}", goal, f"{near:.2f}", f"{forks:.0f}", share)
            )
    columns = ("good before / after", "repeats", "found", "goal", "found or next to it", "forks", "of all steps'")
    note = (
        f"Runs of {STEPS} steps, {games} for each row, with a step of chance that decides; bisection by majority. The "
        "last column is how many forks that is of those that trying every step takes."
    )
    return Table("How well blame finds the step that decided", columns, rows, (note,))


def _game(dice: random.Random, good: float, bad: float, repeats: int) -> tuple[int | None, int]:
    """Return how far from the step that decides the search ends, and how many forks it took."""
    culprit = dice.randrange(1, STEPS + 1)
    search, forks = order(STEPS, every=False), 0
    kept = next(search)
    while True:
        chance = good if kept < culprit else bad
        flips = sum(dice.random() < chance for _ in range(repeats))
        forks += repeats
        try:
            kept = search.send(2 * flips >= repeats)
        except StopIteration as end:
            return (None if end.value is None else abs(end.value - culprit)), forks


if __name__ == "__main__":
    command.run(measure, __doc__)
