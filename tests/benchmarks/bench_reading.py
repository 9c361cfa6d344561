"""How reading costs grow with the size of a team: ``python -m tests.benchmarks.bench_reading``.

Teams of growing size do equal work: each agent takes the same number of turns of the same length, and hears everyone.
Counted are the prompt tokens of all calls, as the server counts them. Beside the default context stands a team in which
everyone reads everything (a context without a limit). The exponent is the slope of a least-squares line through the
logarithms of team size and tokens.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.agents import Team

from . import command
from .place import model_server
from .table import Table, at_most
from .teams import fresh_pool, team

if TYPE_CHECKING:
    from agentpool_jupyter.agents.runs.report import ReportRow

    from .place import Place

SIZES = (2, 4, 8, 16, 32)
TURNS = 4
TOKENS = 200
RATE = 200.0
GOAL = 1.2
"""The largest exponent by which prompt tokens may grow with the size of a team."""
EVERYTHING = 10**7
"""Tokens of context that nothing here fills."""


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return the prompt tokens of teams of growing size, and the exponents of their growth."""
    sizes, turns, tokens, rate = ((2, 4), 2, 10, 500.0) if quick else (SIZES, TURNS, TOKENS, RATE)
    with model_server(rate=rate, tokens=tokens) as url:
        runs = {
            name: [_play(place, url, agents, turns, context) for agents in sizes]
            for name, context in (("default", None), ("everything", EVERYTHING))
        }
    default, everything = runs["default"], runs["everything"]
    rows = [
        (
            f"{agents}",
            *(f"{tokens:,}" for tokens in (one.prompt, one.task, one.own, one.others, all_.prompt)),
            f"{all_.prompt / one.prompt:.1f}",
        )
        for agents, one, all_ in zip(sizes, default, everything, strict=True)
    ]
    columns = (
        "agents",
        "prompt tokens",
        "task",
        "own text",
        "others' text",
        "everyone reads everything",
        "times as many",
    )
    ours, theirs = (exponent(sizes, [run.prompt for run in found]) for found in (default, everything))
    growth = [("default", f"{ours:.2f}", at_most(ours, GOAL)), ("everything", f"{theirs:.2f}", "2, by nature")]
    note = (
        f"Each agent takes {turns} turns of {tokens} words, which the server counts as tokens; all speak at once. The "
        "split by what was read is by bytes. `everyone reads everything` is the same with a context without a limit."
    )
    fitted = "Least squares over the logarithms; a first turn reads the task only, which keeps the second below 2."
    return [
        Table("Prompt tokens of a whole run, by team size at equal work", columns, rows, (note,)),
        Table("How they grow: tokens ~ agents ^ e", ("context", "e", "goal"), growth, (fitted,)),
    ]


def exponent(sizes: tuple[int, ...], tokens: list[int]) -> float:
    """Return the slope of the least-squares line through the logarithms."""
    x, y = [math.log(size) for size in sizes], [math.log(count) for count in tokens]
    x_mean, y_mean = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True))
    return above / sum((a - x_mean) ** 2 for a in x)


def _play(place: Place, url: str, agents: int, turns: int, context: int | None) -> ReportRow:
    """Run a team in a fresh pool and return what it took in all."""
    spec = msgspec.structs.replace(team(url, agents, turns=turns).spec, context=context)
    with fresh_pool(place.embedded) as pool:
        run = Team(spec).start(pool)
        run.wait()
        total = run.report().total
    if total.turns != agents * turns or total.failed:
        message = f"{total.turns} of {agents * turns} turns were finished: the counts say nothing"
        raise RuntimeError(message)
    return total


if __name__ == "__main__":
    command.run(measure, __doc__)
