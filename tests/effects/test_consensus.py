"""An ordinary function of the notebook behind a gate, without any team."""

import threading

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import EffectError, UserError
from agentpool_jupyter.pool.events import EffectStarted
from tests.openai_server import Asks
from tests.programs import at_once
from tests.teams import of_type, play, until


def cheap(effect):
    return effect.proposal.arguments["amount"] < 10


def pay(amount: int, to: str = "ben") -> str:
    """Pay somebody."""
    return f"paid {amount} to {to}"


def test_a_function_is_called_when_others_agree(pool):
    guarded = ap.consensus(pay, ask=[cheap], pool=pool)
    assert guarded(3) == "paid 3 to ben"
    assert guarded(amount=4, to="ann") == "paid 4 to ann"
    assert [effect.proposal.arguments for effect in pool.effects.values()] == [
        {"amount": 3, "to": "ben"},
        {"amount": 4, "to": "ann"},
    ]
    assert guarded.__doc__ == "Pay somebody."


def test_a_function_is_not_called_when_somebody_refuses(pool):
    with pytest.raises(EffectError, match=r'pay\(amount=30, to="ben"\): not done: cheap refused'):
        ap.consensus(pay, ask=[cheap], pool=pool)(30)
    assert of_type(pool, EffectStarted) == []


def test_a_person_is_waited_for(pool):
    @ap.gate(ask=["you", cheap], pool=pool)
    def order(amount: int) -> int:
        return amount

    done = []
    with ap.open_pool("bakery") as other:

        def agree():
            until(other.pending)
            other.vote(other.pending()[0].id, accept=True)

        at_once(lambda: done.append(order(5)), agree)
    assert done == [5]


def test_a_rollback_gives_up(pool):
    """Nobody goes on with it on another line."""
    pool.post("Pay.")
    guarded, raised = ap.consensus(pay, ask=["you"], pool=pool), []

    def call():
        with pytest.raises(EffectError, match=r"pay\(amount=1.*\): not done: its line was left") as caught:
            guarded(1)
        raised.append(caught)

    def leave():
        until(pool.pending)
        pool.rollback(0)

    at_once(call, leave)
    assert len(raised) == 1
    assert of_type(pool, EffectStarted) == []


def test_a_time_limit_is_a_no(pool):
    with pytest.raises(EffectError, match="you did not answer in time"):
        ap.consensus(pay, ask=["you"], within=0.3, pool=pool)(1)


def test_what_a_function_raises_is_told(pool):
    def burn(amount: int) -> None:
        message = "too hot"
        raise ValueError(message)

    with pytest.raises(EffectError, match=r"burn\(amount=1\): error: ValueError: too hot"):
        ap.consensus(burn, ask=[cheap], pool=pool)(1)


def test_without_a_pool_it_is_recorded_in_one_of_its_own(store):
    assert ap.consensus(pay, ask=[cheap])(1) == "paid 1 to ben"
    with ap.open_pool("consensus", create=False) as pool:
        assert [effect.status for effect in pool.effects.values()] == ["done"]


def test_calls_from_several_threads_are_told_apart(pool):
    guarded = ap.consensus(pay, ask=[cheap], pool=pool)
    results = {}

    def call(amount):
        results[amount] = guarded(amount)

    at_once(*(lambda amount=amount: call(amount) for amount in range(8)))
    assert results == {amount: f"paid {amount} to ben" for amount in range(8)}
    assert threading.active_count() < 30


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"ask": ["critic"]}, "'critic' cannot be asked"),
        ({"ask": ["you"], "policy": 3}, "this gate makes no sense"),
        ({"ask": ["you"], "until": 3}, "a gate has no 'until'"),
    ],
)
def test_a_gate_that_makes_no_sense_is_told_at_once(options, why):
    with pytest.raises(UserError, match=why):
        ap.consensus(pay, **options)


def test_nobody_asked_and_no_such_policy_let_nothing_pass(pool):
    with pytest.raises(EffectError, match="nobody is there to agree"):
        ap.consensus(pay, ask=[], pool=pool)(1)
    with pytest.raises(EffectError, match="no policy 'whim'"):
        ap.consensus(pay, ask=[cheap], policy="whim", pool=pool)(1)


def test_arguments_that_are_no_data_are_told(pool):
    with pytest.raises(UserError, match="pay cannot be asked about"):
        ap.consensus(pay, ask=[cheap], pool=pool)(object())
    with pytest.raises(TypeError):
        ap.consensus(pay, ask=[cheap], pool=pool)(1, 2, 3)


def test_a_team_has_it_among_its_tools_with_its_gate(pool, server):
    server.fault(Asks((("pay", {"amount": 30}),)))
    guarded = ap.consensus(pay, ask=[cheap], pool=pool)
    play(pool, {"ann": "Pays."}, server, tools=["pay"], functions={"pay": guarded})
    assert [effect.status for effect in pool.effects.values()] == ["refused"]
