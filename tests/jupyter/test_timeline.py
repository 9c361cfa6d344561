"""When who spoke, event by event; and how everything stood at a moment."""

import pytest

from agentpool_jupyter.jupyter.live.feed import Feed
from agentpool_jupyter.jupyter.live.view.timeline import Timeline
from agentpool_jupyter.pool import words
from agentpool_jupyter.pool.events import (
    Delta,
    EffectDone,
    EffectStarted,
    Fork,
    Head,
    Message,
    Proposal,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Vote,
)
from tests.openai_server import OpenAIServer
from tests.teams import team

from .test_feed import Screen


def fold(*events):
    """Events at their offsets, a hundred milliseconds apart."""
    timeline = Timeline()
    for offset, event in enumerate(events):
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        timeline.absorb(type(event)(**fields | {"offset": offset, "ts": 100 * offset, "id": f"e{offset}"}))
    return timeline


def turn(agent, key, end=None, branch="main"):
    header = {"id": "", "agent": agent, "turn": key, "branch": branch}
    events = [TurnStarted(**header), Delta(**header, seq=0, text="a"), Delta(**header, seq=1, text="b")]
    return [*events, *([end(**header)] if end else [])]


def failing(**kind):
    return lambda **header: TurnFailed(**header, error="x", **kind)


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (None, "running"),
        (TurnFinished, "finished"),
        (lambda **header: TurnFinished(**header, reason=words.CANCELLED), "cancelled"),
        (failing(retriable=True), "again"),
        (failing(retriable=False), "failed"),
        (failing(retriable=False, kind=words.LOST), "lost"),
    ],
)
def test_a_bar_says_when_its_turn_began_spoke_and_ended_and_how(end, how):
    (bar,) = fold(*turn("ann", "t", end)).bars.values()
    assert (bar.start, bar.began, bar.first, bar.how) == (0, 0, 100, how)
    assert (bar.end, bar.ended) == ((3, 300) if end else (None, None))


def test_calls_votes_and_what_people_say_are_points():
    header = {"id": "", "agent": "ann", "proposal": "p"}
    timeline = fold(
        Proposal(**header, tool="order"),
        Vote(**header | {"agent": "you"}, accept=True),
        EffectStarted(**header, digest=""),
        EffectDone(**header),
        Message(id="", agent="you", text="Well."),
    )
    told = [(point.agent, point.what, point.how, point.told) for point in timeline.points.values()]
    assert told == [
        ("ann", "call", "asked", "asks for order"),
        ("you", "vote", "yes", "agrees to order"),
        ("ann", "call", "begun", "order: begins"),
        ("ann", "call", "done", "order: done"),
        ("you", "message", "", "says something"),
    ]


def test_a_rollback_an_undo_and_a_switch_are_told_apart():
    timeline = fold(
        Fork(id="", name="main-2", parent="main", at=0),
        Head(id="", to="main-2"),
        Head(id="", to="main", undoes=1),
        Head(id="", to="main-2"),
    )
    assert [(point.how, point.told) for point in timeline.points.values()] == [
        ("", "branch main-2 leaves main at 0"),
        ("back", "rolls back to 0: the current branch is main-2"),
        ("undo", "takes that back: the current branch is main"),
        ("", "switches: the current branch is main-2"),
    ]


def test_a_rollback_leaves_what_stands_behind_it_and_undo_brings_it_back():
    """What was told of a bar before is told again when it is left."""
    said = [*turn("ann", "kept", TurnFinished), *turn("ann", "left", TurnFinished)]
    away = [Fork(id="", name="main-2", parent="main", at=3, branch="main"), Head(id="", to="main-2", branch="main-2")]
    timeline = fold(*said, *away, *turn("ann", "new", TurnFinished, "main-2"))
    assert {key: bar.left for key, bar in timeline.bars.items()} == {"kept": False, "left": True, "new": False}
    back = fold(*said, *away, *turn("ann", "new", TurnFinished, "main-2"), Head(id="", to="main", branch="main"))
    assert {key: bar.left for key, bar in back.bars.items()} == {"kept": False, "left": False, "new": True}


def test_only_what_is_new_is_told():
    timeline = fold(*turn("ann", "t"))
    bars, points = timeline.take()
    assert ([bar.id for bar in bars], points) == (["t"], [])
    assert timeline.take() == ([], [])


def test_a_moment_is_shown_as_the_log_had_it(pool):
    """At every event of a run, all turns have the text of the document at that offset."""
    with OpenAIServer(rate=200, tokens=20) as server:
        run = team({"ann": "Talks.", "ben": "Talks."}, server, turns=2).start(pool)
        feed = Feed(pool, run.id, Screen())
        run.wait(30)
        feed.ended.wait(10)
    moments = {event.ts for event in pool.events(pool.runs[run.id].start)}
    for at in sorted(moments):
        offset, state, same = feed.then(at)
        shown = [*state.turns, *(turn for turn in feed.state().turns if turn.id in same)]
        document = pool.document(at=offset)
        assert {turn.name: turn.text for turn in shown} == {turn.name: turn.text for turn in document.turns}
    assert feed.then(0)[0] == pool.runs[run.id].start
