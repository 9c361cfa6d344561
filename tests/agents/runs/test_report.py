"""What a run took, by agent and in all."""

import pytest

from agentpool_jupyter.agents.runs.report import Report
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.pool import fold
from agentpool_jupyter.pool.events import TurnFailed, TurnFinished, TurnStarted, Usage
from tests.openai_server import Cut, NoUsage, OpenAIServer
from tests.teams import asked, play

PRICE = {"input": 2.0, "output": 10.0}


def test_a_report_adds_up_what_the_server_counted(pool):
    """Tokens are those of the server, the cost is theirs at the price that was given."""
    with OpenAIServer(tokens=20) as server:
        run = play(pool, {"ann": "Talks.", "ben": "Talks."}, server, turns=2, price=PRICE)
        words = {
            name: sum(len(m["content"].split()) for request in asked(server, name) for m in request.messages)
            for name in ("ann", "ben")
        }
    report = run.report()
    rows = {row.agent: row for row in report.rows}
    assert {name: row.prompt for name, row in rows.items()} == words
    assert [(row.turns, row.failed, row.completion, row.estimated) for row in report.rows] == [(2, 0, 40, False)] * 2
    assert report.total.prompt == sum(words.values())
    assert rows["ann"].cost == pytest.approx((words["ann"] * 2.0 + 40 * 10.0) / 1e6)
    assert report.total.cost == pytest.approx(rows["ann"].cost + rows["ben"].cost)


def test_what_is_only_a_bound_is_said_to_be_one(pool):
    """Where a server did not count, or a stream broke off, the numbers are marked."""
    with OpenAIServer(tokens=10) as server:
        server.fault(NoUsage())
        run = play(pool, {"ann": "Talks."}, server)
    report = run.report()
    assert report.rows[0].estimated
    assert f"≤ {report.rows[0].prompt}" in repr(report)
    assert report.rows[0].completion >= 10


def test_failed_attempts_count_their_tokens(pool):
    with OpenAIServer(tokens=10) as server:
        server.fault(Cut(after=4), times=1)
        run = play(pool, {"ann": "Talks."}, server)
    (row,) = run.report().rows
    assert (row.turns, row.failed, row.estimated) == (1, 1, True)
    assert row.completion > 10
    assert row.prompt + row.completion == run.document().usage.total


def test_a_price_that_is_not_known_is_said_to_be_unknown(pool, server):
    run = play(pool, {"ann": "Talks."}, server)
    assert run.report().total.cost is None
    assert "unknown" in repr(run.report())


def test_a_report_displays_itself_without_a_widget():
    """As an aligned table in text, and as an escaped one in HTML; as data it is the same numbers."""
    team = TeamSpec(task="t", agents=(AgentSpec(name="ann", role="Talks."), AgentSpec(name="b")))
    events = [
        TurnStarted(id="1", turn="t1", agent="ann", run="r", model="m"),
        TurnFinished(id="2", turn="t1", agent="ann", run="r", usage=Usage(prompt=70, completion=5), cost=0.5, deltas=0),
        TurnStarted(id="3", turn="t2", agent="b", run="other", model="m"),
        TurnFailed(id="4", turn="t2", agent="b", run="other", error="no"),
    ]
    report = Report(fold(events), team, "r")
    head, ann, ben, total = repr(report).splitlines()
    assert len({len(line) for line in (head, ann, ben, total)}) == 1
    assert ann.split() == ["ann", "1", "0", "70", "5", "0.5000"]
    assert total.split() == ["all", "1", "0", "70", "5", "0.5000"]
    assert report._repr_html_().count("<tr>") == 4
    assert ">0.5000</td>" in report._repr_html_()
    assert report.to_dict()["agents"][0]["prompt"] == 70
    assert report.to_dict()["total"]["agent"] == "all"
