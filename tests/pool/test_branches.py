"""Forks, heads, rollback and undo, also by several writers at the same moment."""

from functools import partial
from threading import Barrier

import pytest

from agentpool_jupyter.errors import PositionError, UserError
from agentpool_jupyter.log.sqlite import SqliteLog
from agentpool_jupyter.pool import Branches, Pool, Position, open_pool
from agentpool_jupyter.pool.events import Delta, Fork, Head, Message, Tag, TurnFinished, TurnStarted
from tests.programs import at_once, start, tell


def said(pool, at=None):
    return [turn.text for turn in pool.document(at).turns]


@pytest.fixture
def told(pool):
    """A pool in which one, two and three were said, at offsets 0 to 2."""
    for text in ("one", "two", "three"):
        pool.post(text)
    return pool


def test_a_rollback_keeps_the_position_and_leaves_the_rest_readable(told):
    """A position means right after that event."""
    assert told.rollback(1) == "main-2"
    assert told.branch == "main-2"
    assert said(told) == ["one", "two"]
    assert said(told, "main") == ["one", "two", "three"]
    told.post("four")
    assert said(told) == ["one", "two", "four"]
    assert told.document("main").turns[-1].branch == "main"


def test_undo_goes_back_and_can_be_repeated(told):
    """The moves are taken back one after the other, the last first."""
    told.rollback(1)
    told.rollback(0)
    assert said(told) == ["one"]
    assert (told.undo(), said(told)) == ("main-2", ["one", "two"])
    assert (told.undo(), said(told)) == ("main", ["one", "two", "three"])
    with pytest.raises(PositionError, match="nothing to undo: the head of pool 'bakery' was never moved"):
        told.undo()


def test_a_rollback_to_a_line_that_was_left(told):
    """A rollback of a rollback: to what the first one had abandoned."""
    told.rollback(0)
    told.post("other")
    told.rollback(2)
    assert said(told) == ["one", "two", "three"]
    assert told.branches == ["main", "main-2", "main-3"]
    told.rollback("main-2")
    assert said(told) == ["one", "other"]
    assert told.undo() == "main-3"


def test_a_fork_does_not_switch(told):
    assert told.fork("idea", at=0) == "idea"
    assert told.branch == "main"
    told.switch("idea")
    assert said(told) == ["one"]
    told.switch("main")
    assert said(told) == ["one", "two", "three"]


def test_a_fork_of_a_fork_inside_an_ancestor(told):
    """It leaves the ancestor where it says, and has nothing of the branch between."""
    told.rollback(1)
    told.post("side")
    told.fork("early", at=0)
    assert told.lineage.forks["early"].parent == "main-2"
    told.switch("early")
    assert said(told) == ["one"]
    assert told.lineage.line("early", told.end) == [("main", 0), ("main-2", 0), ("early", told.end)]


def test_a_branch_that_is_not_there(told):
    with pytest.raises(PositionError, match="no branch 'idea'; there are: main"):
        told.switch("idea")
    with pytest.raises(PositionError, match="no branch 'ghost'"):
        told.rollback(Position("ghost", 1))
    assert told.end == 3


def test_a_name_that_is_taken(told):
    """Branches and tags share their names, because both are positions."""
    told.fork("idea")
    told.tag("good")
    for name in ("idea", "good", "main"):
        with pytest.raises(UserError, match=f"{name!r} is taken: choose another name"):
            told.fork(name)
        with pytest.raises(UserError, match="is taken"):
            told.tag(name)


def test_a_tag_with_a_branchs_next_name_does_not_stop_a_rollback(told):
    told.tag("main-2")
    assert told.rollback(0) == "main-3"


def test_a_turn_that_a_rollback_cut_off_is_shown_as_stopped(pool):
    """Its text until then stays; what its agent still writes goes to the line that was left."""
    header = {"agent": "planner", "turn": "t"}
    pool.append([TurnStarted(id="a", **header, model="m"), Delta(id="b", **header, seq=0, text="Flour")])
    pool.rollback(1)
    pool.append([Delta(id="c", **header, seq=1, text=" and salt"), TurnFinished(id="d", **header, deltas=2)])
    (cut,) = pool.document().turns
    assert (cut.status, cut.text, cut.end) == ("cancelled", "Flour", None)
    (whole,) = pool.document("main").turns
    assert (whole.status, whole.text) == ("finished", "Flour and salt")


# Several writers ------------------------------------------------------------------------------------------


def test_of_two_forks_of_one_name_the_first_in_the_log_counts(told):
    told.append([Fork(id="f1", name="idea", parent="main", at=0), Fork(id="f2", name="idea", parent="main", at=1)])
    told.switch("idea")
    assert said(told) == ["one"]


@pytest.fixture
def slow(told):
    """A pool whose next append comes after whatever another one of the same log does: ``slow.first = …``."""

    class Slow(SqliteLog):
        first = None

        def append(self, values):
            first, self.first = self.first, None
            if first:
                first()
            return super().append(values)

    with Slow("bakery", told.log.path, told.store.url) as log:
        yield Pool(log, told.store)


