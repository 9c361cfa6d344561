"""What the widget shows, event by event."""

import sys
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.runs.report import Report
from agentpool_jupyter.agents.team.spec import AgentSpec, Budget, TeamSpec
from agentpool_jupyter.display.console import Console
from agentpool_jupyter.display.screen import CallView, Patch, Reading
from agentpool_jupyter.display.still import Still
from agentpool_jupyter.display.terminal import TextScreen
from agentpool_jupyter.jupyter.live.view.view import TeamView
from agentpool_jupyter.pool import Document
from agentpool_jupyter.pool.affairs import Affairs
from agentpool_jupyter.pool.effects import digest_of_effect
from agentpool_jupyter.pool.events import (
    Claim,
    Decision,
    Delta,
    EffectDone,
    EffectStarted,
    Grant,
    GrantRevoked,
    Message,
    Proposal,
    RunFinished,
    RunStarted,
    TurnContinued,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
    Vote,
)
from tests.openai_server import Asks
from tests.teams import play

TEAM = TeamSpec(
    task="Plan a bakery.",
    agents=(AgentSpec(name="ann", role="Drafts."), AgentSpec(name="ben", listens=("ann",), python="check")),
    budget=Budget(tokens=900),
)


class Page:
    """What a view keeps: patches applied one by one, as the front end does."""

    def __init__(self, state):
        self.state = {"turns": []}
        self.take(state)

    def take(self, state):
        before, known = self.state["turns"], {turn["id"]: turn["text"] for turn in self.state["turns"]}
        self.state = msgspec.to_builtins(state)
        later = self.state.pop("later", [])
        self.state["turns"] = [turn for turn in before if turn["id"] in later] + self.state["turns"]
        self.seq = state.seq
        for turn in self.state["turns"]:
            turn["text"] = max(turn["text"], known.get(turn["id"], ""), key=len)

    def apply(self, patch):
        patch = msgspec.json.decode(msgspec.json.encode(patch))
        assert patch["seq"] == self.seq + 1
        self.seq = patch["seq"]
        state = self.state
        state["run"] = patch.get("run", state["run"])
        self._put("agents", patch, lambda agent: agent["name"])
        self._put("edges", patch, lambda edge: (edge["source"], edge["target"]))
        self._put("bars", patch, lambda bar: bar["id"])
        self._put("points", patch, lambda point: point["id"])
        texts = {turn["id"]: turn["text"] for turn in state["turns"]}
        self._put("turns", patch, lambda turn: turn["id"])
        for turn in state["turns"]:
            turn["text"] = texts.get(turn["id"], "")
        state["turns"] = [turn for turn in state["turns"] if turn["id"] not in patch.get("drops", [])]
        for append in patch.get("append", []):
            (turn,) = [turn for turn in state["turns"] if turn["id"] == append["turn"]]
            known = turn["text"].encode("utf-16-le")
            assert 2 * append["at"] <= len(known)
            turn["text"] += append["text"].encode("utf-16-le")[len(known) - 2 * append["at"] :].decode("utf-16-le")

    def _put(self, name, patch, key):
        kept = {key(item): item for item in self.state[name]}
        self.state[name] = list((kept | {key(item): dict(item) for item in patch.get(name, [])}).values())

    def ordered(self):
        return ordered(self.state)


def ordered(state):
    """A state in which lists stand in a fixed order and the number of the patch does not count."""
    return {
        "run": state["run"],
        "agents": sorted(state["agents"], key=lambda agent: agent["name"]),
        "turns": sorted(state["turns"], key=lambda turn: turn["id"]),
        "edges": sorted(state["edges"], key=lambda edge: (edge["source"], edge["target"])),
        "bars": sorted(state["bars"], key=lambda bar: bar["id"]),
        "points": sorted(state["points"], key=lambda point: point["id"]),
    }


class Story:
    """Events of one run with offsets, as a log hands them out."""

    def __init__(self):
        self.events = []
        self.add(RunStarted, spec=TEAM.to_dict())

    def add(self, kind, /, *, run="r", **fields):
        at = len(self.events)
        event = kind(id=f"e{at}", run=run, offset=at, time=1000 + at, ts=1000 + 50 * at, **fields)
        self.events.append(event)
        return self

    def turn(self, turn, agent, *texts, **fields):
        self.add(TurnStarted, turn=turn, agent=agent, model="m", **fields)
        for seq, text in enumerate(texts):
            self.add(Delta, turn=turn, agent=agent, seq=seq, text=text)
        return self


