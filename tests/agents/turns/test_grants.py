"""What a person has agreed to beforehand, and several calls in one question, in teams at work on both stores."""

from contextlib import suppress

import pytest

from agentpool_jupyter import consensus, open_pool, resume
from agentpool_jupyter.errors import EffectError, UserError
from agentpool_jupyter.pool.events import EffectStarted, Vote
from agentpool_jupyter.tracing.told import effect_lines
from tests.openai_server import Asks
from tests.programs import at_once
from tests.teams import of_type, team, until


def paying(server, *amounts, **gate):
    """A team whose ann wants to pay these amounts, all at once, behind a gate; and what was paid."""
    paid = []

    def pay(amount: int) -> str:
        """Pay an amount."""
        paid.append(amount)
        return "paid"

    server.fault(Asks(tuple(("pay", {"amount": amount}) for amount in amounts)))
    agents = {"ann": {"role": "Pays.", "tools": ["pay"]}}
    return team(agents, server, gates={"pay": {"ask": ["you"]} | gate}, functions={"pay": pay}), paid


def test_two_calls_at_once_do_not_both_use_the_last_of_a_grant(url, server):
    """One is paid without a question, the person is asked for the other, and the report says so."""
    made, paid = paying(server, 3, 4)
    with open_pool("bakery", url) as pool:
        grant = pool.grant("pay", agent="ann", count=1)
        run = made.start(pool)
        until(lambda: len(paid) == 1 and pool.pending())
        (waits,) = pool.pending()
        assert waits.waits_for_person
        assert pool.grants == []
        pool.vote(waits.id, accept=True)
        assert run.wait(30)
        assert sorted(paid) == [3, 4]
        first = next(effect for effect in pool.effects.values() if effect.granted)
        assert first.decision.text == f"you agreed, you by grant {grant.id}"
        assert f"agreed beforehand: {first.told} (grant {grant.id})" in repr(run.report())
        assert len(of_type(pool, Vote)) == 1


def test_a_grant_that_comes_while_it_waits_decides(pool, server):
    made, paid = paying(server, 3)
    run = made.start(pool)
    until(pool.pending)
    grant = pool.grant("pay")
    assert run.wait(30)
    assert paid == [3]
    assert repr(grant) == f"<grant: pay by anyone: 9 of 10 left, {grant.id}>"
    assert pool.revoke(grant.id[-4:]).revoked
    assert pool.grants == []
    with pytest.raises(UserError, match=r"no grant .* none stands"):
        pool.revoke(grant.id)


@pytest.mark.parametrize("facts", [{"tool": ""}, {"count": 0}, {"within": 0}, {"within": float("nan")}])
def test_a_grant_of_nothing_is_told(pool, facts):
    with pytest.raises(UserError, match="a grant is for a tool"):
        pool.grant(**({"tool": "pay"} | facts))


def test_threads_that_race_for_a_grant_have_as_many_as_it_says(pool):
    """Without any team, eight calls at once: three pass, and a person is asked for the others."""
    paid = []

    def pay(amount: int) -> None:
        paid.append(amount)

    guarded = consensus(pay, ask=["you"], pool=pool)
    pool.grant("pay", count=3)

    def call(amount):
        with suppress(EffectError):
            guarded(amount)

    def refuse():
        until(lambda: len(paid) == 3 and [one.waits_for_person for one in pool.pending()] == [True] * 5)
        pool.vote_all([question.name for question in pool.pending().questions], accept=False)

    at_once(refuse, *(lambda amount=amount: call(amount) for amount in range(8)))
    assert len(paid) == 3
    assert sum(effect.status == "refused" for effect in pool.effects.values()) == 5


def test_calls_that_are_alike_are_answered_in_one_go(url, server):
    made, paid = paying(server, 3, 4, 5)
    with open_pool("bakery", url) as pool:
        run = made.start(pool)
        until(lambda: len(pool.pending()) == 3)
        (question,) = pool.pending().questions
        with pytest.raises(UserError, match="are 3 calls"):
            pool.vote(question.name, accept=True)
        with pytest.raises(UserError, match="no proposal 'nothing'"):
            pool.vote_all([question.name, "nothing"], accept=True)
        assert of_type(pool, Vote) == []
        effects = pool.vote_all([question.name], "All of them.", accept=True)
        assert [effect.id for effect in effects] == [effect.id for effect in question.effects]
        assert run.wait(30)
        assert sorted(paid) == [3, 4, 5]
        assert {vote.text for vote in of_type(pool, Vote)} == {"All of them."}
        assert len(of_type(pool, EffectStarted)) == 3


def test_a_call_is_explained_with_what_it_passed_by(pool, server):
    """What changed under it, the grant by which it was let pass, and that its gate is no strict one."""
    made, paid = paying(server, 3, stale="ok")
    pool.post("Pay.")
    run = made.start(pool)
    until(pool.pending)
    (effect,) = pool.pending()
    pool.rollback(0)
    assert run.wait(30)
    pool.undo()
    grant = pool.grant("pay")
    assert resume(pool, functions=made.functions, trust=True).wait(30)
    assert paid == [3]
    told = effect_lines(pool.effects[effect.id], {}).splitlines()
    assert told[-4].startswith("  what it rests on changed at offset ")
    assert told[-3:-1] == [
        f"  agreed beforehand: grant {grant.id}",
        "  let pass: its line was left, and stale: ok",
    ]
