"""A process is killed before and after every step of an effect: it is never made twice, and doubt is always shown."""

import json
import signal
from pathlib import Path

import pytest

from agentpool_jupyter import open_pool, resume, tool
from agentpool_jupyter.pool.events import EffectStarted, Vote
from tests.openai_server import Asks, OpenAIServer
from tests.programs import running
from tests.teams import of_type

POINTS = {
    "before proposal": (1, "done"),
    "after decision": (1, "done"),
    "before effect_started": (1, "done"),
    "after effect_started": (0, "in doubt"),
    "before it is made": (0, "in doubt"),
    "after it was made": (1, "in doubt"),
    "before effect_done": (1, "in doubt"),
    "after effect_done": (1, "done"),
}
"""Where the process is killed; how often the effect was made once the run has gone on, and what is known of it."""
KINDS = ("plain", "checked", "idempotent")

_CHILD = """
import json, os, signal, sys
from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool import Pool
from tests.effects.test_effect_kill import ledger_tool
from tests.teams import team

url, server, point, kind, ledger, *gate = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class DyingPool(Pool):
    def append(self, events):
        if any(point == f"before {event.type}" for event in events):
            die()
        super().append(events)
        if any(point == f"after {event.type}" for event in events):
            die()

def before():
    if point == "before it is made":
        die()

def after():
    if point == "after it was made":
        die()

store = open_store(url)
pool = DyingPool(store.open("bakery"), store)
functions = {"pay": ledger_tool(ledger, kind, before, after)}
gates = {"gates": {"pay": json.loads(gate[0])}} if gate else {}
team({"ann": "Pays."}, tools=["pay"], model="test", base_url=server, functions=functions, **gates).start(pool).wait()
"""


def ledger_tool(ledger, kind, before=lambda: None, after=lambda: None):
    """A tool that writes a line into a file outside of the pool; of one key at most one where it is idempotent."""
    path = Path(ledger)

    def write(line):
        before()
        with path.open("a") as out:
            out.write(f"{line}\n")
        after()
        return "paid"

    def pay(amount: int) -> str:
        return write(amount)

    def pay_once(amount: int, key: str) -> str:
        done = path.read_text() if path.exists() else ""
        return "paid" if f"{amount} {key}\n" in done else write(f"{amount} {key}")

    if kind == "idempotent":
        return tool(idempotent=True)(pay_once)
    check = (lambda amount: path.exists() and str(amount) in path.read_text().split()) if kind == "checked" else None
    return tool(check=check)(pay)


@pytest.mark.parametrize("point", POINTS)
def test_an_effect_is_made_once_or_known_to_be_in_doubt(point, url, tmp_path, dice):
    """The run goes on in another process. A check, or a key, settles what would else be for a person to settle."""
    kind = dice.choice(KINDS)
    ledger = tmp_path / "ledger"
    with OpenAIServer(tokens=5) as server:
        server.fault(Asks((("pay", {"amount": 7}),)))
        with running(_CHILD, url, server.base_url, point, kind, ledger) as child:
            assert child.wait(60) == -signal.SIGKILL
        with open_pool("bakery", url) as pool:
            before = [effect.status for effect in pool.effects.values()]
            run = resume(pool, functions={"pay": ledger_tool(ledger, kind)}, trust=True)
            assert run.wait(60)
            made = ledger.read_text().splitlines() if ledger.exists() else []
            times, status = POINTS[point] if kind == "plain" else (1, "done")
            assert (len(made), [effect.status for effect in pool.effects.values()]) == (times, [status])
            assert len(of_type(pool, EffectStarted)) == 1
            assert pool.document().turns[-1].status == "finished"
            answer = server.requests[-1].messages[-1]["content"]
            assert answer.startswith(("paid", "it was carried out") if status == "done" else "error")
            assert ("nobody knows" in answer) == (status == "in doubt")
            if POINTS[point][1] == "in doubt":
                assert before == ["running"]  # until somebody takes the run, nobody can know that it does not go on


@pytest.mark.parametrize("point", ["before decision", "after decision", "after effect_started"])
def test_a_grant_is_used_once_however_often_the_process_dies(point, url, tmp_path):
    """What it let pass before is made then, or is in doubt; nobody is asked, and it lets nothing else pass."""
    ledger, gate = tmp_path / "ledger", json.dumps({"ask": ["you"]})
    with OpenAIServer(tokens=5) as server, open_pool("bakery", url) as pool:
        server.fault(Asks((("pay", {"amount": 7}),)))
        grant = pool.grant("pay", count=1)
        with running(_CHILD, url, server.base_url, point, "plain", ledger, gate) as child:
            assert child.wait(60) == -signal.SIGKILL
        run = resume(pool, functions={"pay": ledger_tool(ledger, "plain")}, trust=True)
        assert run.wait(60)
        (effect,) = pool.effects.values()
        made = ledger.read_text().splitlines() if ledger.exists() else []
        assert (effect.status, made) == (("in doubt", []) if point == "after effect_started" else ("done", ["7"]))
        assert (effect.granted.id, list(effect.granted.uses)) == (grant.id, [effect.id])
        assert (pool.grants, of_type(pool, Vote)) == ([], [])
