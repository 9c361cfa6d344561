"""Tasks and teams: in what order work can be done, who is in a team of n, and what says that something is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.agents.team.spec import TASK, AgentSpec, TeamSpec
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.measure.experiment.board import claim_task
from agentpool_jupyter.measure.experiment.tasks import tasks_of
from agentpool_jupyter.measure.experiment.trials import sized, trials_of
from agentpool_jupyter.pool import Document, open_pool
from tests.programs import at_once


def holds(_document):
    return True


@given(st.data())
def test_tasks_are_put_in_an_order_in_which_they_can_be_done(data):
    """Those that depend on nothing later keep their order."""
    names = [f"t{i}" for i in range(data.draw(st.integers(1, 8)))]
    tasks = []
    for i, name in enumerate(names):
        needs = data.draw(st.lists(st.sampled_from(names[:i]), unique=True)) if i else []
        tasks.append({"name": name, "check": holds, "needs": needs})
    assert [task.name for task in tasks_of(tasks)] == names
    done = set()
    for task in tasks_of(data.draw(st.permutations(tasks))):
        assert done >= set(task.needs)
        done.add(task.name)


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([{"name": "a"}], "task 'a' has no check"),
        ([{"name": "a", "check": " "}], "task 'a' has no check"),
        ([{"check": holds}], "is no task: write ap.Task"),
        (["a"], "'a' is no task"),
        (
            [{"name": "a", "check": holds, "need": "b"}],
            "task 'a' has an unknown 'need'; there are name",
        ),
        ([{"name": "a", "check": holds}] * 2, "two tasks are named 'a'"),
        ([{"name": "a", "check": holds, "needs": "b"}], "task 'a' needs 'b', and there is no such task: a"),
        (
            [{"name": "a", "check": holds, "needs": "b"}, {"name": "b", "check": holds, "needs": "a"}],
            "the needs of a, b go in a circle",
        ),
    ],
)
def test_tasks_that_cannot_be_are_told_in_one_line(tasks, told):
    with pytest.raises(UserError) as caught:
        tasks_of(tasks)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_check_is_a_function_an_async_one_or_a_command_over_the_files(store):
    """What raises, and what ends with another status, says that it is not done, and why."""

    async def later(document):
        return bool(document.files)

    def broken(_document):
        return {}["oven"]

    with open_pool("bakery", store) as pool:
        assert ap.Task(name="a", check=later).problem(pool.document()) == "its check does not hold"
        pool.write_file("oven.py", "print('hot')")
        document = pool.document()
        assert ap.Task(name="a", check=later).problem(document) == ""
        assert ap.Task(name="a", check=broken).problem(document) == "KeyError: 'oven'"
        assert ap.Task(name="a", check="python oven.py").problem(document) == ""
        assert ap.Task(name="a", check="python -c 'raise SystemExit(3)'").problem(document) == "exit status 3"
        assert "cold" in ap.Task(name="a", check="python -c 'exit(\"cold\")'").problem(document)
        assert "there is no program 'no-such'" in ap.Task(name="a", check="no-such").problem(Document())


def test_what_a_check_says_has_no_secret_and_an_end(monkeypatch):
    """It goes into the log, and to the model that is asked again."""
    monkeypatch.setenv("OVEN_TOKEN", "s3cret-of-the-oven")

    def leaky(_document):
        message = f"no answer with {'s3cret-of-the-oven'}"
        raise OSError(message)

    assert ap.Task(name="a", check=leaky).problem(Document()) == "OSError: no answer with ***"
    long = ap.Task(name="a", check='python -c \'print("x" * 9000 + "end"); exit(1)\'').problem(Document())
    assert len(long) == 2001
    assert long.endswith("xend")


TEAM = TeamSpec(
    task="x",
    agents=(
        AgentSpec(name="planner"),
        AgentSpec(name="critic", listens=("planner",)),
        AgentSpec(name="critic-2", listens=(TASK, "critic")),
    ),
)


def listening(n):
    return {agent.name: agent.listens for agent in sized(TEAM, n).agents}


def test_a_team_of_n_is_its_first_agents_or_all_of_them_again():
    """No two of one name, and who listens to one listens to all who are like that one."""
    assert list(listening(1)) == ["planner"]
    assert list(listening(3)) == ["planner", "critic", "critic-2"]
    assert listening(7) == {
        "planner": None,
        "critic": ("planner", "planner-2", "planner-3"),
        "critic-2": (TASK, "critic", "critic-3"),
        "planner-2": None,
        "critic-3": ("planner", "planner-2", "planner-3"),
        "critic-2-2": (TASK, "critic", "critic-3"),
        "planner-3": None,
    }


@given(st.integers(1, 20))
def test_a_team_of_any_size_has_as_many_agents(n):
    assert len(listening(n)) == n


def test_who_loses_all_that_it_listened_to_hears_the_task():
    team = TeamSpec(task="x", agents=(AgentSpec(name="a", listens=("b",)), AgentSpec(name="b")))
    assert sized(team, 1).agents[0].listens == (TASK,)


def test_trials_come_in_an_order_of_chance_that_a_seed_fixes():
    """One agent alone is of size 1, whatever the sizes."""
    trials = trials_of(["alone", "dealt"], [1, 2, 4], 3, seed=1)
    assert len(trials) == len(set(trials)) == 3 + 9
    assert trials == trials_of(["alone", "dealt"], [1, 2, 4], 3, seed=1)
    assert trials != trials_of(["alone", "dealt"], [1, 2, 4], 3, seed=2)
    assert {trial.n for trial in trials if trial.way == "alone"} == {1}


def test_a_task_is_claimed_by_one(url):
    """Of several who try at the same moment, through pools of their own: the log says who was first."""
    pools = [open_pool("bakery", url) for _ in range(3)]
    won = []

    def claim(i):
        if claim_task(pools[i], "main", "r", "loaf", f"w{i}"):
            won.append(i)

    at_once(*(lambda i=i: claim(i) for i in range(3)))
    assert len(won) == 1
    assert not claim_task(pools[0], "main", "r", "loaf", "late")
    assert claim_task(pools[0], "main", "r", "another", "late")
    for pool in pools:
        pool.close()
