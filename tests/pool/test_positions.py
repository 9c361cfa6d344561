"""Positions as people write them."""

import time
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentpool_jupyter.errors import PositionError
from agentpool_jupyter.log.sqlite import SqliteLog
from agentpool_jupyter.pool import Pool, Position, open_pool
from agentpool_jupyter.pool.events import Delta, Message, TurnFinished, TurnStarted


@pytest.fixture
def told(pool):
    """One, two and three of ``you``, then ``planner``'s first turn and the begin of its second, at 0 to 7."""
    for text in ("one", "two", "three"):
        pool.post(text)
    planner = {"agent": "planner", "turn": "t1"}
    pool.append(
        [
            TurnStarted(id="a", **planner, model="m"),
            Delta(id="b", **planner, seq=0, text="Flour"),
            TurnFinished(id="c", **planner, deltas=1),
            TurnStarted(id="d", agent="planner", turn="t2", model="m"),
            Delta(id="e", agent="planner", turn="t2", seq=0, text="Salt"),
        ]
    )
    return pool


def test_an_offset_is_right_after_that_event(told):
    assert told.position(1) == told.position("1") == told.position(" 1 ") == Position("main", 1)
    assert [turn.text for turn in told.document(at=1).turns] == ["one", "two"]


def test_a_turn_is_right_after_its_end(told):
    assert told.position("you#2") == Position("main", 1)
    assert told.position("planner#1") == told.position("t1") == Position("main", 5)


def test_a_turn_that_still_runs_is_now(told):
    assert told.position("planner#2") == Position("main", 7)


@pytest.mark.parametrize(("text", "at"), [("-0", 5), ("-1", 2), ("-2", 1), ("-3", 0), ("-4", -1)])
def test_a_negative_number_counts_finished_turns_back(told, text, at):
    """``-1`` takes the last finished turn away, and as many as there are leave nothing."""
    assert told.position(text) == Position("main", at)


def test_more_turns_back_than_there_are(told):
    with pytest.raises(PositionError, match="cannot go 5 turns back: this line has 4 finished turns"):
        told.position(-5)
    assert told.position(-4) == told.position("-4")


def test_a_branch_is_its_end(told):
    told.fork("idea", at=0)
    assert told.position("main") == Position("main", told.end - 1)
    assert told.position("idea") == Position("idea", told.end - 1)
    assert [turn.text for turn in told.document("idea").turns] == ["one"]


def test_a_tag_is_the_position_that_it_named(told):
    assert told.tag("good", at="you#2") == Position("main", 1)
    told.post("more")
    assert told.position("good") == Position("main", 1)
    assert told.tag("now") == Position("main", 9)


def test_a_tag_stays_on_its_branch(told):
    told.tag("good", at=2)
    told.rollback(0)
    assert told.position("good") == Position("main", 2)


def test_an_offset_of_a_line_that_was_left_means_that_line(told):
    """A position on the current line is found through the line's own forks."""
    told.rollback(1)
    assert told.position(1) == Position("main-2", 1)
    assert told.position(2) == Position("main", 2)
    assert [turn.text for turn in told.document(2).turns] == ["one", "two", "three"]


def test_turns_are_counted_on_the_current_line(told):
    told.rollback(1)
    told.post("other")
    assert told.position("you#3") == Position("main-2", told.end - 1)
    with pytest.raises(PositionError, match="no position 'planner#1' on this line"):
        told.position("planner#1")


def test_an_offset_past_the_end(told):
    with pytest.raises(PositionError, match="pool 'bakery' has no offset 8: the last offset is 7"):
        told.position(8)


def test_an_empty_pool_has_its_branches_only(pool):
    assert pool.position("main") == Position("main", -1)
    assert pool.position("-0") == Position("main", -1)
    for where, message in [
        (0, "has no offset 0: it is empty"),
        (-1, "cannot go 1 turn back: this line has no finished turn"),
        ("planner#1", "no position 'planner#1' on this line; nearest: main"),
    ]:
        with pytest.raises(PositionError, match=message):
            pool.position(where)


