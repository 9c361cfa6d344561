"""What a page's buttons do to the history of a pool: the same as the magics of these names."""

import pytest

from agentpool_jupyter.jupyter.live.acting import carry_out
from agentpool_jupyter.jupyter.live.feed import Feed
from agentpool_jupyter.jupyter.live.wire import ActAt
from agentpool_jupyter.pool.events import Fork, Head, RunFinished, TurnFinished, TurnStarted
from tests.openai_server import OpenAIServer
from tests.teams import of_type, play, said, team, until

from .test_feed import Screen


def act(pool, action, at, running=(), **fields):
    return carry_out(pool, ActAt(view="v", action=action, at=str(at), **fields), running)


@pytest.fixture
def told(pool):
    for text in ("One.", "Two <b>.", "Three."):
        pool.post(text)
    header = pool.header("main", agent="checker")
    pool.append([TurnStarted(**header, turn="t", model="python:order_flour")])
    pool.append([TurnFinished(**pool.header("main", agent="checker"), turn="t", deltas=0)])
    return pool


def test_a_rollback_is_told_first_and_done_when_the_person_is_sure(told):
    """What is told is what is left then; nothing is changed before."""
    end = told.end
    asked = act(told, "rollback", 0)
    assert (asked.asks, told.end) == (True, end)
    assert asked.told == "3 turns and 4 events would leave the document, and stay readable on branch 'main'"
    assert asked.effects == ["order_flour() was called (checker, offset 3)"]
    assert "Two &lt;b&gt;." in asked.html
    done = act(told, "rollback", 0, sure=True)
    assert (done.asks, done.failed, done.effects) == (False, False, asked.effects)
    assert done.told.startswith("rolled back: the head is on the new branch 'main-2'; %rollback --undo")
    assert (told.branch, [turn.text for turn in told.document().turns]) == ("main-2", ["One."])


def test_it_is_the_same_as_the_magic(told, shell):
    shell.run_line_magic("pool", "use bakery")
    moved = shell.run_line_magic("rollback", "you#2 --dry-run")
    asked = act(told, "rollback", "you#2")
    assert (moved.leaves, moved.diff._repr_html_()) == (asked.told, asked.html)
    compared = shell.run_line_magic("diff", "you#2")
    assert compared._repr_html_() == act(told, "diff", "you#2").html
    assert shell.run_line_magic("branch", "idea you#2") == "made branch 'idea'; `%branch --switch idea` goes there"
    assert (
        act(told, "branch", "you#2", name="idea-2").told == "made branch 'idea-2'; `%branch --switch idea-2` goes there"
    )
    assert {name: fork.at for name, fork in told.lineage.forks.items()} == {"idea": 1, "idea-2": 1}


def test_a_branch_without_a_name_is_given_one_and_the_head_stays(told):
    assert "made branch 'main-2'" in act(told, "branch", 1).told
    assert told.branch == "main"


@pytest.mark.parametrize(
    ("action", "at", "says"),
    [
        ("rollback", 99, "has no offset 99"),
        ("branch", "you#9", "no position 'you#9'"),
        ("blame", 1, "does not know how"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(told, action, at, says):
    outcome = act(told, action, at)
    assert outcome.failed
    assert says in outcome.told
    assert "\n" not in outcome.told


def test_nothing_would_leave_at_the_end(told):
    assert act(told, "rollback", told.end - 1).told == "nothing would leave the document"


def test_a_team_at_work_is_named_before_it_is_stopped(pool):
    """It is waited for, so that what is told is how it stands."""
    with OpenAIServer(rate=40, tokens=1000) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        until(lambda: said(pool, "ann"))
        at = pool.runs[run.id].start
        assert f"the team at work (run {run.id}) would be stopped" in act(pool, "rollback", at, [run]).told
        done = act(pool, "rollback", at, [run], sure=True)
    assert "; the team was stopped, %agents resume goes on with it from here" in done.told
    assert [event.reason for event in of_type(pool, RunFinished)] == ["moved"]
    assert not pool.document().turns


def test_a_run_that_has_ended_shows_what_was_done_to_it_later(pool, server):
    """Its bars stand on a line that was left; the notebook keeps that."""
    run, screen = play(pool, {"ann": "Talks."}, server), Screen()
    feed = Feed(pool, run.id, screen)
    assert feed.ended.wait(10)
    assert act(pool, "rollback", pool.runs[run.id].start, sure=True).told
    feed.look_again()
    patch, end = screen.patches[-1], len(screen.patches)
    assert [bar.left for bar in patch.bars] == [True]
    made, moved = (of_type(pool, kind)[0] for kind in (Fork, Head))
    assert [(point.id, point.what) for point in patch.points] == [(made.id, "fork"), (moved.id, "head")]
    assert screen.kept.bars[0].left
    feed.look_again()
    assert len(screen.patches) == end