def test_of_two_who_tag_different_positions_at_once_one_is_told_that_it_came_late(told, slow):
    slow.log.first = lambda: told.tag("good", 0)
    with pytest.raises(UserError, match="'good' was taken by another writer at the same moment: choose another name"):
        slow.tag("good", 1)
    assert slow.position("good") == told.position("good") == Position("main", 0)


def test_a_tag_whose_name_became_a_branch_at_the_same_moment_is_told(told, slow):
    """The name means the branch from then on."""
    slow.log.first = lambda: told.fork("good", 0)
    with pytest.raises(UserError, match="'good' was taken by another writer"):
        slow.tag("good", 1)
    assert slow.document("good").turns == told.document(0).turns


def test_two_who_undo_the_same_move_undo_it_once(told):
    """Both had seen the same move on top; the second finds it gone."""
    told.rollback(1)
    told.rollback(0)
    move = told.lineage.last_move
    told.append([Head(id=f"u{i}", to="main-3", undoes=move.offset) for i in range(2)])
    assert told.branch == "main-2"


def test_a_move_to_a_branch_that_is_made_later_is_void(told):
    """Heads are read in the log's order; nothing takes effect afterwards."""
    told.append([Head(id="h", to="idea"), Fork(id="f", name="idea", parent="main", at=0)])
    assert (told.branch, told.branches) == ("main", ["main", "idea"])


def test_forks_that_leave_each_other_are_void():
    """Written by hand or by a broken tool; a reader must not run in circles."""
    branches = Branches()
    branches.absorb(Fork(id="1", name="a", parent="b", at=5, offset=0))
    branches.absorb(Fork(id="2", name="b", parent="a", at=5, offset=1))
    branches.absorb(Fork(id="3", name="c", parent="c", at=5, offset=2))
    branches.absorb(Fork(id="4", name="main", parent="main", at=0, offset=3))
    branches.absorb(Tag(id="5", branch="a", name="t", at=0, offset=4))
    assert (list(branches), branches.tags) == (["main"], {})
    assert branches.line("a", 9) == [("a", 9)]


def test_a_writer_that_is_killed_between_fork_and_head_does_no_harm(told):
    """The branch is there and nobody is on it; the next rollback takes the next name."""
    told.append([Fork(id="f", name="main-2", parent="main", at=0)])
    assert (told.branch, said(told)) == ("main", ["one", "two", "three"])
    assert told.rollback(1) == "main-3"
    assert told.undo() == "main"


def test_pools_that_roll_back_at_once_agree(tmp_path):
    """Each gets a branch of its own, and all see the same head."""
    pools = [open_pool("bakery", tmp_path) for _ in range(3)]
    for text in ("one", "two"):
        pools[0].post(text)
    together = Barrier(len(pools))
    names = {}

    def roll(index):
        together.wait()
        names[index] = pools[index].rollback(0)

    at_once(*(partial(roll, index) for index in range(len(pools))))
    assert sorted(names.values()) == ["main-2", "main-3", "main-4"]
    assert len({pool.branch for pool in pools}) == 1
    assert {pool.document().text for pool in pools} == {"### you#1\n\none"}
    for pool in pools:
        pool.close()


_ROLLER = """
import sys
from agentpool_jupyter.pool import open_pool
with open_pool("bakery", sys.argv[1]) as pool:
    print("ready", flush=True)
    sys.stdin.readline()
    print(pool.rollback(0), flush=True)
    sys.stdin.readline()
    print(pool.branch, *(turn.text for turn in pool.document().turns), flush=True)
"""


def test_processes_that_roll_back_at_once_agree(told, tmp_path):
    rollers = [start(_ROLLER, tmp_path) for _ in range(2)]

    def ask():
        tell(*rollers)
        return [roller.stdout.readline().strip() for roller in rollers]

    assert [roller.stdout.readline() for roller in rollers] == ["ready\n"] * 2
    assert sorted(ask()) == ["main-2", "main-3"]
    assert ask() == [f"{told.branch} one"] * 2
    for roller in rollers:
        roller.communicate()
        assert roller.returncode == 0


def test_writers_on_two_branches_at_once_do_not_see_each_other(told):
    told.fork("idea", at=0)
    told.append([Message(id="a", branch="idea", text="left"), Message(id="b", branch="main", text="right")])
    assert said(told, "idea") == ["one", "left"]
    assert said(told, "main") == ["one", "two", "three", "right"]


@pytest.mark.parametrize("name", ["120", "-3", "10m", "14:05", "planner#2", "2026-01-01", "", "a b"])
def test_a_name_that_reads_as_another_position(told, name):
    """A branch or tag cannot be named like an offset, a time or a turn: it could never be reached."""
    for make in (told.fork, told.tag):
        with pytest.raises(UserError, match="cannot name a branch or tag"):
            make(name or " ")
