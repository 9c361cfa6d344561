"""A turn that is overtaken is broken off and begun again."""

from __future__ import annotations

from agentpool_jupyter.pool.events import TurnFailed, TurnFinished, TurnStarted
from tests.openai_server import Hold, OpenAIServer, Silence
from tests.teams import asked, of_type, play, prompt, said, speaks, team, until

ALONE = {"ann": {"role": "Talks.", "listens": []}}


def overtaken(pool):
    return [event for event in of_type(pool, TurnFailed) if event.kind == "overtaken"]


def ended(pool, agent):
    return any(event.agent == agent for event in of_type(pool, TurnFinished))


def test_a_persons_word_begins_the_turn_again(pool):
    """The stream is closed at once; what was said stays in the history, not in the document; nobody waits."""
    with OpenAIServer(tokens=60) as server:
        server.fault(Silence(after=5), nth=0)
        run = team(ALONE, server, interrupt=True).start(pool)
        until(lambda: said(pool, "ann"))
        message = pool.post("Mind the rent.")
        run.wait(60)
        first, second = server.requests
    (failed,) = overtaken(pool)
    assert first.disconnected
    assert first.sent == 5
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
    with OpenAIServer(tokens=60) as server:
        server.fault(Silence(after=5), nth=0)
        run = team(ALONE, server, interrupt=True).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        run.wait(60)
    (row,) = run.report().rows
    assert (row.turns, row.failed, row.restarts, row.stale) == (1, 0, 1, 0)
    assert row.prompt + row.completion == run.document().usage.total
    assert row.estimated


def test_also_while_the_server_has_not_said_a_word(pool):
    with OpenAIServer(tokens=20) as server:
        server.fault(Silence(after=0), nth=0)
        run = team(ALONE, server, interrupt=True).start(pool)
        until(lambda: server.open_streams == 1)
        pool.post("Mind the rent.")
        run.wait(60)
        assert server.requests[0].disconnected
        assert "Mind the rent." in prompt(server.requests[1])
    assert len(overtaken(pool)) == 1


def test_whom_it_listens_to_by_name_begins_it_again(pool):
    """When that agent's turn has ended; one that it does not listen to does not."""
    agents = {
        "quick": {"role": "Drafts.", "listens": []},
        "slow": {"role": "Checks.", "listens": ["quick", "task"], "interrupt": True},
        "deaf": {"role": "Checks too.", "listens": [], "interrupt": True},
    }
    quick, deaf = Hold(after=3), Hold(after=3)
    with OpenAIServer(tokens=30) as server:
        server.fault(quick, contains=speaks("quick"))
        server.fault(deaf, contains=speaks("deaf"))
        server.fault(Silence(after=3), contains=speaks("slow"), times=1)
        run = team(agents, server).start(pool)
        until(lambda: said(pool, "slow") and said(pool, "deaf"))
        server.release(quick)
        until(lambda: len(asked(server, "slow")) == 2)
        server.release(deaf)
        assert run.wait(60)
    assert [event.agent for event in overtaken(pool)] == ["slow"]
    assert "[quick#1]" in prompt(asked(server, "slow")[1])
    assert run.report().total.restarts == 1


EVERYONE = {
    "one": {"role": "Drafts.", "listens": []},
    "two": {"role": "Drafts too.", "listens": []},
    "other": {"role": "Checks.", "interrupt": True},
}


def test_who_listens_to_everyone_begins_anew_for_anyone_but_once(pool):
    """What else it misses makes it stale, which the report says; else a large team would restart without end."""
    one, two, other = Hold(after=3), Hold(after=3), Hold(after=3)
    with OpenAIServer(tokens=30) as server:
        server.fault(one, contains=speaks("one"))
        server.fault(two, contains=speaks("two"))
        server.fault(Silence(after=3), contains=speaks("other"), times=1)
        server.fault(other, contains=speaks("other"))
        run = team(EVERYONE, server).start(pool)
        until(lambda: said(pool, "other"))
        server.release(one)
        until(lambda: len(asked(server, "other")) == 2 and said(pool, "other"))
        server.release(two)
        until(lambda: ended(pool, "two"))
        server.release(other)
        assert run.wait(60)
    assert [event.agent for event in overtaken(pool)] == ["other"]
    assert "[one#1]" in prompt(asked(server, "other")[1])
    assert [(row.restarts, row.stale) for row in run.report().rows] == [(0, 0), (0, 0), (1, 1)]


