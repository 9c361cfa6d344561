"""Who holds a run, judged from the log alone: claims, their leases in the log's own time, and what comes too late."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.log import FILLER, Record
from agentpool_jupyter.pool.claims import LEASE, Claims, is_late, unfenced
from agentpool_jupyter.pool.codec import encode
from agentpool_jupyter.pool.events import Claim, Delta, Event, Heartbeat, Message, Release

SECOND = 1000
RUN = {"run": "r"}


def claim(mark, at, **fields):
    """A claim that the log took at a second of its own time."""
    fields = {"owner": f"elsewhere:{mark}:0", "epoch": 1, "lease": LEASE, "fencing": True, **RUN, **fields}
    return Claim(id=mark, time=int(at * SECOND), **fields)


def sign(of, at, **fields):
    return Heartbeat(id=f"{of}@{at}", claim=of, owner="", epoch=1, time=int(at * SECOND), **{**RUN, **fields})


def release(of, at):
    return Release(id=f"end of {of}", claim=of, owner="", epoch=1, time=int(at * SECOND), **RUN)


def said(of, at, mark=""):
    return Delta(
        id=mark or f"word of {of} at {at}", claim=of, turn="t", seq=0, text="word", time=int(at * SECOND), **RUN
    )


def placed(events):
    """Events as a log that takes them in this order gives them out."""
    for offset, event in enumerate(events):
        yield type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | {"offset": offset})


def holders(events, run="r", agent=""):
    """Who holds the place after each event."""
    claims, found = Claims(), []
    for event in placed(events):
        claims.absorb(event)
        holding = claims.holding(run, agent)
        found.append(holding.claim.id if holding and not holding.released else "")
    return found


def test_who_comes_first_holds_and_who_let_go_does_not():
    assert holders([claim("a", 0), claim("b", 0), release("a", 1), claim("c", 1), claim("d", 1)]) == [
        "a",
        "a",
        "",
        "c",
        "c",
    ]


def test_a_silent_holder_is_superseded_after_its_lease():
    assert holders([claim("a", 0), claim("b", 7), claim("c", 14), claim("d", 15)])[-2:] == ["a", "d"]


def test_signs_of_life_keep_a_place():
    events = [claim("a", 0)]
    for second in range(5, 200, 5):
        events += [sign("a", second), claim(f"b{second}", second + 4.9)]
    assert set(holders(events)) == {"a"}


def test_what_a_holder_says_is_no_sign_of_life():
    """Its heartbeat has a thread of its own: who says much and renews nothing has lost its claim."""
    assert holders([claim("a", 0), said("a", 7), claim("b", 8), said("a", 14), claim("c", 16)])[-1] == "c"


def test_signs_of_a_superseded_holder_prolong_nothing():
    events = [claim("a", 0), claim("b", 7.5), claim("c", 15), sign("a", 16), claim("d", 22.5), sign("a", 29)]
    assert holders([*events, claim("e", 30)])[-1] == "e"


@pytest.mark.parametrize("ahead", [3600, 10 * 365 * 86400], ids=["an hour", "ten years"])
def test_a_claim_from_the_future_ends_no_claim(ahead):
    """A record moves time by half a lease at most; a holder that lives has renewed its claim before that is up."""
    assert holders([claim("a", 0), sign("a", 5), claim("b", 5 + ahead), claim("c", 9), sign("a", 10)])[-1] == "a"


@pytest.mark.parametrize("ahead", [3600, 10 * 365 * 86400], ids=["an hour", "ten years"])
def test_a_sign_from_the_future_keeps_no_place_for_ever(ahead):
    """The dead holder's last sign was recorded with a time far ahead; the place is free a lease later all the same."""
    rivals = [claim(f"b{second}", second) for second in range(6, 30, 4)]
    found = holders([claim("a", 0), sign("a", 5 + ahead), *rivals])
    assert found[-1] != "a"
    assert found[3:5] == ["a", "a"]


def test_time_that_runs_backwards_ends_nothing_and_keeps_nothing():
    """The log's clock is put back by an hour in the middle."""
    events = [claim("a", 3600), sign("a", 3605), claim("b", 10), claim("c", 16), claim("d", 22), claim("e", 28)]
    assert holders(events)[2:] == ["a", "a", "a", "e"]