def view_of(before=None):
    document = before or Document(pool="bakery", branch="main")
    return TeamView("r", document, {"main": sys.maxsize}, Affairs())


def shown(events):
    view = view_of()
    for event in events:
        view.absorb(event)
    view.patch()
    return view.state()


def story():
    """A bit of everything."""
    usage = Usage(prompt=30, completion=12)
    return (
        Story()
        .turn("t1", "ann", "Bread ", "🥐 and", " cake 🍰")
        .add(TurnFinished, turn="t1", agent="ann", usage=usage, cost=0.25, deltas=3)
        .add(Message, run="", agent="you", text="And coffee? ☕")
        .turn("t2", "ben", "half", context={"read": {"ann": 18, "you": 14}})
        .add(TurnFailed, turn="t2", agent="ben", error="cut", retriable=True, wait=1.0, usage=usage)
        .turn("t3", "ben", "whole 👍🏽", context={"read": {"ann": 18}}, attempt=2)
        .turn("t4", "ann", "more")
        .add(TurnFinished, turn="t3", agent="ben", usage=usage, deltas=1)
        .add(TurnFinished, turn="t4", agent="ann", reason="cancelled", deltas=1)
        .turn("t5", "ben")
        .add(TurnFinished, turn="t5", agent="ben", reason="silent", deltas=0)
        .turn("t6", "ann")
        .add(TurnFailed, turn="t6", agent="ann", error="the key was refused")
        .add(RunFinished, reason="quiescent")
        .events
    )


@given(st.data())
def test_patches_applied_one_by_one_give_the_state(data):
    """Whenever a patch is taken, and wherever a view opens in between, all pages agree with the state."""
    view, pages = view_of(), []
    for event in story():
        view.absorb(event)
        if data.draw(st.booleans()) and (patch := view.patch()) is not None:
            for page in pages:
                page.apply(patch)
        if data.draw(st.integers(0, 4)) == 0:
            state, *rest = view.opening(data.draw(st.integers(1, 40)), data.draw(st.integers(1, 4)))
            for page in pages:
                page.take(state)
            pages.append(Page(state))
            for told, page in product(rest, pages):
                page.apply(told)
    patch = view.patch()
    for page in pages:
        if patch is not None:
            page.apply(patch)
        assert page.ordered() == ordered(msgspec.to_builtins(view.state()))
    assert view.patch() is None


@given(st.integers(1, 60))
def test_what_is_kept_of_a_long_run_are_its_last_turns(room):
    """And a page that knows the others keeps them."""
    view = view_of()
    for event in story():
        view.absorb(event)
    whole, kept = view.state(), view.kept(room)
    assert kept.turns == whole.turns[len(whole.turns) - len(kept.turns) :]
    assert sum(len(turn.text) for turn in kept.turns[1:]) < room
    assert {*(kept.later or ()), *(turn.id for turn in kept.turns)} == {turn.id for turn in whole.turns}
    page = Page(whole)
    page.take(kept)
    assert page.ordered() == ordered(msgspec.to_builtins(whole))


@given(st.lists(st.integers(0, len(story()) - 1)))
def test_events_that_are_stored_twice_change_nothing(again):
    """A log may hand out any earlier event once more."""
    events = story()
    doubled = []
    for i, event in enumerate(events):
        doubled.append(event)
        doubled += [events[j] for j in again if j <= i]
    twice, once = shown(doubled), shown(events)
    twice.run.end = once.run.end
    assert msgspec.to_builtins(twice) == msgspec.to_builtins(once)


def test_turns_have_the_documents_names_texts_and_states():
    """The picture and the document never disagree on what was said."""
    document = Document(pool="bakery", branch="main")
    for event in story():
        document.absorb(event)
    view = shown(story())
    assert [(turn.id, turn.name, turn.text, turn.status, turn.start) for turn in view.turns] == [
        (turn.id, turn.name, turn.text, turn.status, turn.start) for turn in document.turns
    ]


