"""Effects as a fold: what counts when what a proposal rests on changes, whoever reads the log and in what pieces."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.pool.effects import Pending, digest_of_effect, digest_of_gate
from agentpool_jupyter.pool.events import (
    Decision,
    EffectDone,
    EffectFailed,
    EffectStarted,
    File,
    Fork,
    GateEdited,
    Grant,
    GrantRevoked,
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


def test_a_file_that_is_rewritten_on_a_line_that_has_the_proposal_is_a_change():
    """The head went on to a branch that leaves after it: there it may be carried out, and there the file is another."""
    course = Course(rests=READ).vote().add(Fork, name="after", parent="main", at=2).add(Head, to="after")
    assert course.write(branch="after").whys == ["was cast before bread.md was rewritten (version 2, by cem)"]
    course = Course(rests=READ).vote().add(Fork, name="before", parent="main", at=0)
    assert course.write(branch="before").whys == []


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


def test_a_gate_that_let_stand_what_is_stale_asks_once_it_was_edited():
    """By what the new one says: it is what the person means now."""
    course = Course(stale="ok").vote().edit(ask=("you", "ann"))
    assert course.whys == ["was cast before its gate was edited"]


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


def test_a_function_is_waited_for_before_anybody_else():
    """Also before a grant is used; who votes early has voted."""
    course = Course(ask=("you", "check"))
    course.events[1] = msgspec.structs.replace(course.events[1], guards=("check",))
    course.add(Grant, agent="you", tool="pay", count=1, within=100.0)
    assert [course.effect.asks(voter) for voter in ("check", "you")] == [True, False]
    assert course.effect.verdict(0).why == "waiting for check"
    assert course.decide().effect.status == "waiting"
    assert course.vote("check").decide().effect.granted.id == "e2"


# What lets pass --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "course", "why"),
    [
        ({"shadow": True}, lambda c: c.vote(accept=False).decide(), "nobody else would have let it pass"),
        ({"shadow": True}, lambda c: c.vote().decide(), ""),
        (
            {"stale": "ok"},
            lambda c: c.vote().write().decide(),
            "bread.md was rewritten (version 2, by cem), and stale: ok",
        ),
        (
            {"stale": "ok"},
            lambda c: c.vote().decide().write(),
            "bread.md was rewritten (version 2, by cem), and stale: ok",
        ),
        ({"stale": "ok"}, lambda c: c.vote().decide(), ""),
        ({"absent": "abstain"}, lambda c: c.vote().vote("ann").decide(), ""),
        ({}, lambda c: c.vote().vote("ann").decide(), ""),
    ],
)
def test_what_was_let_pass_says_why(gate, course, why):
    """And nothing is said of what would have passed a strict gate, too."""
    ask = ("you", "ann") if gate in ({}, {"absent": "abstain"}) else ("you",)
    assert course(Course(ask=ask, rests=READ, **gate)).effect.let_pass == why


def test_who_abstains_by_being_absent_is_told():
    """Log time goes on by a millisecond an event: before the end of its time it is open, then it is let pass."""
    course = Course(ask=("you", "ann"), within=0.004, absent="abstain").vote().decide()
    assert (course.effect.status, course.effect.let_pass) == ("waiting", "")
    course.add(Message, text="…").decide()
    assert (course.effect.status, course.effect.let_pass) == ("approved", "nobody else would have let it pass")


# Grants ----------------------------------------------------------------------------------------------------------


def granted(*, calls=2, count=1, within=100.0, of="", agent="you", **gate):
    """Calls that a person is asked for, after a grant; log time goes on by a millisecond an event."""
    made = Gate(**({"ask": ("you",)} | gate))
    events = [Grant(id="g", agent=agent, tool="pay", of=of, count=count, within=within)]
    facts = {"tool": "pay", "digest": DIGEST, "gate": msgspec.to_builtins(made), "gate_digest": digest_of_gate(made)}
    events += [Proposal(id=f"p{n}", agent="cem", proposal=f"p{n}", **facts) for n in range(calls)]
    return events


def decided(number, *, accepted=True):
    return Decision(id=f"d{number}", proposal=f"p{number}", accepted=accepted)


def test_a_grant_stands_for_the_persons_vote():
    """And nobody is asked then."""
    effects = folded(placed(*granted(calls=1)))
    assert effects["p0"].verdict(0) == (True, "you agreed, you by grant g")
    assert not effects["p0"].waits_for_person
    effects = folded(placed(*granted(calls=1), decided(0)))
    assert (effects["p0"].status, effects["p0"].granted.id, effects.grants["g"].left) == ("approved", "g", 0)


def test_of_two_calls_at_once_one_has_the_last_use():
    """The log's order says which; the other one waits for the person."""
    effects = folded(placed(*granted(), decided(1), decided(0)))
    assert [effect.status for effect in effects.values()] == ["waiting", "approved"]
    assert (effects["p0"].waits_for_person, list(effects.grants["g"].uses)) == (True, ["p1"])