def test_a_long_idle_log_needs_a_second_claim():
    """The first after an hour might have a wrong time; the next, half a lease on, has not."""
    assert holders([claim("a", 0), claim("b", 3600), claim("c", 3607.5)]) == ["a", "a", "c"]


def test_a_claim_that_is_stored_twice_counts_once():
    first = claim("a", 0)
    claims = Claims()
    for event in placed([first, first, claim("b", 7), first]):
        claims.absorb(event)
    assert claims.holding("r").claim.id == "a"
    assert "a" not in claims.fences


def test_each_agent_of_a_run_is_a_place_of_its_own():
    events = [claim("a", 0), claim("b", 0, agent="ann"), claim("c", 0, agent="ben"), claim("d", 0, agent="ann")]
    assert [holders(events, agent=agent)[-1] for agent in ("", "ann", "ben", "cem")] == ["a", "b", "c", ""]


def test_between_versions_the_higher_epoch_holds():
    """Holders of older versions do not name their claims and judge by epochs."""
    old = [claim("a", 0, fencing=False), claim("b", 1, fencing=False), claim("c", 2, fencing=False, epoch=2)]
    assert holders(old) == ["a", "a", "c"]
    assert holders([*old, claim("d", 3, epoch=2), claim("e", 3, epoch=3)])[-2:] == ["c", "e"]


def test_what_comes_after_another_claim_was_accepted_is_late():
    events = [claim("a", 0), said("a", 1), claim("b", 8), claim("c", 16), said("a", 17), said("b", 17), said("c", 17)]
    claims, events = Claims(), list(placed(events))
    for event in events:
        claims.absorb(event)
    assert claims.fences == {"a": 3, "b": 2}
    assert [event.offset for event in events if is_late(event, claims.fences)] == [4, 5]
    assert not is_late(Message(id="m", text="Hello", offset=99), claims.fences)
    assert not is_late(said("unheard of", 1), claims.fences)
    read = list(unfenced((Record(event.offset, event.time, encode(event)) for event in events), claims.fences))
    assert [record.offset for record in read if record.value == FILLER] == [4, 5]
    assert [(record.offset, record.time) for record in read] == [(event.offset, event.time) for event in events]


def _history(dice: random.Random) -> list[Event]:
    """A log in which several claim two places, with clocks that jump."""
    events: list[Event] = []
    now, names = 0.0, []
    for number in range(dice.randrange(2, 40)):
        now += dice.choice([0, 0, 1, 5, 8, 16, 3600, -3600])
        place = {"agent": dice.choice(["", "ann"])}
        kind = dice.randrange(5)
        if kind < 2 or not names:
            names.append(f"c{number}")
            events.append(claim(names[-1], now, fencing=dice.random() < 0.8, epoch=dice.randrange(1, 4), **place))
        elif kind == 2:
            events.append(sign(dice.choice(names), now, **place))
        elif kind == 3:
            events.append(release(dice.choice(names), now))
        else:
            events.append(said(dice.choice(names), now, f"d{number}"))
    return list(placed(events))


@given(st.randoms(use_true_random=False), st.integers(1, 10))
def test_who_holds_at_an_offset_depends_on_nothing_that_comes_later(dice, size):
    """Read in chunks of any size, or only up to there, the log gives the same holder and the same late words."""
    events = _history(dice)
    whole, chunked = Claims(), Claims()
    for event in events:
        whole.absorb(event)
    for start in range(0, len(events), size):
        for event in events[start : start + size]:
            chunked.absorb(event)
        part = Claims()
        for event in events[: start + size]:
            part.absorb(event)
        assert [is_late(event, part.fences) for event in events[: start + size]] == [
            is_late(event, whole.fences) for event in events[: start + size]
        ]
        for agent in ("", "ann"):
            assert getattr(part.holding("r", agent), "claim", None) == getattr(
                chunked.holding("r", agent), "claim", None
            )
    assert whole.fences == chunked.fences
