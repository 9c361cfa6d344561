"""A turn that is overtaken is broken off and begun again."""

from __future__ import annotations

from agentpool_jupyter.pool.events import TurnFailed, TurnStarted
from tests.openai_server import Drip, OpenAIServer
from tests.teams import asked, of_type, play, prompt, said, speaks, team, until

ALONE = {"ann": {"role": "Talks.", "listens": []}}


def overtaken(pool):
    return [event for event in of_type(pool, TurnFailed) if event.kind == "overtaken"]


def test_a_persons_word_begins_the_turn_again(pool):
    """The stream is closed at once; what was said stays in the history, not in the document; nobody waits."""
    with OpenAIServer(tokens=60, rate=60) as server:
        run = team(ALONE, server, interrupt=True).start(pool)
        until(lambda: said(pool, "ann"))
        message = pool.post("Mind the rent.")
        run.wait(60)
        first, second = server.requests
    (failed,) = overtaken(pool)
    assert first.disconnected
    assert first.sent < 60
    assert "Mind the rent." in prompt(second)
    assert (failed.retriable, failed.wait) == (True, 0.0)
    assert str(message.offset) in failed.error
    turns = [turn for turn in pool.document().turns if turn.agent == "ann"]
    attempts = [turn for turn in pool.document().attempts if turn.agent == "ann"]
    assert [turn.status for turn in turns] == ["finished"]
    assert [(turn.status, bool(turn.text)) for turn in attempts] == [("failed", True), ("finished", True)]
    assert turns[0].seen > message.offset
    assert run.reason == "turns"


def test_it_is_counted_and_paid_for(pool):
    """As a restart, not as a failure; its tokens are part of what the run took."""
    with OpenAIServer(tokens=60, rate=60) as server:
        run = team(ALONE, server, interrupt=True).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        run.wait(60)
    (row,) = run.report().rows
    assert (row.turns, row.failed, row.restarts, row.stale) == (1, 0, 1, 0)
    assert row.prompt + row.completion == run.document().usage.total
    assert row.estimated


def test_also_while_the_server_has_not_said_a_word(pool):
    with OpenAIServer(tokens=20, delay=0.6) as server:
        run = team(ALONE, server, interrupt=True).start(pool)
        until(lambda: server.open_streams == 1)
        pool.post("Mind the rent.")
        run.wait(60)
        assert server.requests[0].disconnected
        assert "Mind the rent." in prompt(server.requests[1])
    assert len(overtaken(pool)) == 1


def test_whom_it_listens_to_by_name_begins_it_again(pool):
    """When that agent's turn has ended; others that it only hears do not."""
    agents = {
        "quick": {"role": "Drafts.", "listens": []},
        "slow": {"role": "Checks.", "listens": ["quick", "task"], "interrupt": True},
        "other": {"role": "Checks too.", "interrupt": True},
    }
    with OpenAIServer(tokens=30) as server:
        server.fault(Drip(60), contains=speaks("slow"))
        server.fault(Drip(60), contains=speaks("other"))
        server.fault(Drip(200), contains=speaks("quick"))
        run = play(pool, agents, server)
        second = prompt(asked(server, "slow")[1])
    assert [event.agent for event in overtaken(pool)] == ["slow"]
    assert "[quick#1]" in second
    assert run.report().total.restarts == 1


def test_without_it_a_turn_is_said_to_its_end(pool):
    """And is stale, which the report says."""
    with OpenAIServer(tokens=30, rate=60) as server:
        run = team(ALONE, server).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        run.wait(60)
    assert overtaken(pool) == []
    assert run.report().rows[0].stale == 1


def test_two_agents_cannot_keep_each_other_from_ending(pool):
    """Who listens to each other and is always overtaken has its say after a few restarts."""
    agents = {
        "ann": {"role": "Talks.", "listens": ["ben", "task"]},
        "ben": {"role": "Talks.", "listens": ["ann", "task"]},
    }
    with OpenAIServer(tokens=20, rate=200) as server:
        run = play(pool, agents, server, turns=6, interrupt=True)
    begun = of_type(pool, TurnStarted)
    assert run.reason == "turns"
    assert [row.turns for row in run.report().rows] == [6, 6]
    assert len(begun) <= 12 * 3


def test_a_person_who_does_not_stop_talking_is_answered(pool):
    """After two restarts the turn is said to its end."""
    with OpenAIServer(tokens=30, rate=60) as server:
        run = team(ALONE, server, interrupt=True).start(pool)
        for number in range(1, 4):
            until(lambda number=number: len(of_type(pool, TurnStarted)) == number and said(pool, "ann"))
            pool.post(f"Word {number}.")
        run.wait(60)
    assert len(overtaken(pool)) == 2
    assert [event.attempt for event in of_type(pool, TurnStarted)] == [1, 2, 3]
    assert len([turn for turn in pool.document().turns if turn.agent == "ann"]) == 1


def test_restarts_are_no_attempts_that_failed(pool):
    """They do not use up the tries that a failing server has."""
    with OpenAIServer(tokens=30, rate=60) as server:
        run = team(ALONE, server, interrupt=True, attempts=1).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        run.wait(60)
    assert [turn.status for turn in pool.document().turns if turn.agent == "ann"] == ["finished"]


def test_in_strides_what_was_read_on_the_way_overtakes_nothing(pool):
    """A word that falls between two readings begins the whole turn again, but one that was read does not."""
    with OpenAIServer(tokens=60, rate=60, prefill="continue") as server:
        run = team(ALONE, server, interrupt=True, stride=10).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        run.wait(60)
    assert len(overtaken(pool)) == 1
    turn = [turn for turn in pool.document().turns if turn.agent == "ann"][-1]
    assert len(turn.text.split()) == 60


def test_stopping_a_run_that_watches_leaves_nothing_open(pool):
    with OpenAIServer(tokens=500, rate=60) as server:
        run = team(ALONE, server, interrupt=True).start(pool)
        until(lambda: said(pool, "ann"))
        run.stop()
        assert server.until(lambda server: server.open_streams == 0)
    (turn,) = run.document().turns
    assert (run.reason, turn.status) == ("stopped", "cancelled")
