"""Agents hand tasks to teams below theirs, on both stores."""

import pytest

from agentpool_jupyter import Team, open_pool, resume
from agentpool_jupyter.agents.team.parse import parse_team
from agentpool_jupyter.errors import SpecError, UserError
from agentpool_jupyter.pool.events import RunFinished, RunStarted, TurnFinished, TurnStarted
from agentpool_jupyter.pool.votes import PERSON
from tests.openai_server import Asks, Hold, OpenAIServer, Says
from tests.programs import running
from tests.teams import asked, of_type, play, prompt, speaks, team, until

TASK = "Find out what flour costs."
COOKS = {
    "about": "Know all of baking.",
    "answer": "baker",
    "turns": 1,
    "agents": {"miller": "Mills.", "baker": "Bakes."},
}
ANN = {"ann": {"role": "Asks.", "tools": ["cooks"]}}


def handed(server, *tasks, name="cooks", agent="ann"):
    """Have an agent hand tasks over, all at once."""
    server.fault(Asks(tuple((name, {"task": task}) for task in tasks)), contains=speaks(agent))


def told(server, agent="ann"):
    """What an agent was told by tools, at last."""
    return [message["content"] for message in asked(server, agent)[-1].messages if message["role"] == "tool"]


def hand_over(pool, server, *tasks, cooks=COOKS, **fields):
    handed(server, *(tasks or (TASK,)))
    return play(pool, ANN, server, teams={"cooks": cooks}, **fields)


def test_a_task_is_worked_on_by_a_team_whose_answer_comes_back(url, server):
    """On a branch of its own, that leaves where the caller had read; the head stays."""
    server.fault(Says("Flour is dear."), contains=speaks("baker"))
    with open_pool("bakery", url) as pool:
        pool.post("We are in Ghent.")
        run = hand_over(pool, server)
        assert (run.reason, [turn.name for turn in pool.document().turns]) == ("turns", ["you#1", "ann#1"])
        assert told(server) == ["Flour is dear."]
        first, below = pool.runs.values()
        assert (below.parent, below.branch, below.spec["task"]) == (first.id, "cooks", TASK)
        assert [turn.name for turn in pool.document("cooks").turns] == ["you#1", "miller#1", "baker#1"]
        assert TASK in prompt(asked(server, "miller")[0])
        assert "We are in Ghent." in prompt(asked(server, "miller")[0])
        (effect,) = pool.effects.values()
        assert (effect.told, effect.status, pool.branch) == (f'cooks(task="{TASK}")', "done", "main")
        assert pool.runs.latest() is first


def test_the_caller_is_told_what_the_team_is(pool, server):
    hand_over(pool, server)
    (described,) = asked(server, "ann")[0].body["tools"]
    assert described["function"]["description"] == (
        "Know all of baking. Hands a task to a team of its own, and returns its answer: miller (Mills.), baker (Bakes.)"
    )
    assert list(described["function"]["parameters"]["properties"]) == ["task"]


def test_several_tasks_are_worked_on_at_once_each_on_its_branch(pool, server):
    hand_over(pool, server, "Buy flour.", "Buy salt.")
    assert pool.branches == ["main", "cooks", "cooks-2"]
    assert [record.spec["task"] for record in pool.runs.below(pool.runs.latest().id)] in (
        ["Buy flour.", "Buy salt."],
        ["Buy salt.", "Buy flour."],
    )
    assert len(told(server)) == 2


def test_teams_stand_above_each_other(pool, server):
    handed(server, TASK)
    handed(server, "Ask the farmer.", name="farm", agent="baker")
    server.fault(Says("Ten a sack."), contains=speaks("farmer"))
    farm = {"agents": {"farmer": "Sows."}}
    cooks = {"agents": {"baker": {"role": "Bakes.", "tools": ["farm"]}}, "teams": {"farm": farm}}
    play(pool, ANN, server, teams={"cooks": cooks})
    assert told(server, "baker") == ["Ten a sack."]
    top, middle, bottom = pool.runs.values()
    assert (middle.parent, bottom.parent) == (top.id, middle.id)
    assert pool.runs.below(top.id) == [middle, bottom]


