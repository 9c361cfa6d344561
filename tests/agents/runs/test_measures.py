"""How fast a run was and what it cost to be many: told by the log alone, of any past run, on both stores."""

from __future__ import annotations

import inspect
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.agents.runs.measures import Measures
from agentpool_jupyter.agents.runs.report import Report
from agentpool_jupyter.agents.runs.times import RunTimes, times_of
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.history.compact import compact
from agentpool_jupyter.pool import fold
from agentpool_jupyter.pool.events import (
    Delta,
    Heartbeat,
    Message,
    Recall,
    RunFinished,
    RunStarted,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
)
from tests.openai_server import Cut, OpenAIServer
from tests.teams import play
from tests.teams import team as team_of

OLD = Path(__file__).parents[2] / "fixtures" / "pools" / "bakery.jsonl.gz"
TEAM = TeamSpec(task="t", agents=tuple(AgentSpec(name=name) for name in ("ann", "ben", "cat")))


class Log:
    """Events of one run at times of our choosing, in milliseconds."""

    def __init__(self):
        self.events = []

    def at(self, time, kind, /, **fields):
        place = len(self.events)
        fields = {"id": f"e{place}", "run": "r", "claim": "c", "offset": place, "time": 10_000 + time} | fields
        self.events.append(kind(**fields))
        return self

    def turn(self, begin, agent, end, text="one two three four five", *, first=None, **ended):
        turn = f"t{len(self.events)}"
        seen = ended.pop("seen", len(self.events))
        context = ended.pop("context", {})
        self.at(begin, TurnStarted, turn=turn, agent=agent, model="m", seen=seen, context=context)
        self.at(begin if first is None else first, Delta, turn=turn, agent=agent, seq=0, text=text)
        return self.at(end, TurnFinished, turn=turn, agent=agent, deltas=1, **ended)

    def report(self):
        return Report(fold(self.events), TEAM, "r", times=times_of(self.events, "r"))


def measured(log):
    return log.report().measures


def test_turns_at_once_are_a_speed_up_and_waiting_is_idle():
    """Two of three speak for 2 s, the third for 1 s of the 2 s that the run takes."""
    log = Log().at(0, RunStarted).turn(0, "ann", 2000).turn(0, "ben", 2000).turn(1000, "cat", 2000)
    found = measured(log.at(2000, RunFinished, reason="turns"))
    assert (found.wall, found.work, found.speed_up, found.idle) == (2.0, 5.0, 2.5, 1.0)
    assert found.finished == 3


def test_the_straggler_is_late_against_the_median_of_the_others():
    log = Log().at(0, RunStarted).turn(0, "ann", 1000).turn(0, "ben", 1400).turn(0, "cat", 5000)
    assert measured(log).straggler_gap == pytest.approx(3.8)
    assert measured(Log().at(0, RunStarted).turn(0, "ann", 1000)).straggler_gap == 0


def test_the_time_to_first_token_is_a_median():
    log = Log().at(0, RunStarted)
    for first in (100, 300, 900):
        log.turn(0, "ann", 2000, first=first)
    assert measured(log).first_token == pytest.approx(0.3)


def test_a_run_that_was_resumed_was_not_at_work_while_it_was_dead():
    """Nor was the turn that its process left, which is said to have failed only later."""
    log = Log().at(0, RunStarted).at(100, TurnStarted, turn="t", agent="ann", model="m")
    log.at(400, Heartbeat, owner="o", epoch=1)
    log.at(90_000, RunStarted, claim="d", resumed=True)
    log.at(90_000, TurnFailed, turn="t", agent="ann", error="died", kind="lost", claim="d")
    log.at(90_600, RunFinished, claim="d", reason="turns")
    found = measured(log)
    assert (found.wall, found.work) == (1.0, 0.3)


def test_a_run_that_somebody_else_ended_was_at_work_until_its_last_sign():
    log = Log().at(0, RunStarted).turn(0, "ann", 500).at(60_000, RunFinished, claim="other", reason="lost")
    assert measured(log).wall == 0.5


def test_tokens_are_told_for_each_finished_turn():
    """Those of attempts that failed are retries."""
    usage = Usage(prompt=100, completion=10, own=20, others=30, recalled=5)
    log = Log().at(0, RunStarted).turn(0, "ann", 10, usage=usage).turn(0, "ben", 10, usage=usage)
    log.at(20, TurnStarted, turn="f", agent="ben", model="m")
    log.at(30, TurnFailed, turn="f", agent="ben", error="cut", retriable=True, usage=Usage(prompt=30, completion=4))
    found = measured(log).tokens
    assert found == (45, 20, 30, 5, 10, 17)
    assert found.all == 127


def test_repeated_text_is_what_anybody_had_said_before():
    """Of nine words six sequences of four; the first turn repeats nothing, the second all of its two."""
    log = Log().at(0, RunStarted).turn(0, "ann", 10, "a b c d e f g h i").turn(20, "ben", 30, "c d e f g")
    report = log.report()
    assert report.measures.repeated == pytest.approx(2 / 8)
    rows = report.to_pandas().set_index("agent")
    assert list(rows["repeated"]) == pytest.approx([0, 1, 0, 1 / 4])


