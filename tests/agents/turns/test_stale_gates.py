"""What a proposal rests on changes while it waits: who agreed before is asked again, on both stores."""

import pytest

from agentpool_jupyter import consensus, open_pool, resume
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.events import Delta, EffectStarted, File, GateEdited, TurnFailed, TurnStarted, Vote
from tests.openai_server import Asks
from tests.teams import of_type, speaks, team, until

MAIL = {"to": "ben"}


def mailing(server, gate, functions=None, **fields):
    """A team whose ann reads a recipe and then sends a mail behind a gate, and the mails that were sent."""
    sent = []

    def send_mail(to: str) -> str:
        """Send a mail."""
        sent.append(to)
        return "sent"

    server.fault(Asks((("read_file", {"path": "bread.md"}),)), contains=speaks("ann"))
    server.fault(Asks((("send_mail", MAIL),), answered=1), contains=speaks("ann"))
    agents = {"ann": {"role": "Mails.", "tools": ["send_mail"], "files": True}}
    functions = {"send_mail": send_mail, **(functions or {})}
    return team(agents, server, gates={"send_mail": gate}, functions=functions, **fields), sent


def agreeing(asked):
    def check(effect):
        asked.append(effect.id)
        return True

    return check


@pytest.mark.parametrize("stale", ["ask", "ok"])
def test_a_file_that_the_turn_had_read_is_rewritten_while_it_waits(url, server, stale):
    """With ``ask`` the function is asked a second time; with ``ok`` its vote stands."""
    asked = []
    gate = {"ask": ["check", "you"], "stale": stale}
    made, sent = mailing(server, gate, {"check": agreeing(asked)})
    with open_pool("bakery", url) as pool:
        pool.write_file("bread.md", "flour")
        run = made.start(pool)
        until(lambda: any(one.votes for one in pool.pending()))
        (effect,) = pool.pending()
        assert effect.proposal.rests.files == {"bread.md": 1}
        assert effect.rests_on.endswith("bread.md (version 1)")
        seen = effect.since
        pool.write_file("bread.md", "rye")
        if stale == "ask":
            until(lambda: len(asked) == 2 and "check" in pool.effects[effect.id].votes)
            assert pool.effects[effect.id].asked_again == "bread.md was rewritten (version 2, by you)"
            with pytest.raises(UserError, match="does not count: you was cast before bread"):
                pool.vote(effect.id, accept=True, seen=seen)
        pool.vote(effect.id, accept=True)
        assert run.wait(30)
        assert (sent, len(asked)) == (["ben"], 2 if stale == "ask" else 1)
        assert len(of_type(pool, EffectStarted)) == 2  # the file was read, and the mail sent


def test_a_rollback_that_is_undone_asks_again(url, server):
    """The run goes on with the same proposal, and the vote from before does not carry it."""
    made, sent = mailing(server, {"ask": ["boss", "you"]}, {"boss": lambda _: True})
    with open_pool("bakery", url) as pool:
        pool.write_file("bread.md", "flour")
        run = made.start(pool)
        until(lambda: any(one.votes for one in pool.pending()))
        (effect,) = pool.pending()
        pool.rollback(0)
        assert run.wait(30)
        assert (pool.pending(), pool.effects[effect.id].left) == ([], True)
        pool.undo()
        assert [one.id for one in pool.pending()] == [effect.id]
        assert pool.pending()[0].votes == {}
        run = resume(pool, functions=made.functions, trust=True)
        until(lambda: "boss" in pool.effects[effect.id].votes)
        pool.vote(effect.id, accept=True)
        assert run.wait(30)
        assert sent == ["ben"]
        assert len(of_type(pool, File)) == 1


def test_what_was_asked_on_a_line_that_was_left_is_asked_anew_on_the_next(pool, server):
    """Else nobody could agree to it: it waits where the head is not."""
    made, sent = mailing(server, {"ask": ["you"]})
    pool.write_file("bread.md", "flour")
    run = made.start(pool)
    until(pool.pending)
    (first,) = pool.pending()
    pool.rollback(0)
    assert run.wait(30)
    run = resume(pool, functions=made.functions, trust=True)
    until(pool.pending)
    (second,) = pool.pending()
    assert (second.id != first.id, second.proposal.key) == (True, first.proposal.key)
    pool.vote(second.id, accept=True)
    assert run.wait(30)
    assert sent == ["ben"]


def test_a_gate_that_was_edited_before_the_run_goes_on_asks_by_the_new_one(pool, server):
    """The function's own gate: its notebook defines it anew, with another voter."""
    sent = []

    def send_mail(to: str) -> str:
        """Send a mail."""
        sent.append(to)
        return "sent"

    def boss(_):
        return True

    server.fault(Asks((("send_mail", MAIL),)), contains=speaks("ann"))
    guarded = consensus(send_mail, ask=["you"], pool=pool)
    made = team({"ann": {"role": "Mails.", "tools": ["send_mail"]}}, server, functions={"send_mail": guarded})
    run = made.start(pool)
    until(pool.pending)
    (effect,) = pool.pending()
    run.stop()
    pool.vote(effect.id, accept=True)
    edited = consensus(send_mail, ask=["you", boss], pool=pool)
    run = resume(pool, functions={"send_mail": edited}, trust=True)
    until(lambda: "boss" in pool.effects[effect.id].votes)
    assert [why for _, why in pool.effects[effect.id].idle] == ["was cast before its gate was edited"]
    pool.vote(effect.id, accept=True)
    assert run.wait(30)
    assert sent == ["ben"]
    (edit,) = of_type(pool, GateEdited)
    assert edit.gate["ask"] == ["you", "boss"]
    assert [vote.agent for vote in of_type(pool, Vote)] == ["you", "boss", "you"]


def test_a_turn_that_was_read_half_and_fails_asks_again(pool, server):
    """The text that the proposal rests on was taken back."""
    made, sent = mailing(server, {"ask": ["boss", "you"]}, {"boss": lambda _: True})
    pool.write_file("bread.md", "flour")

    def half(kind, **fields):
        return kind(**pool.header("main", agent="eve"), turn="half", **fields)

    pool.append([half(TurnStarted), half(Delta, seq=0, text="Half of it")])
    run = made.start(pool)
    until(lambda: any(one.votes for one in pool.pending()))
    (effect,) = pool.pending()
    assert effect.proposal.rests.turns == ("half",)
    pool.append([half(TurnFailed, error="500", retriable=True)])
    until(lambda: pool.effects[effect.id].changes and "boss" in pool.effects[effect.id].votes)
    assert [why for _, why in pool.effects[effect.id].idle] == ["was cast before a turn of eve that it had read failed"]
    pool.vote(effect.id, accept=True)
    assert run.wait(30)
    assert sent == ["ben"]