def test_the_report_has_all_agents_and_what_all_took(pool, server):
    run = hand_over(pool, server)
    report = run.report()
    assert [(row.agent, row.turns) for row in report.rows] == [("ann", 1), ("miller", 1), ("baker", 1)]
    taken = sum(event.usage.total for event in of_type(pool, TurnFinished))
    assert report.total.prompt + report.total.completion == taken
    assert "baker" in repr(report)


def test_what_a_team_takes_is_set_aside_of_its_parents_budget(pool, server):
    """A share is half of what is left where none is named."""
    run = hand_over(pool, server, budget={"tokens": 40_000})
    below = pool.runs.below(run.id)[0]
    assert 0 < below.spec["budget"]["tokens"] <= 20_000
    small = hand_over(pool, server, cooks=COOKS | {"budget": {"tokens": 300}}, budget={"tokens": 40_000})
    assert pool.runs.below(small.id)[0].spec["budget"] == {"tokens": 300}
    assert pool.runs.below(small.id)[0].finished.reason == "budget"
    assert told(server)[0].startswith("error: EffectError: baker said nothing: the budget is used up")


def test_a_task_for_which_too_little_is_left_is_refused_and_the_run_goes_on(pool, server):
    run = hand_over(pool, server, cooks=COOKS | {"budget": {"tokens": 90_000}}, budget={"tokens": 40_000})
    assert told(server)[0].startswith("error: BudgetExhaustedError: the budget of 40000 tokens has")
    assert (run.reason, list(pool.runs.below(run.id))) == ("turns", [])


def test_a_budget_holds_for_all_together(pool, server):
    handed(server, *(f"Task {number}." for number in range(4)))
    run = play(pool, ANN, server, teams={"cooks": COOKS}, budget={"tokens": 6_000})
    taken = sum(event.usage.total for event in of_type(pool, TurnFinished) if event.usage)
    assert 0 < taken <= 6_000, run


def test_stopping_a_run_stops_those_below_it_and_resuming_goes_on_with_them(url, server):
    hold = Hold(10)
    server.fault(hold, contains=speaks("baker"), times=1)
    handed(server, TASK)
    with open_pool("bakery", url) as pool:
        run = team(ANN, server, teams={"cooks": COOKS | {"agents": {"baker": "Bakes."}}}).start(pool)
        until(lambda: asked(server, "baker"))
        run.stop()
        below = pool.runs.below(run.id)[0]
        assert (run.reason, below.finished.reason, below.released) == ("stopped", "stopped", True)
        server.release(hold)
        again = resume(pool, trust=True)
        assert again.wait(60)
        assert [(one.id, one.finished.reason) for one in pool.runs.values()] == [(run.id, "turns"), (below.id, "turns")]
        assert [effect.status for effect in pool.effects.values()] == ["done"]
        assert pool.branches == ["main", "cooks"]
        with pytest.raises(UserError, match=f"works for run {run.id}, which goes on with it"):
            resume(pool, below.id)


def test_a_rollback_of_the_line_stops_those_below(pool, server):
    server.fault(Hold(10), contains=speaks("baker"), times=1)
    handed(server, TASK)
    run = team(ANN, server, teams={"cooks": COOKS | {"agents": {"baker": "Bakes."}}}).start(pool)
    until(lambda: asked(server, "baker"))
    pool.rollback(0)
    assert run.wait(20)
    assert (run.reason, pool.runs.below(run.id)[0].finished.reason) == ("moved", "stopped")


_DIES = """
import sys
from agentpool_jupyter import open_pool
from tests.agents.runs.test_hand_over import ANN, COOKS
from tests.teams import team
url, server = sys.argv[1:]
team(ANN, teams={"cooks": COOKS}, model="test", base_url=server).start(open_pool("bakery", url)).wait()
"""


@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.nightly])], indirect=True
)
def test_after_a_crash_both_go_on_and_nothing_that_ended_is_asked_again(url):
    """The caller's turn had not ended: it is taken anew, and makes the same call."""
    with OpenAIServer(tokens=20) as server:
        hold = Hold(5)
        server.fault(hold, contains=speaks("baker"), times=1)
        handed(server, TASK)
        with running(_DIES, url, server.base_url) as process, open_pool("bakery", url) as pool:
            until(lambda: [turn for turn in of_type(pool, TurnFinished) if turn.agent == "miller"], timeout=60)
            until(lambda: asked(server, "baker"))
            process.kill()
            process.wait()
            server.release(hold)
            assert pool.runs.latest().alive() is False
            assert resume(pool, trust=True).wait(60)
            assert len(asked(server, "miller")) == 1
            assert [effect.status for effect in pool.effects.values()] == ["done"]
            assert [one.finished.reason for one in pool.runs.values()] == ["turns", "turns"]
            started = [event.agent for event in of_type(pool, TurnStarted)]
            assert sorted(started) == ["ann", "ann", "baker", "baker", "miller"]
            assert [event.resumed for event in of_type(pool, RunStarted)] == [False, False, True, True]


