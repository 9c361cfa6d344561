"""How much a team's runtime adds to the time that its model takes: ``python -m tests.benchmarks.bench_team``.

The server streams every answer at a fixed rate, so that the least possible wall time is known. The same work done by
a plain asyncio loop over ``openai`` stands beside it: the same number of streams at once, each turn's prompt made of
what the others said, and nothing stored anywhere.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import openai

from agentpool_jupyter.agents.prompt.build import BYTES_PER_TOKEN
from agentpool_jupyter.agents.team.spec import CONTEXT

from . import command
from .place import model_server
from .table import Table, at_most
from .teams import fresh_pool, team

if TYPE_CHECKING:
    from collections.abc import Callable

    from .place import Place

RATE = 50.0
TOKENS = 200
GOAL = 1.05
"""Wall time over ideal, for the largest team."""
SIZES = {1: 2, 10: 2, 100: 3}
"""Agents, and how many rounds their medians are made of."""
PROMPT_CHARS = CONTEXT * BYTES_PER_TOKEN  # what the team's own prompts come to at most


class Taken(NamedTuple):
    """What one run took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of processor time of this process, which is the client only."""


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return wall time over ideal, and the client's processor time, for teams of growing size."""
    sizes, tokens = ({1: 1, 3: 1}, 5) if quick else (SIZES, TOKENS)
    rows = []
    with model_server(rate=RATE, tokens=tokens) as url:
        sides: dict[str, Callable[[int, int], Taken]] = {
            "asyncio + openai": lambda agents, turns: _timed(lambda: asyncio.run(plain(url, agents, turns))),
            "pool on sqlite": lambda agents, turns: pooled(place.stores["sqlite"], url, agents, turns),
            "pool on kafka": lambda agents, turns: pooled(place.stores["kafka"], url, agents, turns),
        }
        for side in sides.values():
            side(2, 1)  # imports and connects
        for agents, rounds in sizes.items():
            turns = 1 if agents == 1 else 2  # nobody but itself to react to
            ideal = turns * tokens / RATE
            taken: dict[str, list[Taken]] = {name: [] for name in sides}
            for _ in range(rounds):
                for name, side in sides.items():
                    taken[name].append(side(agents, turns))
            for name, found in taken.items():
                walls = [one.wall / ideal for one in found]
                busy = statistics.median(one.cpu / one.wall for one in found)
                spread = f"{min(walls):.3f} to {max(walls):.3f}"
                added = statistics.median(one.wall - ideal for one in found) / turns
                factor = statistics.median(walls)
                goal = at_most(factor, GOAL) if name.startswith("pool") and agents == max(sizes) else ""
                rows.append((f"{agents}", name, f"{factor:.3f}", goal, spread, f"{added * 1000:.0f}", f"{busy:.2f}"))
    title = "Wall time of a team over ideal"
    columns = ("agents", "runtime", "wall / ideal", "goal", "range", "added, ms a turn", "client's CPU, cores")
    note = (
        f"Ideal: {tokens} tokens at {RATE:g} tokens/s a turn, two turns an agent (one where it is alone). Medians "
        "of interleaved rounds. Client, server and broker share the machine."
    )
    return [Table(title, columns, rows, (note,))]


def pooled(store: str, url: str, agents: int, turns: int) -> Taken:
    """Run a team in a fresh pool, from ``start`` to the end of ``wait``."""
    with fresh_pool(store) as pool:
        members = team(url, agents, turns=turns)
        taken = _timed(lambda: members.start(pool).wait())
        finished = sum(turn.status == "finished" for turn in pool.document().turns)
    if finished != agents * turns:
        message = f"{finished} of {agents * turns} turns were finished: the times say nothing"
        raise RuntimeError(message)
    return taken


async def plain(url: str, agents: int, turns: int) -> None:
    """Do the same with nothing but ``openai``: agents that speak at once and read what was said before."""
    said: list[str] = []

    async def speak(name: str) -> None:
        for _ in range(turns):
            messages = [
                {"role": "system", "content": f"You are {name}. Be brief and concrete."},
                {"role": "user", "content": "\n\n".join(said)[-PROMPT_CHARS:] + "\n\nThe task: plan a bakery."},
            ]
            stream = await client.chat.completions.create(
                model="test", messages=messages, stream=True, stream_options={"include_usage": True}
            )
            choices = [chunk.choices[0] async for chunk in stream if chunk.choices]
            said.append("".join(choice.delta.content or "" for choice in choices))

    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        await asyncio.gather(*(speak(f"agent{i:03}") for i in range(agents)))


def _timed(work: Callable[[], object]) -> Taken:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    command.run(measure, __doc__)
