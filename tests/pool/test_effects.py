"""Effects as a fold: what counts when what a proposal rests on changes, whoever reads the log and in what pieces."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.pool.effects import digest_of_effect, digest_of_gate
from agentpool_jupyter.pool.events import (
    Decision,
    EffectStarted,
    File,
    Fork,
    GateEdited,
    Head,
    Message,
    Proposal,
    Rests,
    TurnFailed,
    Vote,
)
from agentpool_jupyter.pool.files.packing import digest_of_contents, packed
from agentpool_jupyter.pool.votes import Gate

from .effect_logs import effect_logs, facts, folded, read
from .strategies import placed, stored

DIGEST = digest_of_effect("pay", {})


class Course:
    """One call's events, one after the other, and what they come to."""

    def __init__(self, *, ask=("you",), rests=None, old=False, **gate):
        self.events = []
        self.gate = Gate(ask=ask, **gate)
        digest = "" if old else digest_of_gate(self.gate)
        gate = {"gate": msgspec.to_builtins(self.gate), "gate_digest": digest}
        self.add(Message, text="Pay.")
        self.add(Proposal, proposal="p", tool="pay", digest=DIGEST, turn="t9", rests=rests or Rests(), **gate)

    def add(self, kind, /, **fields):
        number = len(self.events)
        self.events.append(kind(id=f"e{number}", **fields))
        return self

    def vote(self, agent="you", *, accept=True, **fields):
        return self.add(Vote, proposal="p", agent=agent, accept=accept, digest=DIGEST, **fields)

    def decide(self, *, accepted=True):
        return self.add(Decision, proposal="p", accepted=accepted)

    def begin(self):
        return self.add(EffectStarted, proposal="p", digest=DIGEST, owner="far:1:1")

    def write(self, path="bread.md", *, read=1, turn="t8", agent="cem", **fields):
        data = b"flour"
        fields |= {"digest": digest_of_contents(data), "size": len(data), **packed(data)}
        return self.add(File, path=path, read=read, turn=turn, agent=agent, **fields)

    def edit(self, **gate):
        new = Gate(**({"ask": ("you",)} | gate))
        return self.add(GateEdited, proposal="p", gate=msgspec.to_builtins(new), digest=digest_of_gate(new))

    @property
    def effect(self):
        return folded(placed(*self.events))["p"]

    @property
    def whys(self):
        return [why for _, why in self.effect.idle]


READ = Rests(turns=("t1",), files={"bread.md": 1})


def test_a_file_that_was_rewritten_takes_the_votes_away():
    """Those from before; the same voter is asked again, and what is said then counts."""
    course = Course(rests=READ).vote().write()
    assert (course.effect.votes, course.effect.asks("you")) == ({}, True)
    assert course.whys == ["was cast before bread.md was rewritten (version 2, by cem)"]
    assert course.effect.asked_again == "bread.md was rewritten (version 2, by cem)"
    assert course.decide().effect.status == "waiting"
    assert course.vote().decide().effect.status == "approved"


def test_a_turn_that_was_read_half_and_failed_takes_the_votes_away():
    course = Course(rests=READ).vote().add(TurnFailed, turn="t1", agent="ann", error="500")
    assert course.whys == ["was cast before a turn of ann that it had read failed"]
    assert course.vote().add(TurnFailed, turn="t1", agent="ann", error="500").decide().effect.status == "approved"


def test_what_it_does_not_rest_on_changes_nothing():
    """Other files and turns, what its own turn writes, a version that is void, a file of another line."""
    course = Course(rests=READ).vote().write("cake.md").write(turn="t9").write(read=0).write(branch="idea", read=5)
    course.add(TurnFailed, turn="t2", agent="ann", error="500").add(Message, text="And cake.")
    assert course.decide().effect.status == "approved"
    assert course.effect.changes == []


def test_an_approval_that_is_not_used_up_is_taken_away_too_but_nothing_that_was_started():
    course = Course(rests=READ).vote().decide().write()
    assert course.effect.status == "waiting"
    assert course.begin().effect.started is None
    assert Course(rests=READ).vote().decide().begin().write().effect.started is not None
    assert Course(rests=READ).vote(accept=False).decide(accepted=False).write().effect.status == "refused"


def test_where_stale_is_ok_it_stands():
    """What has changed is known all the same; so it was in pools of before."""
    course = Course(rests=READ, stale="ok").vote().write().decide()
    assert (course.effect.status, len(course.effect.changes)) == ("approved", 1)
    assert Course(rests=READ, old=True).vote().write().decide().effect.status == "approved"


