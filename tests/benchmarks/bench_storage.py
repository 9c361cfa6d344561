"""How many bytes a pool takes for each byte that a team wrote: ``python -m tests.benchmarks.bench_storage``.

The promise is that a pool grows in proportion to its text: the factor may not rise with the number of turns. It
depends on how much text one event carries (the model's speed times ``flush``), and on the length of a turn, because
each turn also records what it had read.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from . import command
from .place import model_server
from .table import Table, at_most
from .teams import fresh_pool, team

if TYPE_CHECKING:
    from .place import Place

TOKEN_BYTES = 6.25
"""What the server's words come to, with a space each."""


class Case(NamedTuple):
    """Turns of one length at one speed, for several numbers of turns."""

    rate: float
    size: int
    """Bytes of text a turn, about."""
    rounds: tuple[int, ...]
    """Turns of each agent."""
    agents: int = 25
    goal: float | None = None
    """Bytes that may be stored for each byte of text, in every store."""


CASES = (
    Case(rate=50, size=100, rounds=(2, 4, 8, 16), goal=6),
    Case(rate=200, size=100, rounds=(2, 4, 8, 16)),
    Case(rate=50, size=500, rounds=(2, 8), goal=3.5),
    Case(rate=50, size=500, rounds=(8,), agents=3),
    Case(rate=50, size=2000, rounds=(2,)),
    Case(rate=200, size=2000, rounds=(2, 4, 8)),
)
QUICK = (Case(rate=200, size=100, rounds=(1, 2), agents=2),)


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return bytes on disk for each byte of text, for several lengths, speeds and numbers of turns."""
    rows = []
    for case in QUICK if quick else CASES:
        with model_server(rate=case.rate, tokens=round(case.size / TOKEN_BYTES)) as url:
            rows += [_row(place, url, case, rounds) for rounds in case.rounds]
    title = "Bytes stored for each byte of text"
    columns = ("tokens/s", "agents", "bytes a turn", "turns", *place.stores, "goal")
    note = (
        "Default `flush` of 0.1 s; agents that hear everyone; text in UTF-8 over the closed SQLite file, and over the "
        "segments of the Kafka topic."
    )
    return [Table(title, columns, rows, (note,))]


def _row(place: Place, url: str, case: Case, rounds: int) -> tuple[str, ...]:
    with ThreadPoolExecutor() as executor:  # the stores at once: time is not what is measured
        found = list(executor.map(lambda name: _factor(place, name, url, case, rounds), place.stores))
    turns, size = found[0][1:]
    factors = [factor for factor, *_ in found]
    what = (f"{case.rate:g}", f"{case.agents}", f"{size / turns:,.0f}", f"{turns}")
    goal = "" if case.goal is None else at_most(max(factors), case.goal)
    return *what, *(f"{factor:.1f}" for factor in factors), goal


def _factor(place: Place, store: str, url: str, case: Case, rounds: int) -> tuple[float, int, int]:
    """Run a team and return bytes stored over bytes of text, the number of turns, and the bytes of text."""
    with fresh_pool(place.stores[store]) as pool:
        team(url, case.agents, turns=rounds).start(pool).wait()
        turns = pool.document().turns
    text = sum(len(turn.text.encode()) for turn in turns)
    return place.stored(store, pool.name) / text, len(turns), text


if __name__ == "__main__":
    command.run(measure, __doc__)