def test_who_listens_to_everyone_ends_what_it_has_half_said(pool):
    """Unless a person speaks."""
    agents = {**EVERYONE, "other": {**EVERYONE["other"], "max_tokens": 10}}
    one, two = Hold(after=3), Hold(after=3)
    with OpenAIServer(tokens=30) as server:
        server.fault(one, contains=speaks("one"))
        server.fault(two, contains=speaks("two"))
        server.fault(Silence(after=9), contains=speaks("other"), times=1)
        run = team(agents, server).start(pool)
        until(lambda: said(pool, "other", 27))
        server.release(one)
        until(lambda: ended(pool, "one"))
        assert overtaken(pool) == []
        message = pool.post("Mind the rent.")
        until(lambda: ended(pool, "other"))
        server.release(two)
        assert run.wait(60)
    (failed,) = overtaken(pool)
    assert str(message.offset) in failed.error


def test_a_team_in_which_everyone_listens_to_everyone_ends(pool):
    """Each turn is begun twice at most."""
    agents = {f"agent{number}": "Talks." for number in range(6)}
    with OpenAIServer(tokens=20, rate=200) as server:
        run = play(pool, agents, server, turns=2, interrupt=True)
    assert run.reason == "turns"
    assert [row.turns for row in run.report().rows] == [2] * 6
    assert len(of_type(pool, TurnStarted)) <= 6 * 2 * 2


def test_without_it_a_turn_is_said_to_its_end(pool):
    """And is stale, which the report says."""
    hold = Hold(after=3)
    with OpenAIServer(tokens=30) as server:
        server.fault(hold)
        run = team(ALONE, server).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        server.release(hold)
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
    hold = Hold(after=3)
    with OpenAIServer(tokens=30) as server:
        server.fault(Silence(after=3), times=2)
        server.fault(hold)
        run = team(ALONE, server, interrupt=True).start(pool)
        for number in range(1, 4):
            until(lambda number=number: len(of_type(pool, TurnStarted)) == number and said(pool, "ann"))
            pool.post(f"Word {number}.")
        server.release(hold)
        run.wait(60)
    assert len(overtaken(pool)) == 2
    assert [event.attempt for event in of_type(pool, TurnStarted)] == [1, 2, 3]
    assert len([turn for turn in pool.document().turns if turn.agent == "ann"]) == 1


def test_restarts_are_no_attempts_that_failed(pool):
    """They do not use up the tries that a failing server has."""
    with OpenAIServer(tokens=30) as server:
        server.fault(Silence(after=3), nth=0)
        run = team(ALONE, server, interrupt=True, attempts=1).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        run.wait(60)
    assert [turn.status for turn in pool.document().turns if turn.agent == "ann"] == ["finished"]


def test_in_strides_what_was_read_on_the_way_overtakes_nothing(pool):
    """A word that falls between two readings begins the whole turn again, but one that was read does not."""
    with OpenAIServer(tokens=60, prefill="continue") as server:
        server.fault(Silence(after=5), nth=0)  # in the first stride
        run = team(ALONE, server, interrupt=True, stride=10).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        run.wait(60)
    assert len(overtaken(pool)) == 1
    turn = [turn for turn in pool.document().turns if turn.agent == "ann"][-1]
    assert len(turn.text.split()) == 60


def test_stopping_a_run_that_watches_leaves_nothing_open(pool):
    with OpenAIServer(tokens=500) as server:
        server.fault(Silence(after=5))
        run = team(ALONE, server, interrupt=True).start(pool)
        until(lambda: said(pool, "ann"))
        run.stop()
        assert server.until(lambda server: server.open_streams == 0)
    (turn,) = run.document().turns
    assert (run.reason, turn.status) == ("stopped", "cancelled")