def test_a_vote_on_what_was_seen_before_the_change_does_not_count_after_it():
    """A voter may think for a while: the vote says what it had seen."""
    course = Course(rests=READ).write().vote(seen=2)
    assert course.whys == ["was cast before bread.md was rewritten (version 2, by cem)"]
    assert course.vote(seen=course.effect.since).decide().effect.status == "approved"


def test_what_had_changed_before_it_was_proposed_is_told_and_voted_on():
    course = Course()
    course.events.clear()
    course.add(File, path="bread.md", read=1, agent="cem", digest=digest_of_contents(b"a"), size=1, **packed(b"a"))
    gate = {"gate": {"ask": ["you"]}, "gate_digest": digest_of_gate(Gate(ask=("you",)))}
    course.add(Proposal, proposal="p", tool="pay", digest=DIGEST, rests=READ, **gate)
    assert course.effect.asked_again == "bread.md was rewritten (version 2, by cem)"
    assert course.vote().decide().effect.status == "approved"


def test_a_rollback_takes_votes_away_for_good():
    """Those from before, and those of voters who had not noticed; who undoes it is asked again."""
    course = Course().vote().add(Fork, name="b", parent="main", at=0).add(Head, to="b")
    assert (course.effect.left, course.effect.asks("you")) == (True, False)
    course.vote("you").decide()
    assert course.whys == ["was cast before its line was left", "its line was left"]
    assert course.effect.status == "waiting"
    moved = len(course.events) - 3
    course.add(Head, to="main", undoes=moved)
    assert (course.effect.left, course.effect.asks("you"), course.effect.votes) == (False, True, {})
    assert course.vote().decide().effect.status == "approved"


def test_a_head_that_stays_on_its_line_changes_nothing():
    course = Course().vote().add(Fork, name="b", parent="main", at=2).add(Head, to="b").decide()
    assert (course.effect.changes, course.effect.status) == ([], "approved")


def test_a_gate_that_was_edited_asks_anew_by_the_new_one():
    course = Course().vote().edit(ask=("you", "ann"))
    assert course.whys == ["was cast before its gate was edited"]
    assert course.vote().decide().effect.status == "waiting"
    assert course.vote("ann").decide().effect.status == "approved"


@pytest.mark.parametrize(
    "edit",
    [
        lambda course: course.edit(ask=("you",), stale="ok"),
        lambda course: course.edit(ask=("you",)),
        lambda course: course.add(GateEdited, proposal="p", gate={"ask": ["ann"]}, digest="another"),
        lambda course: course.add(GateEdited, proposal="p", gate={"ask": 3}, digest=""),
        lambda course: course.add(GateEdited, run="r2", proposal="p", gate={"ask": ["ann"]}, digest=""),
    ],
)
def test_an_edit_that_is_none_changes_nothing(edit):
    """One whose gate lets stand what is stale; the same gate; what cannot be read; one of another run."""
    course = Course().vote()
    edit(course)
    assert course.decide().effect.status == "approved"


def test_a_call_that_was_left_undecided_gives_its_key_away():
    """On the new line it is proposed anew, and there somebody can agree to it."""
    course = Course().add(Fork, name="b", parent="main", at=0).add(Head, to="b")
    proposal = msgspec.structs.replace(course.events[1], key="k")
    course.events[1] = proposal
    course.events.append(msgspec.structs.replace(proposal, id="q", proposal="q", branch="b"))
    assert folded(placed(*course.events)).of_key("k").id == "q"


# Laws ------------------------------------------------------------------------------------------------------------


@given(effect_logs())
def test_an_event_that_is_stored_again_counts_once(values):
    events = stored(values)
    seen = set()
    once = [event for event in events if not (event.id in seen or seen.add(event.id))]
    assert facts(folded(events)) == facts(folded(once))


@given(effect_logs())
def test_nothing_starts_without_an_approval_that_holds(values):
    """At each offset: who has started was approved right before, by votes after the last change."""
    for count in range(1, len(values) + 1):
        before, after = read(values[: count - 1]), read(values[:count])
        for effect in after.values():
            if effect.started and not before[effect.id].started:
                assert before[effect.id].status == "approved"
            if effect.is_open and effect.gate.stale == "ask" and effect.changes:
                last = effect.changes[-1].offset
                assert all(vote.offset > last for vote in effect.votes.values())
                assert effect.decision is None or effect.decision.offset > last


@given(effect_logs(), st.data())
def test_a_pool_that_grows_is_read_as_one_that_is_there(new_pool, values, data):
    """In whatever pieces its records come, and whenever it is read."""
    pool, rest = new_pool(), list(values)
    while rest:
        piece = data.draw(st.integers(1, len(rest)))
        pool.append_records(rest[:piece])
        assert len(pool.effects) <= len(values)
        rest = rest[piece:]
    at_once = folded(pool.events())
    assert facts(pool.effects) == facts(at_once)
