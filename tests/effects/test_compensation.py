"""Effects that left the line are taken back: newest first, once, and what cannot be is told."""

import agentpool_jupyter as ap
from agentpool_jupyter.effects import compensate
from agentpool_jupyter.pool.events import EffectStarted
from tests.openai_server import Asks
from tests.teams import of_type, play


def shop():
    """A till with a tool that pays and one that takes it back, and one that cannot be taken back."""
    till = []

    def refund(amount: int, result: str) -> str:
        till.remove(amount)
        return f"{result} and refunded"

    @ap.tool(undo=refund)
    def pay(amount: int) -> str:
        till.append(amount)
        return f"paid {amount}"

    def shout(word: str) -> str:
        return word.upper()

    return till, {"pay": pay, "shout": shout}


def played(pool, server, *calls):
    till, functions = shop()
    server.fault(Asks(calls), times=1)
    play(pool, {"ann": "Pays."}, server, tools=["pay", "shout"], functions=functions)
    return till, functions


def test_what_was_done_is_taken_back_newest_first_and_once(pool, server):
    till, functions = played(pool, server, ("pay", {"amount": 1}), ("pay", {"amount": 2}))
    assert sorted(till) == [1, 2]
    done = list(pool.effects.values())
    pool.clear()
    made = compensate(pool, done, functions)
    assert till == []
    newest = [effect.id for effect in sorted(done, key=lambda effect: -effect.started.offset)]
    assert [one.effect.id for one in made] == newest
    assert all(one.undone for one in made)
    assert made[0].why == f"paid {made[0].effect.proposal.arguments['amount']} and refunded"
    again = compensate(pool, done, functions)
    assert [str(one) for one in again] == [str(one) for one in made]
    assert len(of_type(pool, EffectStarted)) == 4
    taken_back = [effect for effect in pool.effects.values() if effect.proposal.tool == "undo pay"]
    assert {effect.proposal.text for effect in taken_back} == {f"takes back {effect.told}" for effect in done}


def test_what_cannot_be_taken_back_is_told_and_the_rest_goes_on(pool, server):
    till, functions = played(pool, server, ("pay", {"amount": 1}), ("shout", {"word": "hey"}), ("pay", {"amount": 5}))
    till.remove(5)  # somebody else did
    made = {one.effect.told: one for one in compensate(pool, list(pool.effects.values()), functions)}
    assert made["pay(amount=1)"].undone
    assert made["pay(amount=5)"].why == "error: ValueError: list.remove(x): x not in list"
    assert str(made['shout(word="hey")']) == 'shout(word="hey"): not taken back (shout names no `undo`)'
    gone = {one.effect.told: one.why for one in compensate(pool, list(pool.effects.values())[:1], {})}
    assert gone == {"pay(amount=1)": "there is no function 'pay' here"}
