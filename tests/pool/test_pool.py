"""A pool over a real log: live reading, writing, time travel."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.errors import LogClosedError, LogUnavailableError, PoolNotFoundError, UserError
from agentpool_jupyter.log import open_store
from agentpool_jupyter.log.sqlite import SqliteLog
from agentpool_jupyter.pool import Pool, Position, fold, list_pools, open_pool
from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.events import Delta, Message, TurnFinished, TurnStarted
from tests.teams import say

from .readings import line
from .strategies import logs, stored


def look(document):
    return document.attempts, document.turns, document.usage, document.at, document.unreadable, document.branch


# Live reading ---------------------------------------------------------------------------------------------


@given(values=logs(), data=st.data())
def test_the_document_does_not_depend_on_when_it_was_looked_at(new_pool, values, data):
    """Kept up to date in steps of any size, it equals the document of a pool that is opened now."""
    live = new_pool()
    while values:
        size = data.draw(st.integers(1, len(values)))
        live.log.append(values[:size])
        values = values[size:]
        fresh = Pool(live.log, live.store)
        assert look(live.document()) == look(fresh.document())
        assert live.branches == fresh.branches
        assert list(live.runs) == list(fresh.runs)


@given(values=logs())
def test_how_long_all_documents_are_is_known_at_once(new_pool, values):
    """As they are when each is read."""
    pool = new_pool()
    pool.append_records(values) if values else None
    assert pool.lengths() == {branch: len(pool.document(branch)) for branch in pool.branches}


@given(values=logs(longest=25))
def test_any_offset_can_be_read_back(new_pool, values):
    """``document(at=n)`` is the fold of the events up to ``n`` of a line that has ``n`` on it and are not late."""
    pool = new_pool()
    pool.append_records(values) if values else None
    events = list(pool.events())
    branches = pool.lineage
    for event in events:
        here = pool.position(event.offset)
        expected = line(events, here.branch, event.offset, branches.forks)
        assert here.at == event.offset
        assert event in expected or event.branch not in branches
        if event in line(events, branches.head, event.offset, branches.forks):
            assert here.branch == branches.head
        document = pool.document(event.offset)
        assert document == fold(one for one in expected if not is_late(one, pool.runs.claims.fences))
        assert document.at == event.offset


@given(values=logs(longest=25), late=logs(longest=15), data=st.data())
def test_a_late_token_never_changes_the_restored_line(new_pool, values, late, data):
    """Whatever is still written to the branches that there were, the document after a rollback stays as it is."""
    pool = new_pool()
    pool.append_records([b"{}", *values])
    place = data.draw(st.integers(0, pool.end - 1))
    expected = pool.document(place)
    restored = pool.rollback(place)
    assert pool.document() == expected
    before = look(pool.document())[:3]
    for event in [e for e in stored(late) if isinstance(e, Delta | TurnStarted | TurnFinished | Message)]:
        if event.branch != restored:
            pool.append([event])
    assert pool.branch == restored
    assert look(pool.document())[:3] == before


@given(values=logs(longest=25), data=st.data())
def test_undo_restores_exactly(new_pool, values, data):
    pool = new_pool()
    pool.append_records([b"{}", *values])
    head, before = pool.branch, pool.document()
    pool.rollback(data.draw(st.integers(-1, pool.end - 1).filter(lambda n: n >= 0)))
    assert pool.undo() == head
    assert pool.document() == before
    assert pool.document().turns == before.turns


def test_a_log_that_breaks_off_in_mid_reading_leaves_no_trace(tmp_path):
    """The head may have moved in the part that was read; the next call gets the right document all the same."""

    class Breaking(SqliteLog):
        breaks_at = None

        def read(self, start=0, stop=None):
            for record in super().read(start, stop):
                if record.offset == self.breaks_at:
                    self.breaks_at = None
                    message = "the disk went away"
                    raise LogUnavailableError(message)
                yield record

    store = open_store(tmp_path)
    with open_pool("bakery", tmp_path) as writer, Breaking("bakery", store.path("bakery"), store.url) as log:
        pool = Pool(log, store)
        writer.post("one")
        writer.post("two")
        assert [turn.text for turn in pool.document().turns] == ["one", "two"]
        writer.rollback(0)
        writer.post("three")
        log.breaks_at = writer.end - 1
        with pytest.raises(LogUnavailableError):
            pool.document()
        assert look(pool.document()) == look(writer.document())
        assert [turn.text for turn in pool.document().turns] == ["one", "three"]


def test_a_document_is_its_readers_own(pool):
    """It does not change when the pool grows, nor the pool's when it does."""
    pool.post("one")
    document = pool.document()
    pool.post("two")
    assert [turn.text for turn in document.turns] == ["one"]
    document.absorb(Message(id="mine", text="three"))
    assert [turn.text for turn in pool.document().turns] == ["one", "two"]


