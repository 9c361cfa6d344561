"""What reading costs: the prompt's tokens by what they were, of one call and of a run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.prompt.build import Reminder, build_prompt
from agentpool_jupyter.agents.prompt.record import shared_out
from agentpool_jupyter.agents.runs.report import Report
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.pool import fold
from agentpool_jupyter.pool.events import TurnFailed, TurnFinished, TurnStarted, Usage
from tests.openai_server import OpenAIServer
from tests.teams import play

from .test_context import PLANNER, TEAM, placed, talk


def test_a_calls_prompt_is_shared_out_by_bytes():
    """The parts add up to what the server counted; everything else stays as it was."""
    context = build_prompt(placed(talk(3, 40)), TEAM, PLANNER, tokens=3000, recall=[Reminder("Rent first. " * 20, "x")])
    sizes = context.record["sizes"]
    whole = sum(sizes.values())
    usage = shared_out(Usage(prompt=whole // 3, completion=7, cached=5), context.record)
    assert (usage.prompt, usage.completion, usage.cached) == (whole // 3, 7, 5)
    assert abs(usage.own - sizes["own"] / 3) <= 1
    assert abs(usage.others - (sizes.get("new", 0) + sizes.get("heard", 0)) / 3) <= 1
    assert abs(usage.recalled - sizes["recall"] / 3) <= 1


def test_what_a_record_does_not_say_is_the_tasks():
    """Records of earlier versions have no sizes."""
    assert shared_out(Usage(prompt=9), {"read": {"critic": 5}}) == Usage(prompt=9)


@given(
    st.integers(0, 10**6),
    st.dictionaries(st.sampled_from(["task", "own", "new", "heard", "recall"]), st.integers(1, 10**6)),
)
def test_parts_are_never_more_than_the_whole(prompt, sizes):
    usage = shared_out(Usage(prompt=prompt), {"sizes": sizes})
    assert min(usage.own, usage.others, usage.recalled) >= 0
    assert usage.own + usage.others + usage.recalled <= prompt


def test_a_report_says_what_was_read(pool):
    """Whoever is alone reads its own text only; whoever listens reads that of others; the parts add up."""
    agents = {"ann": {"role": "Talks.", "listens": []}, "ben": {"role": "Checks.", "listens": ["ann"]}}
    pool.post("Mind the rent.")
    with OpenAIServer(tokens=60) as server:
        report = play(pool, agents, server).report()
    ann, ben = report.rows
    assert ann.own == ben.own == 0
    assert 0 < ann.others < ben.others
    assert all(row.task + row.own + row.others + row.recalled == row.prompt for row in [ann, ben, report.total])
    assert report.total.others == ann.others + ben.others
    assert "others' text" in repr(report)
    assert "others&#x27; text" in report._repr_html_()
    assert report.to_dict()["total"]["others"] == report.total.others


def test_restarts_are_no_failures():
    team = TeamSpec(task="t", agents=(AgentSpec(name="ann"),))
    events = [
        TurnStarted(id="1", turn="t1", agent="ann", run="r", model="m"),
        TurnFailed(id="2", turn="t1", agent="ann", run="r", error="overtaken", kind="overtaken", retriable=True),
        TurnStarted(id="3", turn="t2", agent="ann", run="r", model="m"),
        TurnFinished(id="4", turn="t2", agent="ann", run="r", deltas=0),
    ]
    (row,) = Report(fold(events), team, "r").rows
    assert (row.turns, row.failed, row.restarts) == (1, 0, 1)
