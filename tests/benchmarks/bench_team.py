"""How much a team's runtime adds to the time that its model takes: ``python -m tests.benchmarks.bench_team``.

The server streams every answer at a fixed rate, so that the least possible wall time is known. The same work is done
by a plain asyncio loop over ``openai``, which stores nothing, and by other frameworks: see :mod:`.runtimes`. Every
runtime has a process of its own, which is running and has imported what it needs: what is measured is a pool from its
opening to its closing, a framework from the making of its agents to their end. What a first run takes is measured
beside it, from the start of Python to its end.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from . import command
from .place import ROOT, model_server
from .runtimes import PEERS, PLAIN, POOLS, Taken, Work, missing
from .table import Table, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .place import Place

RATE = 50.0
TURNS = 2
TOKENS, SHORT = 200, 50
"""Of an answer; fewer where one agent speaks, whose goal is in milliseconds."""
SIZES = {1: 3, 10: 1, 50: 1, 100: 2}
"""Agents, and how many rounds the medians are made of; large teams of other frameworks take one."""
GOALS = {10: 1.01, 50: 1.07, 100: 1.16}
"""Wall time over ideal, on SQLite."""
KAFKA_ADDS = 0.03
ALONE_ADDS = {POOLS[0]: 25.0, POOLS[1]: 60.0}
"""Milliseconds a turn that a single agent may add."""
FIRST = 2
"""How often a first run is measured."""


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return wall time over ideal, and the client's processor time, for teams of growing size; and first runs."""
    sizes, long, short = ({1: 1, 3: 1}, 5, 5) if quick else (SIZES, TOKENS, SHORT)
    stores = dict(zip(POOLS, (place.stores["sqlite"], place.stores["kafka"]), strict=True))
    sides = {name: stores.get(name, "-") for name in (PLAIN, *POOLS, *(peer for peer in PEERS if not missing(peer)))}
    with (
        model_server(rate=RATE, tokens=long) as url,
        model_server(rate=RATE, tokens=short) as brief,
        contextlib.ExitStack() as stack,
    ):
        running = {name: stack.enter_context(_running(name, store)) for name, store in sides.items()}
        for process in running.values():
            _ask(process, Work(brief, 2, 1))  # imports
        rows = []
        for agents, rounds in sizes.items():
            turns, tokens = (1, short) if agents == 1 else (TURNS, long)  # alone there is nobody to react to
            work = Work(brief if agents == 1 else url, agents, turns)
            taken: dict[str, list[Taken]] = defaultdict(list)
            for number in range(rounds):
                for name, process in running.items():
                    if number == 0 or agents == 1 or name not in PEERS:
                        taken[name].append(_ask(process, work))
            rows += [_row(work, name, taken[name], tokens / RATE) for name in (PLAIN, *POOLS, *PEERS)]
        least, times = short / RATE, 1 if quick else FIRST
        first = [_first(name, sides.get(name), Work(brief, 1, 1), least, times) for name in (PLAIN, *POOLS, *PEERS)]
    note = (
        f"Ideal: {long} tokens at {RATE:g} tokens/s a turn, {TURNS} turns an agent; {short} tokens and one turn where "
        "it is alone. From opening the pool to closing it, in a process that has imported what it needs. Medians of "
        "interleaved rounds. Client, server and broker share the machine; the peers store nothing."
    )
    alone = f"One agent, one turn: from the start of Python to its end, without the turn's own {least:g} s."
    columns = ("agents", "runtime", "wall / ideal", "goal", "range", "added, ms a turn", "goal, ms", "client's CPU, s")
    return [
        Table("Wall time of a team over ideal", columns, rows, (note,)),
        Table("The first run of a process", ("runtime", "added, s", "range"), first, (alone,)),
    ]


def _row(work: Work, name: str, taken: list[Taken], turn: float) -> tuple[str, ...]:
    """Return the row of a runtime; ``turn`` is the least seconds of one."""
    if not taken:
        return (f"{work.agents}", name, "not installed", "", "", "", "", "")
    walls = sorted(one.wall / (turn * work.turns) for one in taken)
    added = statistics.median(one.wall / work.turns - turn for one in taken) * 1000
    factor, goal, alone = statistics.median(walls), "", ""
    if name in POOLS and work.agents in GOALS:
        goal = at_most(round(factor, 3), round(GOALS[work.agents] + KAFKA_ADDS * (name == POOLS[1]), 3))
    elif name in POOLS and work.agents == 1:
        alone = at_most(round(added), ALONE_ADDS[name])
    cpu = statistics.median(one.cpu for one in taken)
    spread = f"{walls[0]:.3f} to {walls[-1]:.3f}" if len(walls) > 1 else ""
    return (f"{work.agents}", name, f"{factor:.3f}", goal, spread, f"{added:.0f}", alone, f"{cpu:.2f}")


def _first(name: str, store: str | None, work: Work, least: float, times: int) -> tuple[str, ...]:
    """Measure processes that do some work once, and are not there before."""
    if store is None:
        return (name, "not installed", "")
    added = []
    for _ in range(times):
        begin = time.perf_counter()
        with _running(name, store) as process:
            _ask(process, work)
        added.append(time.perf_counter() - begin - least)
    return (name, f"{statistics.median(added):.2f}", f"{min(added):.2f} to {max(added):.2f}")


@contextlib.contextmanager
def _running(name: str, store: str) -> Iterator[subprocess.Popen[str]]:
    """Yield a process in which a runtime waits for work."""
    command_line = [sys.executable, "-m", "tests.benchmarks.runtimes", name, store]
    with subprocess.Popen(command_line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(30)


def _ask(process: subprocess.Popen[str], work: Work) -> Taken:
    process.stdin.write(msgspec.json.encode(work).decode() + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        message = f"a runtime has ended ({' '.join(process.args[3:])}): what it printed says why"
        raise RuntimeError(message)
    return msgspec.json.decode(answer, type=Taken)


if __name__ == "__main__":
    command.run(measure, __doc__)
