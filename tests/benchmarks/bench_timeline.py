"""How long a page waits for an earlier moment of a run: ``python -m tests.benchmarks.bench_timeline``.

A long run is taken in as a feed does, and looked at in random moments, as somebody does who drags the timeline. Beside
it the same moments are folded from the run's start, without anything that was kept.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
from functools import partial
from typing import TYPE_CHECKING

import msgspec

import agentpool_jupyter as ap
from agentpool_jupyter.jupyter.live.view.past import Past
from agentpool_jupyter.jupyter.live.view.view import TeamView
from agentpool_jupyter.pool import Document
from agentpool_jupyter.pool.affairs import Affairs

from . import command
from .clock import each, timed
from .table import Table, at_most
from .turns import Author

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Event, Pool

    from .place import Place

GOAL = 100.0
"""Milliseconds that 95 of 100 moments may take."""
TURN = 2_600
"""Bytes of text a turn: 23 deltas, 25 events."""
FOLDS = 3
"""How many moments are folded from the start: each takes long."""
ROUNDS = 3
"""How often all events are taken in, with and without."""
_LINE = {"main": sys.maxsize}


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return how long a moment takes in runs of several lengths, and what it costs to keep views while they go on."""
    sizes, count = ((500, 2_000), 20) if quick else ((1_000, 10_000, 50_000, 100_000), 200)
    rows = [_row(place, events, count) for events in sizes]
    times = ("p50, ms", "p95, ms", "goal", "max, ms")
    columns = ("events", "turns", *times, "sent, p95, kB", "fold, ms", "fold / p50", "taking in")
    note = (
        f"{count} random moments each, from the question to the message that is sent. *Fold* is the same from the "
        f"run's start, the median of {FOLDS} of these moments; *taking in* is how many times as long all events take "
        f"with views kept as without, medians of {ROUNDS} interleaved rounds. 8 agents, {TURN:,} bytes a turn; "
        "embedded store, files in the page cache."
    )
    return [Table("An earlier moment of a run, beside folding it anew", columns, rows, (note,))]


def _row(place: Place, events: int, count: int) -> tuple[str, ...]:
    chance = random.Random(5)
    with ap.open_pool(f"timeline-{events}", place.embedded, snapshot_every=0) as pool:
        author = Author(pool, size=TURN, batch=500, prompts=300)
        author.write(until=events)
        stored = list(pool.events())
        run = next(iter(pool.runs))
        alone, kept = [], []
        for _ in range(ROUNDS):
            alone.append(timed(partial(_take_in, stored, _view(run), None))[1])
            view = _view(run)
            past = Past(view, 0, _LINE)
            kept.append(timed(partial(_take_in, stored, view, past))[1])
        sent: list[int] = []
        moments = [chance.choice(stored).ts for _ in range(count)]
        looked = [1000 * seconds for seconds in each(lambda at: sent.append(_look(pool, past, view, at)), moments)]
        folded = statistics.median(each(lambda at: _fold(pool, run, past.moment(at).stop), moments[:FOLDS]))
    cuts, bytes_sent = _cuts(looked), _cuts(sent)
    return (
        f"{events:,}",
        f"{author.turns:,}",
        f"{cuts[9]:.1f}",
        f"{cuts[18]:.1f}",
        at_most(cuts[18], GOAL),
        f"{max(looked):.1f}",
        f"{bytes_sent[18] / 1000:,.0f}",
        f"{1000 * folded:,.0f}",
        f"{1000 * folded / cuts[9]:,.0f}",
        f"{statistics.median(kept) / statistics.median(alone):.2f}",
    )


def _view(run: str) -> TeamView:
    return TeamView(run, Document(pool="bench", branch="main"), _LINE, Affairs())


def _take_in(events: list[Event], view: TeamView, past: Past | None) -> None:
    for event in events:
        view.absorb(event)
        if past is not None:
            past.note(event, view)
    view.patch()


def _look(pool: Pool, past: Past, now: TeamView, at: int) -> int:
    """Answer as a feed does, and return the size of the answer."""
    moment = past.moment(at)
    view = moment.view.copy()
    for event in pool.events(moment.begin, moment.stop):
        view.absorb(event)
    state, same = view.then(now)
    return len(json.dumps([msgspec.to_builtins(state), same]))  # as Jupyter's messages are


def _fold(pool: Pool, run: str, stop: int) -> None:
    view = _view(run)
    for event in pool.events(0, stop):
        view.absorb(event)
    view.patch()
    json.dumps(msgspec.to_builtins(view.state()))


def _cuts(values: list[float] | list[int]) -> list[float]:
    return statistics.quantiles(values, n=20, method="inclusive")


if __name__ == "__main__":
    command.run(measure, __doc__)
