"""Python agents with a mind of their own: beliefs folded from the log, decisions, a goal, and votes."""

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.pool.events import EffectDone, EffectStarted, Message, Vote
from tests.openai_server import Asks
from tests.programs import output
from tests.teams import of_type, play


class Counter:
    """Says how many messages of people it has read, until there are three."""

    def __init__(self):
        self.state = []

    def believe(self, event):
        if isinstance(event, Message):
            self.state.append(event.text)

    def decide(self, state):
        return f"{len(state)} so far"

    def goal(self, state):
        return len(state) >= 3


class Buyer:
    """Buys until it has two, each time believing what has become of it."""

    def __init__(self):
        self.bought = 0

    def believe(self, event):
        self.bought += isinstance(event, EffectDone)

    def decide(self, state):
        return ap.act("buy", item=f"oven {state.bought + 1}") if self.bought < 2 else f"bought {self.bought}"


class Silent:
    def decide(self, state):
        return None

    def vote(self, effect):
        return effect.proposal.arguments["amount"] < 10, "I know what is cheap."


def test_beliefs_are_folded_from_the_line(pool):
    """What was said before the run, and on the line that was left only as far as it belongs to this one."""
    for text in ("one", "two"):
        pool.post(text)
    pool.rollback("you#1")
    run = play(pool, {"ann": {"python": "Counter"}}, functions={"Counter": Counter})
    assert pool.document().turn("ann#1").text == "1 so far"
    assert run.reason == "turns"


def test_a_goal_that_is_reached_ends_its_part(pool):
    for text in ("one", "two", "three"):
        pool.post(text)
    run = play(pool, {"ann": {"python": "Counter"}}, turns=5, functions={"Counter": Counter})
    assert [turn.agent for turn in pool.document().turns] == ["you"] * 3
    assert run.reason == "turns"


def test_it_calls_tools_and_believes_what_became_of_it(url):
    """All in one turn; the calls go through the same gates and log as a model's."""
    bought = []

    def buy(item: str) -> str:
        bought.append(item)
        return "here"

    with ap.open_pool("bakery", url) as pool:
        play(pool, {"ann": {"python": "Buyer"}}, tools=["buy"], functions={"Buyer": Buyer, "buy": buy})
        assert bought == ["oven 1", "oven 2"]
        assert [turn.text for turn in pool.document().turns] == ["bought 2"]
        assert [effect.status for effect in pool.effects.values()] == ["done", "done"]


def test_calls_are_bounded(pool):
    class Greedy:
        def decide(self, state):
            return ap.act("buy", item="oven")

    run = play(pool, {"ann": {"python": "Greedy"}}, tools=["buy"], calls=3, functions={"Greedy": Greedy, "buy": _buy})
    assert len(of_type(pool, EffectStarted)) == 3
    assert run.status == "finished"


def _buy(item: str) -> str:
    return item


def test_it_votes(pool, server):
    server.fault(Asks((("pay", {"amount": 3}),)))
    agents = {"ann": {"role": "Pays.", "tools": ["pay"]}, "miser": {"python": "Silent", "tools": []}}
    gates = {"pay": {"ask": ["miser"]}}
    play(pool, agents, server, gates=gates, functions={"Silent": Silent, "pay": lambda amount: "paid"})
    (vote,) = of_type(pool, Vote)
    assert (vote.agent, vote.accept, vote.text) == ("miser", True, "I know what is cheap.")
    assert [effect.status for effect in pool.effects.values()] == ["done"]


def test_after_a_crash_its_beliefs_are_what_they_were(store, tmp_path):
    """The process dies after the first purchase; the run goes on, and buys only what is missing."""
    ledger = tmp_path / "ledger"
    program = f"""
import os, pathlib
import agentpool_jupyter as ap
from tests.agents.turns.test_mind import Buyer
from tests.teams import team
def buy(item: str) -> str:
    if "2" in item:
        os._exit(0)
    pathlib.Path({str(ledger)!r}).write_text(item)
    return "here"
team({{"ann": {{"python": "Buyer"}}}}, tools=["buy"], functions={{"Buyer": Buyer, "buy": ap.tool(idempotent=True)(
    lambda item, key: buy(item))}}).start(ap.open_pool("bakery")).wait()
"""
    output(program)
    bought = []

    @ap.tool(idempotent=True)
    def buy(item, key):
        bought.append(item)
        return "here"

    with ap.open_pool("bakery") as pool:
        ap.resume(pool, functions={"Buyer": Buyer, "buy": buy}).wait(30)
        assert ledger.read_text() == "oven 1"
        assert bought == ["oven 2"]
        assert pool.document().turns[-1].text == "bought 2"


@pytest.mark.parametrize("broken", ["believe", "decide", "goal", "__init__"])
def test_what_it_raises_is_its_failed_turn(pool, broken):
    def fail(*_):
        message = "dropped the tray"
        raise RuntimeError(message)

    kind = type("Clumsy", (Counter,), {broken: fail})
    pool.post("Hello.")
    run = play(
        pool,
        {"ann": {"python": "Clumsy"}, "ben": {"python": "Counter"}},
        functions={"Clumsy": kind, "Counter": Counter},
    )
    by = {turn.agent: turn for turn in pool.document().turns}
    assert by["ben"].status == "finished"
    assert by["ann"].status == "failed"
    assert "dropped the tray" in by["ann"].error
    assert run.status == "finished"
