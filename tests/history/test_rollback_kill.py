"""Rollbacks by processes that are killed in the middle of them, and by several processes at the same moment."""

import contextlib
import signal
import time

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.events import Fork, Head
from tests.programs import running, tell

_MOVER = """
import random, sys
from agentpool_jupyter.errors import PositionError
from agentpool_jupyter.pool import open_pool

dice = random.Random(int(sys.argv[3]))
with open_pool(sys.argv[2], sys.argv[1]) as pool:
    while True:
        match dice.randrange(4):
            case 0:
                pool.post(f"word {pool.end}")
            case 1:
                try:
                    pool.undo()
                except PositionError:  # everything is undone
                    pass
            case 2:
                pool.switch(dice.choice(pool.branches))
            case _:
                pool.rollback(dice.randrange(pool.end))
        print(pool.end, flush=True)
"""
_ROLLER = """
import json, sys
from agentpool_jupyter.pool import open_pool

def state():
    turns = [(turn.id, turn.name, turn.text) for turn in pool.document().turns]
    return json.dumps([pool.branches, pool.branch, pool.end, turns])

with open_pool(sys.argv[2], sys.argv[1]) as pool:
    pool.document()
    print("ready", flush=True)
    for command in sys.stdin:
        words = command.split()
        print(state() if words == ["state"] else getattr(pool, words[0])(*words[1:]), flush=True)
"""


def told(store):
    """A pool in which three things were said, closed again."""
    with open_pool("bakery", store) as pool:
        for text in ("one", "two", "three"):
            pool.post(text)


def check(pool):
    """Insist that a pool's branches, head and document say the same, and that every fork can be read."""
    lineage = pool.lineage
    events = list(pool.events())
    assert [event.offset for event in events] == list(range(pool.end))
    assert pool.branch in pool.branches
    assert {event.name for event in events if isinstance(event, Fork)} == set(pool.branches) - {"main"}
    for fork in lineage.forks.values():
        before = pool.document(Position(fork.parent, fork.at))
        after = pool.document(Position(fork.name, fork.offset))
        assert [turn.id for turn in after.turns] == [turn.id for turn in before.turns]
    assert all(pool.document(branch).text for branch in pool.branches)
    assert pool.document() == pool.document(Position(pool.branch, pool.end - 1))


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.nightly)])
def test_a_process_killed_in_the_middle_of_rollbacks_leaves_a_pool_that_goes_on(store, dice, kills):
    """At random moments, again and again on the same pool; a new rollback and its undo work every time."""
    told(store)
    for _ in range(kills):
        with running(_MOVER, store, "bakery", dice.randrange(1000)) as mover:
            assert mover.stdout.readline()  # it is at work
            time.sleep(dice.uniform(0, 0.08))  # waits for nothing: a random moment is what this is about
            mover.kill()
            assert mover.wait() == -signal.SIGKILL
        with open_pool("bakery", store) as pool:
            check(pool)
            was, text = pool.branch, pool.document().text
            kept = [turn.id for turn in pool.document(Position("main", 0)).turns]
            branch = pool.rollback(Position("main", 0))
            assert (pool.branch, [turn.id for turn in pool.document().turns]) == (branch, kept)
            assert (pool.undo(), pool.document().text) == (was, text)
            check(pool)


def test_a_process_killed_between_fork_and_head_moved_nothing(store):
    """Wherever in a rollback the process dies: either the head has moved to the new branch, or nothing has changed."""
    told(store)
    with running(_MOVER, store, "bakery", 1) as mover:
        for _ in range(20):
            assert mover.stdout.readline()
        mover.kill()
        mover.wait()
    with open_pool("bakery", store) as pool:
        events, records = list(pool.events()), list(pool.records())
    for cut in range(3, len(events) + 1):  # every moment at which it could have died: appends are whole, or not at all
        with open_pool(f"cut-{cut}", store) as pool:
            pool.append_records(records[:cut])
            check(pool)
            if isinstance(events[cut - 1], Fork):
                assert pool.branch == _head(events[: cut - 1])
            if isinstance(events[cut - 1], Head) and events[cut - 1].undoes is None:
                assert pool.branch == events[cut - 1].to


def _head(events):
    """The current branch after these events."""
    heads = []
    for event in events:
        if isinstance(event, Head) and event.undoes is None:
            heads.append(event)
        elif isinstance(event, Head) and heads and heads[-1].offset == event.undoes:
            heads.pop()
    return heads[-1].to if heads else "main"


def race(store, rounds=8):
    """Two processes roll back, and undo, the same pool at once; return what both see after each time."""
    with contextlib.ExitStack() as stack:
        rollers = [stack.enter_context(running(_ROLLER, store, "bakery")) for _ in range(2)]

        def ask(*commands):
            for roller, command in zip(rollers, commands, strict=True):
                tell(roller, line=command)
            return [roller.stdout.readline().strip() for roller in rollers]

        assert [roller.stdout.readline() for roller in rollers] == ["ready\n"] * 2
        for round_ in range(rounds):
            moves = ("rollback 0", "rollback 1") if round_ % 3 != 2 else ("undo", "undo")
            answers = ask(*moves)
            assert all(answers)
            yield moves, answers, ask("state", "state")


@pytest.mark.parametrize("place", ["store", pytest.param("kafka_url", marks=pytest.mark.kafka)])
def test_two_processes_that_roll_back_at_once_see_the_same(place, request):
    """Each has its own branch, the log's order says whose is the head, and both read the same document."""
    store = request.getfixturevalue(place)
    told(store)
    made = []
    for moves, answers, (one, other) in race(store):
        assert one == other
        with open_pool("bakery", store) as pool:
            check(pool)
            if moves[0] == "undo":
                continue
            made += answers
            # The last move in the log has won.
            last = [event for event in pool.events() if isinstance(event, Head)][-1]
            assert pool.branch == last.to
            assert pool.branch in answers
            kept = 1 if pool.lineage.forks[pool.branch].at == 0 else 2
            assert [turn.text for turn in pool.document().turns] == ["one", "two"][:kept]
    assert len(made) == len(set(made))