@given(st.lists(st.integers(0, 4), max_size=12))
def test_whatever_order_deltas_come_in_what_is_shown_begins_the_documents_text_and_is_all_of_it_in_the_end(numbers):
    """What stands behind a gap waits, because what is shown only grows."""
    story = Story().add(TurnStarted, turn="t", agent="ann", model="m")
    for seq in numbers:
        story.add(Delta, turn="t", agent="ann", seq=seq, text=f"{seq}é🥐")
    story.add(TurnFinished, turn="t", agent="ann", deltas=5)
    document, view = Document(pool="bakery", branch="main"), view_of()
    page = Page(view.state())
    for event in story.events:
        document.absorb(event)
        view.absorb(event)
        if (patch := view.patch()) is not None:
            page.apply(patch)
        for turn in document.turns:
            assert turn.text.startswith(page.state["turns"][0]["text"])
    assert page.state["turns"][0]["text"] == document.turns[0].text


def test_turns_before_the_run_count_in_names():
    before = Document(pool="bakery", branch="main")
    for event in Story().turn("old", "ann", "x").add(TurnFinished, turn="old", agent="ann", deltas=1).events:
        before.absorb(event)
    view = view_of(before)
    for event in Story().turn("new", "ann", context={"read": {"ann": 1}}).events:
        view.absorb(event)
    assert [turn.name for turn in view.state().turns] == ["ann#2"]


def test_a_team_is_shown_as_soon_as_it_starts():
    """Who listens to whom, who is a function, and the limits."""
    state = shown(Story().events)
    ann, ben = state.agents
    assert (ann.kind, ann.listens, ann.turns_max) == ("model", None, 2)
    assert (ben.kind, ben.model, ben.listens) == ("python", "python:check", ["ann"])
    assert not state.edges  # nothing has flowed
    assert (state.run.task, state.run.status, state.run.tokens_max) == ("Plan a bakery.", "running", 900)


def test_a_large_team_is_shown_by_its_agents_and_not_by_its_pairs():
    agents = tuple(AgentSpec(name=f"a{i}", role="Talks.") for i in range(1000))
    state = shown([RunStarted(id="e", run="r", offset=0, spec=TeamSpec(task="t", agents=agents).to_dict())])
    assert len(msgspec.json.encode(state)) < 500 * len(agents)


def test_agents_sum_up_what_happened_to_them():
    """Tokens include failed attempts; people appear once they speak; edges carry how much was read."""
    state = shown(story())
    ann, ben, you = state.agents
    assert (ann.turns, ann.tokens, ann.cost, ann.state) == (1, 42, 0.25, "failed")
    assert (ben.turns, ben.tokens, ben.state) == (2, 84, "done")
    assert (you.kind, you.state) == ("person", "done")
    assert (state.run.tokens, state.run.cost) == (126, 0.25)
    flowed = {(edge.source, edge.target): edge.chars for edge in state.edges}
    assert flowed == {("ann", "ben"): 36 + 4, ("you", "ben"): 14}


def test_a_python_agent_reads_what_was_said_since_it_last_spoke_and_takes_no_tokens():
    """It is handed the whole document, of which no event has an account: what is new counts, of those it hears."""
    story = (
        Story()
        .turn("t1", "ann", "Bread ", "and cake")
        .turn("t2", "ben", "Checked.")
        .add(TurnFinished, turn="t2", agent="ben", deltas=1)
        .add(Message, run="", agent="you", text="And coffee?")
        .turn("t3", "ben", "Again.")
    )
    state = shown(story.events)
    assert {(edge.source, edge.target): edge.chars for edge in state.edges} == {("ann", "ben"): 14, ("you", "ben"): 11}
    assert [agent.rate > 0 for agent in state.agents if agent.kind != "person"] == [True, False]


@pytest.mark.parametrize(
    ("step", "state", "note"),
    [
        (Story().turn("t1", "ann"), "thinking", ""),
        (Story().turn("t1", "ann", "x"), "speaking", ""),
        (Story().turn("t1", "ann", "x").add(TurnFinished, turn="t1", agent="ann", deltas=1), "idle", ""),
        (
            Story().turn("t1", "ann").add(TurnFailed, turn="t1", agent="ann", error="busy", retriable=True, wait=2.0),
            "retrying",
            "attempt 1 failed, again in 2 s: busy",
        ),
        (
            Story()
            .turn("t1", "ann")
            .add(TurnFailed, turn="t1", agent="ann", kind="overtaken", error="x", retriable=True),
            "thinking",
            "overtaken, began anew",
        ),
        (Story().turn("t1", "ann").add(TurnFailed, turn="t1", agent="ann", error="no key"), "failed", "no key"),
        (Story().add(RunFinished, reason="turns"), "done", ""),
    ],
    ids=["thinking", "speaking", "idle", "retrying", "overtaken", "failed", "done"],
)
def test_a_lane_says_what_its_agent_does(step, state, note):
    ann = shown(step.events).agents[0]
    assert (ann.state, ann.note) == (state, note)