@pytest.mark.parametrize(
    ("where", "nearest"),
    [("planer#1", "planner#1"), ("you#9", "you#"), ("ide", "idea"), ("goood", "good"), ("", "planner#2")],
)
def test_an_unknown_position_names_the_nearest(told, where, nearest):
    told.fork("idea")
    told.tag("good")
    with pytest.raises(PositionError, match=rf"no position {where!r} on this line; nearest: .*{nearest}"):
        told.position(where)


def test_a_position_of_a_newer_document_is_cut_to_what_there_is(told):
    """A fork must never reach past its own place, or later tokens would come into it."""
    assert told.position(Position("main", 99)) == Position("main", 7)


# Times ----------------------------------------------------------------------------------------------------


@pytest.fixture
def timed(tmp_path):
    """A pool that took a, b and c three hours, twenty minutes and no time ago."""

    class Timed(SqliteLog):
        def backdate(self, offset, milliseconds):
            self._writer.execute("UPDATE records SET time = time - ? WHERE offset = ?", (milliseconds, offset))

    with open_pool("bakery", tmp_path) as pool:
        store = pool.store
        log = Timed("bakery", store.path("bakery"), store.url)
        pool.append([Message(id=text, text=text, ts=0) for text in "abc"])
        log.backdate(0, 3 * 3600 * 1000)
        log.backdate(1, 20 * 60 * 1000)
        yield Pool(log, store)
        log.close()


@pytest.mark.parametrize(
    ("where", "at"), [("4h", -1), ("2h", 0), ("150 m", 0), ("2.5h", 0), ("10m", 1), ("900s", 1), ("0s", 2), ("2d", -1)]
)
def test_a_span_is_that_long_ago(timed, where, at):
    assert timed.position(where) == Position("main", at)


def test_a_time_of_day_is_the_last_time_it_was_that_late(timed):
    """Today, or yesterday where today it is still to come."""
    now = datetime.now().astimezone()
    hour_ago = now - timedelta(hours=1)
    assert timed.position(f"{hour_ago:%H:%M}") == Position("main", 0)
    assert timed.position(f"{hour_ago:%H:%M:%S}") == Position("main", 0)
    assert timed.position(f"{now + timedelta(hours=1):%H:%M}") == Position("main", -1)


def test_a_date_with_or_without_a_time(timed):
    then = datetime.now().astimezone() - timedelta(hours=1)
    assert timed.position(then.isoformat()) == Position("main", 0)
    assert timed.position(then.replace(tzinfo=None).isoformat(" ")) == Position("main", 0)
    assert timed.position("2001-02-03") == Position("main", -1)
    assert timed.position("9998-12-31") == Position("main", 2)


@pytest.mark.parametrize("where", ["24:00", "9:60", "12:30:99"])
def test_a_time_that_no_clock_shows(told, where):
    with pytest.raises(PositionError, match=f"{where!r} is no time of day: use hours 0 to 23 and minutes 0 to 59"):
        told.position(where)


def test_the_clock_of_the_log_counts_not_the_writers(pool):
    pool.append([Message(id="a", text="x", ts=0)])
    assert abs(next(pool.events()).time - time.time() * 1000) < 60_000
    assert pool.position("1h") == Position("main", -1)


@given(
    st.text()
    | st.integers()
    | st.from_regex(r"[-+]?\d{1,30}(\.\d+)?\s*[smhd]?", fullmatch=True)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
)
@example("1" * 5000)
@example("-" + "9" * 5000)
@example("9" * 400 + "d")
@example("4000000d")
@example("0001-01-01T00:00:00+23:59")
def test_any_text_is_a_position_or_a_position_error(told, where):
    """Nothing else comes out, however odd the text."""
    try:
        place = told.position(where)
    except PositionError:
        pass
    else:
        assert place.branch == "main"
        assert -1 <= place.at < told.end
