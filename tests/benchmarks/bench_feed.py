"""What it costs a kernel to show a team live: ``python -m tests.benchmarks.bench_feed``.

A real kernel runs a team twice as often as needed: with the widget that ``%%agents`` shows, and without. What its
process takes more with the widget is the feed: following the log, folding, coalescing, and sending comm messages to
a client that reads them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import start_new_kernel

from . import command
from .place import ROOT, Place, model_server
from .table import Table
from .teams import fresh_pool, team

if TYPE_CHECKING:
    from jupyter_client import BlockingKernelClient

RATE = 50.0
_SECONDS = 120  # more than any run takes, even on a busy machine


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return the kernel's processor time for each second of a run, with and without the widget."""
    agents, tokens, rounds = (2, 10, 1) if quick else (20, 200, 3)
    found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    # What a kernel has to say in a benchmark comes in its replies; the rest is a warning that it listens on loopback.
    manager, client = start_new_kernel(cwd=str(ROOT), stderr=subprocess.DEVNULL)
    try:
        with model_server(rate=RATE, tokens=tokens) as url:
            _run(client, place.embedded, url, 2, shown=True)  # imports
            for _ in range(rounds):
                for shown, runs in found.items():
                    runs.append(_run(client, place.embedded, url, agents, shown=shown))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    rows = []
    cores = {shown: statistics.median(one["cpu"] / one["wall"] for one in runs) for shown, runs in found.items()}
    for name, shown in (("the team alone", False), ("the team, shown", True)):
        runs = found[shown]
        messages = statistics.median(one["messages"] / one["wall"] for one in runs)
        sent = statistics.median(one["bytes"] / one["wall"] for one in runs)
        rows.append((name, f"{cores[shown]:.3f}", f"{messages:.1f}", f"{sent / 1000:,.1f}"))
    rows.append(("the feed: the difference", f"{cores[True] - cores[False]:.3f}", "", ""))
    title = "Processor time of the kernel for the live widget"
    columns = ("what the kernel does", "CPU, cores", "comm messages/s", "kB/s")
    note = (
        f"{agents} agents at {RATE:g} tokens/s each, {agents * RATE:,.0f} tokens/s in all, embedded store; a real "
        f"ipykernel, the real widget; medians of {rounds} interleaved rounds."
    )
    return [Table(title, columns, rows, (note,))]


def run_team(store: str, url: str, agents: int, *, shown: bool) -> None:
    """Run a team in this process, which is the kernel, and print what that took."""
    from agentpool_jupyter.jupyter.live.show import Show
    from agentpool_jupyter.jupyter.live.widget import FrontEnd

    with fresh_pool(store) as pool:
        wall, cpu = time.perf_counter(), time.process_time()
        run = team(url, agents, alone=True).start(pool)
        show = Show(pool, run.id, run, FrontEnd()) if shown else None
        run.wait()
        if show is not None:
            show.wait()
        taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        if show is not None:
            show.close()
    print(json.dumps(taken))


def _run(client: BlockingKernelClient, store: str, url: str, agents: int, *, shown: bool) -> dict[str, float]:
    """Run a team in the kernel and return what it took there, and what came out on its message channel."""
    taken: dict[str, float] = {"messages": 0, "bytes": 0}

    def take(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            taken.update(json.loads(message["content"]["text"]))
        elif message["msg_type"] == "comm_msg":  # not the opening, which carries the front end itself, once
            taken["messages"] += 1
            taken["bytes"] += len(json.dumps(message["content"]))

    call = f"bench_feed.run_team({store!r}, {url!r}, {agents}, shown={shown})"
    reply = client.execute_interactive(
        f"from tests.benchmarks import bench_feed; {call}", timeout=_SECONDS, output_hook=take
    )
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    return taken


if __name__ == "__main__":
    command.run(measure, __doc__)