def talk():
    """Reading that costs, turns that miss something, and one that is overtaken."""
    usage = Usage(prompt=100, completion=10, own=20, others=30, recalled=5)
    return (
        Story()
        .turn("t1", "ann", "one", seen=1)
        .turn("t2", "ben", "two", seen=1)
        .add(TurnFinished, turn="t2", agent="ben", deltas=1)
        .add(TurnFinished, turn="t1", agent="ann", usage=usage, deltas=1)  # has not read t2
        .turn("t3", "ann", "three", seen=7)
        .add(Message, run="", agent="you", text="Wait.")
        .add(TurnContinued, turn="t3", agent="ann", seen=10, deltas=1, context={"read": {"you": 5}})
        .turn("t4", "ben", "four", seen=7)
        .add(TurnFinished, turn="t3", agent="ann", usage=usage, deltas=1, seen=10)  # has read on its way
        .turn("t5", "ann", "five", seen=14)
        .add(TurnFailed, turn="t5", agent="ann", kind="overtaken", error="x", retriable=True, usage=usage)
        .turn("t6", "ann", "six", seen=17)
        .add(TurnFinished, turn="t4", agent="ben", deltas=1)  # a function reads at once: never stale
        .add(TurnFinished, turn="t6", agent="ann", reason="cancelled", deltas=1)
        .add(RunFinished, reason="turns")
        .events
    )


def test_reading_costs_what_the_report_says():
    """Sums of each agent and of all are those of the report, at every moment."""
    document, view = Document(pool="bakery", branch="main"), view_of()
    for event in talk():
        document.absorb(event)
        view.absorb(event)
        report = Report(document, TEAM, "r")
        state = view.state()
        readings = [state.run.reading, *(agent.reading for agent in state.agents if agent.kind != "person")]
        for reading, row in zip(readings, [report.total, *report.rows], strict=True):
            assert msgspec.to_builtins(reading) == {name: getattr(row, name) for name in Reading.__struct_fields__}
    assert (report.total.task, report.total.stale, report.total.restarts) == (135, 1, 1)


def test_a_turn_that_was_overtaken_is_no_failure():
    """What was begun goes, and what begins anew says why, until it has ended."""
    view, notes = view_of(), []
    for event in talk():
        view.absorb(event)
        notes.append({turn.id: turn.note for turn in view.state().turns}.get("t6"))
    assert [note for note in dict.fromkeys(notes) if note is not None] == ["overtaken, began anew", "stopped"]
    assert "t5" not in {turn.id for turn in view.state().turns}


def test_other_runs_and_other_lines_are_not_shown():
    """An event that was written to a line after it was left is somebody else's."""
    view = TeamView("r", Document(pool="bakery", branch="idea"), {"main": 0, "idea": sys.maxsize}, Affairs())
    events = Story().turn("t1", "ann", "late").events
    for event in events:
        view.absorb(event)
    other = Story().turn("t2", "ann", "other").events
    for event in other[1:]:
        view.absorb(msgspec.structs.replace(event, run="another", branch="idea"))
    assert view.state().turns == []
    assert view.state().run.status == "running"


def test_what_was_spent_on_a_line_that_was_left_is_spent():
    """It counts against the budget that stands beside it, though the turn is not shown; once."""
    view = TeamView("r", Document(pool="bakery", branch="idea"), {"main": 1, "idea": sys.maxsize}, Affairs())
    story = Story().turn("t1", "ann", "late")
    story.add(TurnFinished, turn="t1", agent="ann", usage=Usage(prompt=30, completion=12), cost=0.25, deltas=1)
    for event in [*story.events, story.events[-1]]:
        view.absorb(event)
    run, (ann, _) = view.state().run, view.state().agents
    assert (run.tokens, run.cost, ann.tokens, ann.turns) == (42, 0.25, 42, 0)
    assert [turn.status for turn in view.state().turns] == ["running"]


