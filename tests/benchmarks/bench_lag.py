"""How old a token is when another process can read it: ``python -m tests.benchmarks.bench_lag``.

The server makes each token of the nanosecond at which it leaves; the other process follows the pool and compares
that with its own clock, which on one machine is the same clock. In between lie the network, the client, the team's
``flush`` (text is gathered for that long into one event), the log, and the reader.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from agentpool_jupyter.pool import open_pool
from agentpool_jupyter.pool.events import Delta, RunFinished

from . import command
from .place import ROOT, Place, model_server
from .table import Table, spread
from .teams import fresh_pool, team

RATE = 50.0
FLUSHES = (0.1, 0.02, 0.0)
"""Seconds; the first is the default."""


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return the median and the 95th percentile of a token's age when it can be read elsewhere."""
    agents, tokens = (2, 10) if quick else (10, 100)
    rows = []
    with model_server(rate=RATE, tokens=tokens, stamp=True) as url:
        for flush in FLUSHES:
            for store, address in place.stores.items():
                lags = _lags(address, url, agents, flush)
                if len(lags) != agents * tokens:
                    message = f"{len(lags)} of {agents * tokens} tokens arrived in the other process"
                    raise RuntimeError(message)
                rows.append((store, f"{flush:g}", *spread(lags, 1)))
    title = "From a token leaving the server to its being readable in another process"
    note = (
        f"{agents} agents at {RATE:g} tokens/s, {agents * tokens} tokens a row. Gathering alone makes a token "
        "`flush` / 2 old on average; 0.1 s is the default."
    )
    return [Table(title, ("store", "flush, s", "p50, ms", "p95, ms", "max, ms"), rows, (note,))]


def _lags(store: str, url: str, agents: int, flush: float) -> list[float]:
    """Run a team here, read it there, and return the age of each token in milliseconds."""
    with fresh_pool(store) as pool:
        command_line = [sys.executable, "-m", "tests.benchmarks.bench_lag", "--follow", store, pool.name]
        with subprocess.Popen(command_line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as reader:
            try:
                reader.stdout.readline()  # it follows
                team(url, agents, flush=flush, alone=True).start(pool).wait()
                return json.loads(reader.stdout.readline())
            finally:
                reader.terminate()


def follow(store: str, name: str) -> None:
    """Be the other process: print a line when ready, and one with all ages once the run has ended."""
    with open_pool(name, store, create=False) as pool:
        follower = pool.follow()
        print("ready", flush=True)
        lags: list[float] = []
        for batch in follower.batches():
            now = time.time_ns()
            for event in batch:
                if isinstance(event, Delta):
                    lags += [(now - int(stamp)) / 1e6 for stamp in event.text.split()]
                elif isinstance(event, RunFinished):
                    print(json.dumps(lags), flush=True)
                    return


if __name__ == "__main__":
    if sys.argv[1:2] == ["--follow"]:
        follow(*sys.argv[2:])
    else:
        command.run(measure, __doc__)