@pytest.mark.parametrize(
    "facts",
    [{"within": 0.003}, {"of": "ben"}, {"agent": "ann"}, {"count": 0}, {"ask": ("ann",)}],
    ids=["over", "of another agent", "of no person", "of none", "nobody asks the person"],
)
def test_a_grant_that_does_not_stand_decides_nothing(facts):
    effects = folded(placed(*granted(calls=2, **facts), decided(0)))
    assert effects["p0"].status == "waiting"


def test_a_grant_ends_by_the_logs_time_and_time_does_not_run_backwards():
    """A record that says it is earlier opens nothing again."""
    events = placed(*granted(calls=1, within=0.5), Message(id="m", text="hi"), decided(0))
    late = [msgspec.structs.replace(event, time=5000) if event.id == "p0" else event for event in events]
    assert folded(events)["p0"].status == "approved"
    assert folded(late)["p0"].status == "waiting"


def test_numbers_that_no_program_of_ours_writes_do_not_keep_anyone_from_reading():
    """A grant may say that it is for ever; a gate whose numbers cannot be summed up lets nothing pass."""
    effects = folded(placed(*granted(calls=1, within=1e308), decided(0)))
    assert effects["p0"].status == "approved"
    for gate in ({"within": 1e308}, {"policy": "quorum", "weights": {"you": 1e308, "ann": 1e308}}):
        course = Course(ask=("you", "ann"), **gate).vote().vote("ann").decide()
        assert (course.effect.status, course.effect.verdict(0).accepted) == ("waiting", False)


def test_a_revoked_grant_counts_no_more_but_what_it_let_pass_stays():
    revoked = GrantRevoked(id="r", agent="you", grant="g")
    effects = folded(placed(*granted(count=5), decided(0), revoked, decided(1)))
    assert [effect.status for effect in effects.values()] == ["approved", "waiting"]


def test_a_grant_is_not_used_where_it_is_not_needed_and_does_not_stand_for_others():
    vote = Vote(id="v", agent="you", proposal="p0", accept=True, digest=DIGEST)
    effects = folded(placed(*granted(calls=1), vote, decided(0)))
    assert (effects["p0"].granted, effects.grants["g"].left) == (None, 1)
    effects = folded(placed(*granted(calls=1, ask=("you", "ann")), decided(0)))
    assert (effects["p0"].status, effects["p0"].verdict(0).why) == ("waiting", "waiting for ann")


def test_an_approval_that_is_taken_away_gives_its_grant_back():
    fork = [Fork(id="f", name="b", parent="main", at=0), Head(id="h", to="b")]
    effects = folded(placed(*granted(calls=1), decided(0), *fork))
    assert (effects["p0"].status, effects["p0"].granted, effects.grants["g"].left) == ("waiting", None, 1)


# Stake -----------------------------------------------------------------------------------------------------------