def test_what_is_said_after_the_end_is_shown_where_the_run_goes_on():
    story = Story().turn("t1", "ann", "Bread.")
    story.add(TurnFinished, turn="t1", agent="ann", deltas=1).add(RunFinished, reason="turns")
    story.add(Message, run="", agent="you", text="And coffee?")
    assert [turn.name for turn in shown(story.events).turns] == ["ann#1"]
    story.add(RunStarted, spec=TEAM.to_dict(), resumed=True)
    state = shown(story.events)
    assert [(turn.name, turn.text) for turn in state.turns] == [("ann#1", "Bread."), ("you#1", "And coffee?")]


def test_a_run_that_is_resumed_runs_again():
    """What was cut off in between is cancelled, what its process left open has failed, and lanes go on."""
    lost = Story().turn("t1", "ann", "half").add(TurnFailed, turn="t1", agent="ann", error="died", kind="lost")
    lost.add(RunFinished, reason="lost").add(RunStarted, spec=TEAM.to_dict(), resumed=True)
    lost.turn("t2", "ann", "whole")
    state = shown(lost.events)
    assert (state.run.status, state.run.reason, state.run.finished) == ("running", "", None)
    assert [(turn.name, turn.status) for turn in state.turns] == [("ann#1", "failed"), ("ann#2", "running")]
    assert state.agents[0].state == "speaking"


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("turns", "finished", "all turns were taken; because"),
        ("budget", "finished", "the budget is used up; because"),
        ("stopped", "stopped", "because"),
        ("failed", "failed", "because"),
        ("lost", "lost", "because"),
    ],
)
def test_the_head_line_says_how_a_run_ended(reason, status, why):
    run = shown(Story().add(RunFinished, reason=reason, detail="because").events).run
    assert (run.status, run.reason) == (status, why)
    assert run.finished is not None


def test_stopping_is_shown_until_the_run_has_ended():
    view = view_of()
    for event in Story().events:
        view.absorb(event)
    view.mark("stopping")
    assert view.patch().run.status == "stopping"
    view.absorb(Story().add(RunFinished, reason="stopped").events[-1])
    view.mark("stopping")
    assert view.patch().run.status == "stopped"


def test_an_end_that_a_former_owner_writes_late_is_not_the_runs():
    """As in the pool's own runs: it was taken for dead, and another process goes on."""
    taken = Story().add(Claim, owner="a:1:1", epoch=1, lease=1.0).add(RunStarted, spec=TEAM.to_dict(), resumed=True)
    taken.add(Claim, owner="b:2:2", epoch=2, lease=1.0).add(RunFinished, reason="timeout", epoch=1)
    assert shown(taken.events).run.status == "running"
    assert shown(taken.add(RunFinished, reason="turns", epoch=2).events).run.status == "finished"


@pytest.mark.parametrize("died", [False, True])
def test_the_seconds_of_a_run_are_those_in_which_somebody_held_it(died):
    """The time until it is resumed does not count, nor, where its process died, the time until that is noticed."""
    lived = Story().turn("t1", "ann", "half")
    if died:
        lived.events += [None] * 100  # noticed by another process five seconds later
        lived.add(TurnFailed, turn="t1", agent="ann", error="died", kind="lost")
        lived.add(RunFinished, reason="lost")
    else:
        lived.add(RunFinished, reason="stopped")
    lived.events += [None] * 100
    lived.add(RunStarted, spec=TEAM.to_dict(), resumed=True).turn("t2", "ann", "whole").add(RunFinished, reason="turns")
    run = shown(event for event in lived.events if event).run
    worked = (2 if died else 3) * 50 + 3 * 50
    assert run.finished - run.started == worked


