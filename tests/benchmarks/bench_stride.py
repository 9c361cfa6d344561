"""How old a thought is when another agent thinks on: ``python -m tests.benchmarks.bench_stride``.

One agent speaks; its server makes each token of the nanosecond at which it leaves. The other goes on in strides; its
server keeps the prompts. A token's age is the time from its leaving the first server to the arrival, at the second, of
the first prompt that has it. In between lie the network, the client, the team's ``flush``, the log, the building of the
prompt, and the rest of the stride, which is the largest part: ``stride`` tokens take ``stride / rate`` seconds.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from agentpool_jupyter.agents import Team
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from tests.openai_server import OpenAIServer

from . import command
from .place import model_server
from .table import Table, spread
from .teams import fresh_pool

if TYPE_CHECKING:
    from .place import Place

RATE = 50.0
STRIDES = (5, 10, 20, 40)
TOKENS = 400
STAMP = re.compile(r"\b\d{19}\b")


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return the median and the 95th percentile of a token's age when it is in another agent's prompt."""
    strides, tokens = ((5,), 20) if quick else (STRIDES, TOKENS)
    stores = {"sqlite": place.embedded} if quick else place.stores
    rows = []
    with model_server(rate=RATE, tokens=tokens, stamp=True) as url:
        for stride in strides:
            for store, address in stores.items():
                ages, prompts = _ages(address, url, stride, tokens)
                took = f"{stride / RATE * 1000:.0f}"
                rows.append((f"{stride}", took, store, *spread(ages, 0), f"{prompts}", f"{len(ages)}"))
    columns = ("stride, tokens", "which take, ms", "store", "p50, ms", "p95, ms", "max, ms", "prompts", "tokens read")
    note = (
        f"Two agents at {RATE:g} tokens/s, the default `flush` of 0.1 s, {tokens} tokens each. Were all else free, p50 "
        "would be half of what a stride takes, and p95 nearly the whole."
    )
    title = "From a token leaving one agent's server to its being in another agent's prompt"
    return [Table(title, columns, rows, (note,))]


def _ages(store: str, url: str, stride: int, tokens: int) -> tuple[list[float], int]:
    """Return the age in milliseconds of each token that was read, and in how many prompts they were."""
    offset = time.time_ns() / 1e9 - time.monotonic()  # the server's clock for arrivals is the monotonic one
    with OpenAIServer(rate=RATE, tokens=2 * tokens, prefill="continue") as reader, fresh_pool(store) as pool:
        members = (
            AgentSpec(name="speaker", role="Speaks.", listens=(), base_url=url),
            AgentSpec(name="reader", role="Goes on.", stride=stride, base_url=reader.base_url),
        )
        # Room for all: what is left out cannot be found.
        spec = TeamSpec(
            task="t", agents=members, turns=1, model="test", max_tokens=2 * tokens, context=100_000, attempts=1
        )
        Team(spec).start(pool).wait()
        requests = list(reader.requests)
    ages: dict[str, float] = {}
    prompts = 0
    for request in requests:
        stamps = STAMP.findall(request.messages[1]["content"]) if len(request.messages) > 1 else []
        prompts += bool(stamps)
        for stamp in stamps:
            ages.setdefault(stamp, (request.arrived + offset) * 1000 - int(stamp) / 1e6)
    if len(ages) < tokens * 0.8:
        message = f"only {len(ages)} of {tokens} tokens were read: the ages say nothing"
        raise RuntimeError(message)
    return list(ages.values()), prompts


if __name__ == "__main__":
    command.run(measure, __doc__)