def settled(end, stake=5, **said):
    """What the votes on one call come to, by voter, once it has ended so."""
    course = Course(ask=tuple(said), policy="first", shadow=True, stake=stake)
    for voter, accept in said.items():
        course.vote(voter, accept=accept)
    course.decide().begin().add(end, proposal="p", **({"error": "no"} if end is EffectFailed else {}))
    return folded(placed(*course.events)).ledger


def test_who_was_wrong_pays_those_who_were_right():
    """What cannot be shared equally goes to who voted first."""
    done = settled(EffectDone, ann=True, ben=False, cem=True)
    assert done.balances == {"ann": 3, "cem": 2, "ben": -5}
    assert settled(EffectFailed, ann=True, ben=False, cem=True).balances == {"ben": 10, "ann": -5, "cem": -5}
    assert settled(EffectDone, ann=True, ben=True).balances == {"ann": 0, "ben": 0}
    assert settled(EffectDone, stake=0, ann=True, ben=False).entries == []
    assert [(entry.voter, entry.accept, entry.amount, entry.outcome) for entry in done.entries] == [
        ("ann", True, 3, "done"),
        ("ben", False, -5, "done"),
        ("cem", True, 2, "done"),
    ]
    assert "ann    +3      yes          pay()  done" in " ".join(repr(done).splitlines()[-3:-2])


def test_what_is_refused_or_in_doubt_is_not_settled():
    course = Course(ask=("you", "ann"), stake=3).vote().vote("ann", accept=False).decide(accepted=False)
    assert folded(placed(*course.events)).ledger.entries == []
    course = Course(stake=3).vote().decide().begin().add(EffectFailed, proposal="p", error="?", doubt=True)
    assert folded(placed(*course.events)).ledger.entries == []
    course.add(EffectDone, proposal="p")
    assert len(folded(placed(*course.events)).ledger.entries) == 1
    assert repr(folded([]).ledger).startswith("nothing is settled")


# Questions -------------------------------------------------------------------------------------------------------


def test_calls_of_one_tool_behind_one_gate_are_one_question():
    """Named after exactly these: once another has come, the name means nothing."""
    two, three = (Pending(folded(placed(*granted(calls=calls, count=0))).values()) for calls in (2, 3))
    (question,) = two.questions
    assert [effect.id for effect in question.effects] == ["p0", "p1"]
    assert question.name.startswith("pay:")
    assert [effect.id for effect in two.find(question.name)] == ["p0", "p1"]
    assert three.find(question.name) == []
    assert [effect.id for effect in three.find("p2")] == ["p2"]


def test_calls_that_differ_in_gate_or_wait_for_others_are_questions_of_their_own():
    events = granted(calls=1, count=0)
    other = granted(calls=2, count=0, ask=("you", "ann"))[2]
    alone = msgspec.structs.replace(granted(calls=3, count=0, ask=("ann",))[3], id="p2")
    pending = Pending(folded(placed(*events, other, alone)).values())
    assert [[effect.id for effect in question.effects] for question in pending.questions] == [["p0"], ["p1"], ["p2"]]
    assert [question.name for question in pending.questions] == ["p0", "p1", "p2"]


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


@given(effect_logs(longest=60))
def test_no_grant_lets_more_pass_than_it_says(values):
    """Each use is one call that was decided by it, and still is."""
    for count in range(1, len(values) + 1):
        effects = read(values[:count])
        uses = [(grant.id, effect) for grant in effects.grants.values() for effect in grant.uses]
        assert sorted(uses) == sorted((one.granted.id, one.id) for one in effects.values() if one.granted)
        assert all(len(grant.uses) <= grant.grant.count for grant in effects.grants.values())


@given(effect_logs(longest=60))
def test_what_was_staked_is_neither_made_nor_lost(values):
    """At each offset all balances come to 0; a call is settled once, all its votes at the same moment."""
    before = []
    for count in range(len(values) + 1):
        ledger = read(values[:count]).ledger
        assert sum(ledger.balances.values()) == 0
        assert ledger.entries[: len(before)] == before
        assert {entry.effect for entry in ledger.entries[len(before) :]}.isdisjoint(entry.effect for entry in before)
        before = ledger.entries


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