def test_messages_are_turns_of_others_that_a_prompt_held():
    """By the prompt's record: from an offset on, and single ones before."""
    log = Log().at(0, RunStarted).turn(0, "ann", 10).turn(10, "ben", 20)
    log.turn(20, "cat", 30, context={"since": 4, "also": ["t1"]})
    found = {row["agent"]: row["messages"] for row in log.report().to_pandas().to_dict("records")}
    assert found["cat"] == 2
    assert found["ben"] == 0


def test_what_could_not_be_recalled_is_read_from_the_log():
    log = Log().at(0, RunStarted)
    for _ in range(2):
        log.at(1, Recall, turn="t", note="no index")
    assert list(times_of(log.events, "r").notes) == ["no index"]


@given(st.data())
def test_whatever_a_log_says_the_measures_add_up(data):
    """Times that run backwards, turns without an end, records that come twice."""
    log, open_ = Log(), []
    log.at(0, RunStarted)
    times = data.draw(st.lists(st.integers(0, 5000), max_size=20))
    for number, time in enumerate(times):
        if open_ and data.draw(st.booleans()):
            turn, agent = open_.pop()
            log.at(time, TurnFinished, turn=turn, agent=agent, deltas=0)
        else:
            agent = data.draw(st.sampled_from(["ann", "ben", "cat"]))
            open_.append((f"t{number}", agent))
            log.at(time, TurnStarted, turn=f"t{number}", agent=agent, model="m")
    if data.draw(st.booleans()):
        log.at(6000, RunFinished, reason="turns")
    if log.events and data.draw(st.booleans()):
        log.events.append(log.events[data.draw(st.integers(0, len(log.events) - 1))])
    found = measured(log).to_dict()
    assert all(value is None or (math.isfinite(value) and (value >= 0)) for value in found.values())
    assert repr(log.report())


def test_each_measure_says_what_it_is_in_which_unit_and_by_whom():
    """``help(report.measures)`` shows it."""
    for name, member in inspect.getmembers(Measures, lambda one: isinstance(one, property) or hasattr(one, "func")):
        told = inspect.getdoc(member) or ""
        assert "nit" in told, name
        assert "Source: " in told, name


def test_a_report_without_times_says_how_to_get_them():
    with pytest.raises(UserError, match=r"take `run.report\(\)`"):
        _ = Report(fold([]), TEAM, "r").measures


def test_any_past_run_of_any_pool_is_measured(url):
    """By whoever opens the pool later: the same numbers as the run itself gave, for each of its runs."""
    with OpenAIServer(tokens=20, rate=400) as server, ap.open_pool("measured", url) as pool:
        server.fault(Cut(after=4), times=1)
        runs = [play(pool, {"ann": "Talks.", "ben": "Talks."}, server, turns=2) for _ in range(2)]
        reports = [run.report().to_dict() for run in runs]
    with ap.open_pool("measured", url) as other:
        assert [ap.report(other, run.id).to_dict() for run in runs] == reports
        assert ap.report(other).to_dict() == reports[-1]
        assert ap.report(other).to_pandas().shape[0] == 3
        report = ap.report(other, runs[0].id)
    found = report.measures
    assert 0 < found.work <= 2 * found.wall
    assert found.first_token > 0
    assert found.tokens.retries > 0
    assert found.messages > 0
    assert "at once on average" in repr(report)
    assert "messages a turn" in report._repr_html_()


def test_runs_of_a_pool_of_an_earlier_version_are_measured(store):
    """Which had no claims in its events; one of its runs went on after its process had died."""
    with ap.import_pool(OLD) as pool:
        found = [ap.report(pool, run).measures.to_dict() for run in pool.runs]
    assert [(one["finished"], one["wall"] > 0, one["work"] > 0) for one in found] == [(4, True, True), (2, True, True)]


def test_a_compacted_log_still_tells_all_but_the_first_words(pool):
    """Of a turn whose pieces were made into one, nobody knows when the first one came."""
    with OpenAIServer(tokens=60, rate=300) as server:
        run = play(pool, {"ann": "Talks."}, server, flush=0.01)
    before = run.report().measures.to_dict()
    pool.append([Message(**pool.header("main", agent="you"), text="More.") for _ in range(1024)])  # fills a window
    compact(pool)
    with ap.open_pool(pool.name) as other:
        after = ap.report(other, run.id).measures.to_dict()
    assert after == before | {"first_token": None}


def test_a_run_that_there_is_not_is_named(pool):
    with pytest.raises(UserError, match="pool 'bakery' has no run; no team ever ran there"):
        ap.report(pool)
    run = play(pool, {"ann": {"python": "f"}}, functions={"f": lambda _: "Done."})
    with pytest.raises(UserError, match=f"pool 'bakery' has no run run-x; there are: {run.id}"):
        ap.report(pool, "run-x")


def test_a_run_that_goes_on_is_measured_as_far_as_it_has_come(pool):
    with OpenAIServer(tokens=5000, rate=50) as server:
        run = team_of({"ann": "Talks."}, server, max_tokens=5000).start(pool)
        for event in pool.follow():
            if isinstance(event, Delta):
                break
        found = ap.report(pool, run.id).measures
        run.stop()
    assert found.finished == 0
    assert found.work <= found.wall


def test_times_of_other_runs_are_no_concern():
    log = Log().at(0, RunStarted).turn(0, "ann", 500).at(9000, RunStarted, run="other")
    assert times_of(log.events, "r").seconds == 0.5
    assert RunTimes("none").seconds == 0