def test_a_lane_says_what_its_agent_waits_for_and_does():
    """And nothing once that has ended; the late words of a holder that was superseded are not shown."""
    arguments = {"to": "ben"}
    digest = digest_of_effect("mail", arguments)
    call = {"proposal": "p", "agent": "ann", "claim": "e1"}
    told = Story().add(Claim, owner="a:1:1", epoch=1, lease=0.0, fencing=True).turn("t1", "ann", "Now. ", claim="e1")
    told.add(Proposal, tool="mail", turn="t1", arguments=arguments, digest=digest, gate={"ask": ["you"]}, **call)
    (ann, *_) = shown(told.events).agents
    assert (ann.state, ann.note) == ("thinking", 'waiting for you: mail(to="ben")')
    told.add(Vote, proposal="p", agent="you", accept=True, digest=digest)
    told.add(Decision, accepted=True, **call).add(EffectStarted, digest=digest, **call)
    assert shown(told.events).agents[0].note == 'calls mail(to="ben")'
    assert shown(told.events).turns[0].calls == [CallView(id="p", what='mail(to="ben")', status="running")]
    assert shown(told.add(EffectDone, result=3, output="x" * 5000, **call).events).agents[0].note == ""
    (call,) = shown(told.events).turns[0].calls
    assert (call.status, call.answer) == ("done", "3")
    assert call.output == "x" * 4000 + "… (5,000 characters; `%pool events` has all)"
    told.add(Claim, owner="b:1:1", epoch=2, lease=0.0, fencing=True)
    told.add(Delta, turn="t1", agent="ann", seq=1, text="late words", claim="e1")
    assert [turn.text for turn in shown(told.events).turns] == ["Now. "]


def test_calls_that_are_alike_are_one_question_until_somebody_else_changes_that():
    """A grant, which is of no run, takes them away; one that is revoked brings them back."""
    digest, gate = digest_of_effect("mail", {}), {"ask": ["you"]}
    told = Story()
    for agent, proposal in (("ann", "p"), ("ben", "q")):
        told.add(Proposal, proposal=proposal, agent=agent, tool="mail", digest=digest, gate=gate)
    (question,) = shown(told.events).run.questions
    assert (question.id, question.agent, [(one.id, one.agent) for one in question.more]) == ("p", "ann", [("q", "ben")])
    told.add(Grant, run="", agent="you", tool="mail", count=5, within=100.0)
    assert shown(told.events).run.questions is msgspec.UNSET
    told.add(GrantRevoked, run="", agent="you", grant="e3")
    assert len(shown(told.events).run.questions) == 1


def test_what_lets_pass_is_shown_once_in_words_while_the_run_goes_on_and_after_it():
    """The gate, as soon as it is known, and each call; also in what a saved notebook and a terminal show."""
    digest, call = digest_of_effect("mail", {}), {"proposal": "p", "agent": "ann"}
    told = Story().turn("t1", "ann", "Now.")
    told.add(Proposal, tool="mail", digest=digest, gate={"ask": ["you"], "shadow": True}, **call)
    gate = "the gate of mail lets pass (shadow: all pass, whatever the votes say)"
    state = shown(told.events)
    assert state.run.lets_pass == [gate]
    told.add(Vote, proposal="p", agent="you", accept=False, digest=digest)
    told.add(Decision, accepted=True, text="only recorded", **call).add(RunFinished, reason="turns")
    state = shown(told.events)
    assert state.run.lets_pass == [gate, "let pass: mail() (only recorded)"]
    assert "⚠ let pass: mail() (only recorded)" in repr(Still(state))
    assert 'class="ap-lets-pass"' in Still(state)._repr_html_()
    lines = []
    screen = TextScreen(Console(lines.append))
    for _ in range(2):
        screen.show_patch(Patch(seq=1, run=state.run))
    assert lines == [f"⚠ {gate}", "⚠ let pass: mail() (only recorded)"]


def test_a_team_that_a_task_is_handed_to_is_shown_with_the_run(pool, server):
    """Its agents have lanes, its turns stand among the others, what it takes is counted; its end is not the run's."""
    server.fault(Asks((("cooks", {"task": "Find out."}),)), contains="You are ann.")
    cooks = {"turns": 1, "agents": {"baker": "Bakes."}}
    run = play(pool, {"ann": {"role": "Asks.", "tools": ["cooks"]}}, server, teams={"cooks": cooks})
    line = {"main": sys.maxsize}
    view = TeamView(run.id, Document(pool="bakery", branch="main"), line, Affairs())
    for event in pool.events():
        view.absorb(event)
        if getattr(event, "agent", "") == "baker" and view.run.started:
            assert view.run.finished is None
    state = view.state()
    assert [(agent.name, agent.state) for agent in state.agents] == [("ann", "done"), ("baker", "done")]
    assert [(turn.name, turn.status) for turn in state.turns] == [("ann#1", "finished"), ("baker#1", "finished")]
    assert [(edge.source, edge.target) for edge in state.edges] == [("ann", "baker")]
    assert state.run.tokens == run.report().total.prompt + run.report().total.completion
    assert (state.run.task, state.run.status) == ("Plan a bakery.", "finished")
