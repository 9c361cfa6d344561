"""Turns that miss what they should have read."""

from agentpool_jupyter.agents.runs.report import Report
from agentpool_jupyter.agents.runs.stale import stale
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.pool.events import Delta, Message, TurnFinished, TurnStarted
from tests.agents.prompt.test_context import placed, talk, whole

TEAM = TeamSpec(
    task="x",
    agents=(
        AgentSpec(name="planner"),
        AgentSpec(name="critic", listens=("planner",)),
        AgentSpec(name="deaf", listens=()),
    ),
)


def names(found):
    return {turn.name: [missed.name for missed in missed] for turn, missed in found}


def begin(agent, seen=0):
    return TurnStarted(id=f"s{agent}", agent=agent, turn=agent, model="m", seen=seen, run="r")


def end(agent):
    return [
        Delta(id=f"d{agent}", agent=agent, turn=agent, seq=0, text="Done.", run="r"),
        TurnFinished(id=f"f{agent}", agent=agent, turn=agent, deltas=1, run="r"),
    ]


def test_who_speaks_while_another_ends_is_stale():
    """It ended last and had not seen it; the one that ended first missed nothing, nor does who does not listen."""
    document = placed([begin("planner"), begin("critic"), begin("deaf"), *end("planner"), *end("critic"), *end("deaf")])
    assert names(stale(document, TEAM)) == {"critic#1": ["planner#1"]}


def test_whoever_speaks_one_after_the_other_misses_nothing():
    events = whole([("planner", "a"), ("critic", "b"), ("planner", "c")])
    seen = [
        TurnStarted(id=e.id, agent=e.agent, turn=e.turn, model="m", seen=i) if isinstance(e, TurnStarted) else e
        for i, e in enumerate(events)
    ]
    assert stale(placed(seen), TEAM) == []


def test_a_persons_word_should_have_been_read_by_all():
    document = placed(
        [begin("planner"), begin("deaf"), Message(id="m", agent="you", text="No!"), *end("planner"), *end("deaf")]
    )
    assert names(stale(document, TEAM)) == {"planner#1": ["you#1"], "deaf#1": ["you#1"]}


def test_only_the_run_that_is_asked_for_counts():
    """Also in the report."""
    document = placed([begin("planner"), begin("critic"), *end("planner"), *end("critic")])
    assert len(stale(document, TEAM, "r")) == 1
    assert stale(document, TEAM, "other") == []
    report = Report(document, TEAM, "r")
    assert [row.stale for row in report.rows] == [0, 1, 0]
    assert report.total.stale == 1
    assert "stale: critic#1 was said without planner#1" in repr(report)
    assert report.to_dict()["stale"] == {"critic#1": ["planner#1"]}


def test_all_of_a_round_that_runs_at_once_miss_those_that_ended_first():
    """In a team in which everyone hears everyone."""
    team = TeamSpec(task="x", agents=tuple(AgentSpec(name=f"a{i}") for i in range(4)))
    found = stale(placed(talk(2, 3, agents=("a0", "a1", "a2", "a3"), run_over=True)), team)
    assert [len(one.missed) for one in found] == [1, 2, 3, 1, 2, 3]
