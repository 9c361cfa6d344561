"""How a run stood at earlier moments, whatever is kept of it."""

import sys

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.display.screen import FileView
from agentpool_jupyter.jupyter.live.view.past import Past
from agentpool_jupyter.pool.effects import digest_of_effect
from agentpool_jupyter.pool.events import Decision, EffectDone, EffectStarted, File, Proposal, TurnFinished, Vote

from .test_view import Story, ordered, story, view_of


def with_calls():
    """A bit of everything, and calls: one ends after its turn has, and is refused a vote that does not count."""
    told = Story()
    told.events = story()
    digest, call = digest_of_effect("mail", {}), {"proposal": "p", "agent": "ann"}
    told.turn("t9", "ann", "I mail.").add(
        Proposal, tool="mail", turn="t9", digest=digest, gate={"ask": ["you"]}, **call
    )
    told.add(Vote, proposal="p", agent="you", accept=True, digest=digest).add(Decision, accepted=True, **call)
    told.add(File, agent="ann", path="plan.md", digest="a" * 64, size=4)
    told.add(File, run="", agent="you", path="plan.md", read=1, digest="b" * 64, size=5)
    told.add(File, run="", agent="you", path="old.md", digest="c" * 64, size=5, branch="idea")
    told.add(EffectStarted, digest=digest, **call).add(TurnFinished, turn="t9", agent="ann", deltas=1)
    told.add(File, agent="ann", path="plan.md", read=2)
    told.add(EffectDone, result=3, **call).add(Vote, proposal="p", agent="you", accept=False, digest=digest)
    return told.turn("t10", "ben", "So.").add(TurnFinished, turn="t10", agent="ben", deltas=1).events


EVENTS = with_calls()


def folded(stop):
    """What is shown of so many events, folded from the first on."""
    view = view_of()
    for event in EVENTS[:stop]:
        view.absorb(event)
    view.patch()
    return view.state()


def looked_at(past, now, at):
    """The offset of a moment, and what is shown there, turns that are as they are now among it."""
    moment = past.moment(at)
    view = moment.view.copy()
    for event in EVENTS[moment.begin : moment.stop]:
        view.absorb(event)
    state, same = view.then(now)
    shown = {turn.id: turn for turn in now.state().turns}
    return moment.at, msgspec.structs.replace(state, turns=[*state.turns, *map(shown.__getitem__, same)])


@given(st.integers(1, 9), st.integers(2, 6), st.data())
def test_every_moment_is_shown_as_it_was_while_the_run_goes_on(every, most, data):
    """Whatever is kept of it and however much was taken in meanwhile; calls have the status that they had then."""
    now = view_of()
    past = Past(now, 0, {"main": sys.maxsize}, every=every, most=most)
    for event in EVENTS:
        now.absorb(event)
        past.note(event, now)
        if data.draw(st.booleans()):
            now.patch()
            place = data.draw(st.integers(0, event.offset))
            offset, state = looked_at(past, now, EVENTS[place].ts)
            assert offset == next(one.offset for one in EVENTS[place::-1] if one.branch == "main")
            then = folded(place + 1)
            then.bars, then.points = [], []  # the page has those of now
            assert ordered(msgspec.to_builtins(state)) == ordered(msgspec.to_builtins(then))
            assert state.files == then.files
            assert then.turns == [] or {turn.id for turn in state.turns} == {turn.id for turn in then.turns}


def test_files_are_those_of_the_runs_line_as_it_had_them():
    """Whoever wrote them; what was deleted is told once, and then it is not there."""
    view, told = view_of(), []
    for event in EVENTS:
        view.absorb(event)
        patch = view.patch()
        told += [(file.path, file.version, file.size) for file in (patch.files if patch else [])]
        if told[-1:] == [("plan.md", 2, 5)]:
            assert view.state().files == [FileView(path="plan.md", version=2, size=5, agent="you")]
    assert told == [("plan.md", 1, 4), ("plan.md", 2, 5), ("plan.md", 3, None)]
    assert view.state().files is msgspec.UNSET


def test_a_page_is_sent_only_turns_that_it_does_not_have():
    now = view_of()
    past = Past(now, 0, {"main": sys.maxsize}, every=4)
    for event in EVENTS:
        now.absorb(event)
        past.note(event, now)
    moment = past.moment(EVENTS[-1].ts)
    state, same = moment.view.copy().then(now)
    assert len(same) > len(state.turns)
    assert past.moment(0).at == 0
    assert past.moment(EVENTS[-1].ts + 10_000).at == EVENTS[-1].offset


def test_the_place_of_a_moment_is_on_the_runs_line():
    """What others write on branches of their own meanwhile is no place to go back to."""
    now = view_of()
    past = Past(now, 0, {"main": 2})
    story = Story().add(Vote, run="", agent="you", proposal="x", accept=True)
    story.add(Vote, run="", agent="you", proposal="x", accept=True, branch="idea").add(
        Vote, agent="ann", proposal="y", accept=True
    )
    for event in story.events:
        past.note(event, now)
    assert [past.moment(event.ts).at for event in story.events] == [0, 1, 1, 1]