def test_a_gate_of_the_team_above_holds_below_and_asks_its_voters(pool, server):
    """A person's questions are found from the line that the task was handed over on."""
    sold = []

    def sell(item: str) -> str:
        sold.append(item)
        return "sold"

    handed(server, TASK)
    server.fault(Asks((("sell", {"item": "bread"}),)), contains=speaks("baker"))
    server.fault(Says('{"accept": true, "why": "It is good."}'), contains="May it be done?")
    cooks = {"agents": {"baker": {"role": "Bakes.", "tools": ["sell"]}}}
    gates = {"sell": {"ask": ["ann", PERSON], "within": "1 min"}}
    run = team(ANN, server, teams={"cooks": cooks}, gates=gates, functions={"sell": sell}).start(pool)
    until(pool.pending)
    assert sold == []
    until(lambda: "ann" in pool.pending()[0].votes)
    pool.vote(pool.pending()[0].id, accept=True)
    assert run.wait(60)
    assert sold == ["bread"]
    assert pool.pending() == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "{task: t, agents: {a: x}, teams: {c: {agents: {b: y}}}}",
            r"nobody can hand a task to 'c': add `tools: \[c\]`",
        ),
        ("{task: t, tools: [c], agents: {a: x}, teams: {c: {}}}", "team 'c' has no agents"),
        ("{task: t, tools: [c], agents: {a: x}, teams: {c: {agents: {a: y}}}}", "'a' names an agent and an agent"),
        ("{task: t, tools: [c], agents: {a: x}, teams: {c: {agents: {b: y}, answer: z}}}", "'z', who is none of its"),
        ("{task: t, tools: [c], agents: {a: x}, teams: {c: {task: u, agents: {b: y}}}}", "unknown key 'task'"),
        ("{task: t, tools: [c-d], agents: {a: x}, teams: {c-d: {agents: {b: y}}}}", "`tools` is a list"),
        ("{task: t, tools: [c], agents: {a: x}, teams: {if: {agents: {b: y}}}}", "'if' cannot name a team"),
        ("{task: t, tools: [c], agents: {a: x}, teams: [c]}", "teams is written as"),
    ],
)
def test_teams_that_make_no_sense_are_refused(text, why):
    with pytest.raises(SpecError, match=why):
        parse_team(text)


def test_no_more_than_four_teams_stand_above_each_other():
    inner = "{agents: {z: x}}"
    for name in "edcb":
        inner = f"{{tools: [{name}t], agents: {{{name}: x}}, teams: {{{name}t: {inner}}}}}"
    with pytest.raises(SpecError, match="`teams` stands 5 deep, and 4 is the most"):
        parse_team(f"{{task: t, tools: [at], agents: {{a: x}}, teams: {{at: {inner}}}}}")


def test_a_team_has_from_the_one_above_what_it_does_not_say():
    spec = parse_team(
        "{task: t, model: m, base_url: 'http://x', max_tokens: 7, stride: 9, tools: [c], agents: {a: x},"
        " teams: {c: {max_tokens: 8, agents: {b: y}}}}"
    )
    below = spec.teams["c"].team
    assert (below.model, below.base_url, below.max_tokens, below.stride, below.tools) == ("m", "http://x", 8, 9, ())
    assert spec.from_dict(spec.to_dict()) == spec


def test_what_is_missing_below_is_said_before_anything_starts(pool, server):
    cooks = {"agents": {"baker": {"role": "Bakes.", "tools": ["oven"]}}}
    with pytest.raises(SpecError, match="agent 'baker': there is no function 'oven'"):
        team(ANN, server, teams={"cooks": cooks}).start(pool)
    assert of_type(pool, RunStarted) == of_type(pool, RunFinished) == []
    assert Team(parse_team("t"))