def test_a_turn_is_read_while_it_is_spoken(pool):
    turn = say(pool, "Flour first", finish=False)
    (running,) = pool.document().turns
    assert (running.name, running.status, running.text, running.end) == ("planner#1", "running", "Flour first", None)
    pool.append([TurnFinished(id="end", agent="planner", turn=turn, deltas=2)])
    (finished,) = pool.document().turns
    assert (finished.status, finished.text, finished.end) == ("finished", "Flour first", pool.end - 1)


def test_a_follower_sees_what_is_stored_and_then_what_comes(pool):
    """Each event with its offset, until it is closed."""
    pool.post("one")
    follower = pool.follow()
    assert next(follower).offset == 0
    later = threading.Timer(0, pool.post, ["two"])
    later.start()
    event = next(follower)
    later.join()
    assert (event.offset, event.text) == (1, "two")
    follower.close()
    assert list(follower) == []


def test_a_follower_may_start_anywhere_and_take_batches(pool):
    for text in "abc":
        pool.post(text)
    follower = pool.follow(start=1)
    assert [event.text for event in next(follower.batches())] == ["b", "c"]
    follower.close()


def test_closing_the_pool_ends_its_followers(pool):
    pool.post("one")
    follower = pool.follow()
    next(follower)
    pool.close()
    assert list(follower) == []


# Writing --------------------------------------------------------------------------------------------------


def test_what_is_appended_knows_its_offset(pool):
    events = [Message(id=f"m{i}", text="x") for i in range(3)]
    pool.append(events[:1])
    pool.append(events[1:])
    assert [event.offset for event in events] == [0, 1, 2]
    assert pool.end == 3


def test_appending_the_same_events_again_says_nothing_twice(pool):
    """As a writer does whose first attempt was not acknowledged."""
    events = [Message(id=f"m{i}", text=str(i)) for i in range(3)]
    pool.append(events)
    before = pool.document()
    pool.append(events)
    assert pool.document() == before
    assert pool.end == 6


def test_an_empty_message_is_refused(pool):
    with pytest.raises(UserError, match="the message is empty: say something"):
        pool.post("  \n")
    assert pool.end == 0


def test_half_a_character_does_not_stop_a_writer(pool):
    """A server that cuts its text by UTF-16 units leaves lone surrogates, which no UTF-8 record can hold."""
    pool.post("bread \ud83c")
    assert [turn.text for turn in pool.document().turns] == ["bread ?"]


def test_threads_write_and_read_one_pool_object(pool):
    """All of it arrives, once, whoever looks at the document meanwhile."""

    def work(number):
        for i in range(10):
            pool.post(f"{number}:{i}", agent=f"a{number}")
            pool.document().text  # noqa: B018 - reading is the point
            list(pool.runs.alive())
            if i == 5:
                pool.fork(f"idea{number}")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    said = [turn.text for turn in pool.document().turns]
    assert sorted(said) == sorted(f"{number}:{i}" for number in range(4) for i in range(10))
    assert sorted(pool.branches) == ["idea0", "idea1", "idea2", "idea3", "main"]


# Life -----------------------------------------------------------------------------------------------------


def test_opening_listing_and_closing(tmp_path):
    assert list_pools(tmp_path) == []
    with pytest.raises(PoolNotFoundError, match="no pool 'bakery'"):
        open_pool("bakery", tmp_path, create=False)
    with open_pool("bakery", tmp_path) as pool:
        pool.post("hello")
        assert repr(pool) == f"<Pool 'bakery' in {tmp_path}>"
    assert list_pools(tmp_path) == ["bakery"]
    pool.close()
    with pytest.raises(LogClosedError, match="open the pool again"):
        pool.post("too late")
    with open_pool("bakery", tmp_path, create=False) as pool:
        assert pool.document().turns[0].text == "hello"


def test_an_empty_pool_has_an_empty_document(pool):
    document = pool.document()
    assert (document.at, len(document), pool.end, pool.branch, pool.branches) == (-1, 0, 0, "main", ["main"])
    assert pool.document("main").at == -1


def test_a_position_that_was_found_can_be_used_again(pool):
    pool.post("one")
    place = pool.position(0)
    pool.post("two")
    assert place == Position("main", 0)
    assert [turn.text for turn in pool.document(place).turns] == ["one"]
    pool.rollback(place)
    assert [turn.text for turn in pool.document().turns] == ["one"]
