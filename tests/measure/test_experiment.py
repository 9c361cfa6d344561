"""Experiments: the same work at several sizes and ways, one row a run, and success as the checks have it."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.errors import RunActiveError, SpecError, UserError
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.events import Claim, RunStarted, TrialFinished, TurnStarted
from tests.openai_server import Drip, OpenAIServer
from tests.programs import running
from tests.teams import asked, of_type, team, until

NAMES = ("flour", "dough", "bread", "cake")


def said(name):
    return lambda document: any(f"{name} is ready" in turn.text for turn in document.turns)


def tasks(**needs):
    return [ap.Task(name=name, text=f"Make {name}.", check=said(name), needs=needs.get(name, ())) for name in NAMES]


def bakers(work, name="baker"):
    return ap.Team.from_yaml(f"task: Bake.\nagents: {{{name}: {{python: work}}}}", functions={"work": work})


def bake(_document, job):
    return f"{job.task.name} is ready"


@pytest.mark.parametrize("way", ["alone", "dealt", "chosen", "pool"])
def test_every_way_does_all_tasks(pool, way):
    """And each of them once, where somebody says whose it is."""
    done = Counter()

    def work(document, job):
        done[job.task.name] += 1
        return bake(document, job)

    found = ap.experiment(bakers(work), pool, ways=way, sizes=[3], repeats=1, tasks=tasks())
    (row,) = found.rows
    assert (row["success"], row["passed"], row["tasks"], row["reason"]) == (True, 4, 4, "reached")
    assert (row["way"], row["n"]) == (way, 1 if way == "alone" else 3)
    assert set(done) == set(NAMES)
    if way != "pool":
        assert set(done.values()) == {1}
        assert row["finished"] == 4
    assert len({event.agent for event in of_type(pool, Claim) if event.agent}) == (4 if way == "chosen" else 0)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_depends_on_what_all_is_settled_and_nothing_done_twice_at_once(pool, data):
    """Of any tasks, by any number of workers, some of whose attempts fail: none waits for ever for another's."""
    names = [f"t{i}" for i in range(data.draw(st.integers(1, 6)))]
    needs = {name: data.draw(st.sets(st.sampled_from(names[:i]))) if i else set() for i, name in enumerate(names)}
    failing = data.draw(st.dictionaries(st.sampled_from(names), st.integers(1, 2)))
    at_work, order = Counter(), []

    def work(document, job):
        at_work[job.task.name] += 1
        assert at_work[job.task.name] == 1
        order.append(job.task.name)
        at_work[job.task.name] -= 1
        return "Hm." if job.attempt <= failing.get(job.task.name, 0) else bake(document, job)

    given = [ap.Task(name=name, check=said(name), needs=tuple(needs[name])) for name in names]
    way, size = data.draw(st.sampled_from(["dealt", "chosen"])), data.draw(st.integers(1, 4))
    pool.rollback(Position("main", -1))  # what one example has found is nothing to the next
    (row,) = ap.experiment(bakers(work), pool, ways=way, sizes=[size], repeats=1, tasks=given).rows
    lost = {name for name, times in failing.items() if times > 1}
    for name in names:
        lost |= {name} if needs[name] & lost else set()
    assert row["reason"] == "reached"
    assert row["passed"] == len(names) - len(lost)
    assert row["success"] == (not lost)
    assert all(order.index(need) < order.index(name) for name in set(order) for need in needs[name])


@pytest.mark.parametrize("way", ["dealt", "chosen", "pool"])
def test_what_a_task_needs_is_done_before_it(pool, way):
    """Also where it is another worker's, which its own waits for; what that one said is told."""
    order, told = [], []

    def work(document, job):
        order.append(job.task.name)
        told.append(document.text)
        return bake(document, job)

    needs = {"dough": ("flour",), "bread": ("dough",), "cake": ("flour",)}
    found = ap.experiment(bakers(work), pool, ways=way, sizes=[3], repeats=1, tasks=tasks(**needs))
    assert found.rows[0]["success"]
    first = list(dict.fromkeys(order))
    assert all(first.index(need) < first.index(name) for name, ones in needs.items() for need in ones)
    if way != "pool":
        assert any("flour gave: flour is ready" in text for text in told)


def test_workers_are_at_work_at_once(pool):
    """Four that wait for one another have all begun."""
    meeting = threading.Barrier(4)

    def work(document, job):
        meeting.wait(20)
        return bake(document, job)

    found = ap.experiment(bakers(work), pool, ways="chosen", sizes=[4], repeats=1, tasks=tasks())
    assert found.rows[0]["success"]


def test_success_is_what_the_checks_say(pool):
    """A worker that only claims has not done it; it is asked again, and then what needs that is given up as well."""
    asked = Counter()

    def work(document, job):
        asked[job.task.name, job.attempt] += 1
        return "It is all done." if job.task.name == "dough" else bake(document, job)

    given = tasks(bread=("dough",))
    found = ap.experiment(bakers(work), pool, ways=["dealt"], sizes=[2], repeats=1, tasks=given, attempts=2)
    (row,) = found.rows
    assert (row["success"], row["passed"], row["reason"]) == (False, 2, "reached")
    assert asked == {("flour", 1): 1, ("dough", 1): 1, ("dough", 2): 1, ("cake", 1): 1}
    assert "dealt, n = 2, repeat 1: 2 of 4 tasks done" in repr(found)
    with pytest.raises(UserError, match="none of the 1 runs did all its tasks"):
        found.scaling()


def test_a_worker_that_raises_is_asked_again(pool):
    def work(document, job):
        if job.attempt == 1:
            message = "the oven is cold"
            raise OSError(message)
        return bake(document, job)

    found = ap.experiment(bakers(work), pool, ways="chosen", sizes=[1], repeats=1, tasks=tasks())
    assert found.rows[0]["success"]
    turns = pool.document(found.rows[0]["branch"]).turns
    assert any("flour raised OSError: the oven is cold" in turn.text for turn in turns)


def test_tasks_over_files_are_checked_by_tests(pool):
    """By workers with a mind, who write into the pool; the test is the pool's own file."""

    class Writer:
        def __init__(self):
            self.wrote = False

        def decide(self, _state):
            if self.wrote:
                return "Written."
            self.wrote = True
            return ap.act("write_file", path="oven.py", text="HEAT = 220\n")

    pool.write_file("check.py", "from oven import HEAT\nassert HEAT == 220\n")
    spec = "task: Bake.\nfiles: true\nagents: {writer: {python: Writer}}"
    writers = ap.Team.from_yaml(spec, functions={"Writer": Writer})
    work = [{"name": "oven", "check": "python check.py"}]
    (row,) = ap.experiment(writers, pool, ways="dealt", sizes=[1], repeats=1, tasks=work).rows
    assert (row["success"], row["passed"]) == (True, 1)
    assert "oven.py" not in pool.document().files
    assert "oven.py" in pool.document(row["branch"]).files


def test_what_is_finished_is_not_run_again(url):
    """Rows are in the log: asked for again, also by who opens the pool later, and with more repeats or sizes."""
    calls = Counter()

    def work(document, job):
        calls[job.size] += 1
        return bake(document, job)

    with ap.open_pool("bakery", url) as pool:
        first = ap.experiment(bakers(work), pool, ways="dealt", sizes=[1, 2], repeats=1, tasks=tasks())
        assert calls == {1: 4, 2: 4}
    with ap.open_pool("bakery", url) as pool:
        again = ap.experiment(bakers(work), pool, ways="dealt", sizes=[1, 2], repeats=1, tasks=tasks())
        assert again.rows == first.rows
        assert calls == {1: 4, 2: 4}
        more = ap.experiment(bakers(work), pool, ways="dealt", sizes=[1, 2, 3], repeats=2, tasks=tasks())
        assert [row for row in more.rows if row["repeat"] == 1][:2] == first.rows
        assert calls == {1: 8, 2: 8, 3: 8}
        pool.rollback(Position("main", -1))  # on a line of their own they are
        ap.experiment(bakers(work), pool, ways="dealt", sizes=[3], repeats=1, tasks=tasks())
        assert calls[3] == 12
        other = [*tasks(), {"name": "tart", "check": lambda _: True}]
        ap.experiment(bakers(work), pool, ways="dealt", sizes=[1], repeats=1, tasks=other)
        assert calls[1] == 13


_CHILD = """
import sys, time
import agentpool_jupyter as ap

def work(document, job):
    if job.size == 2:
        sys.stdout.write("in the middle\\n")
        sys.stdout.flush()
        time.sleep(60)
    return f"{job.task.name} is ready"

team = ap.Team.from_yaml("task: Bake.\\nagents: {baker: {python: work}}", functions={"work": work})
tasks = [ap.Task(name=name, text=f"Make {name}.", check=lambda d: True) for name in ("flour", "dough")]
with ap.open_pool("bakery") as pool:
    for sizes in ([1], [1, 2]):
        ap.experiment(team, pool, ways="dealt", sizes=sizes, repeats=2, tasks=tasks)
"""


def test_an_experiment_goes_on_after_its_process_died(pool):
    """The run that was under way is made anew on another branch; those that were finished stand."""
    with running(_CHILD) as child:
        assert child.stdout.readline().startswith("in the middle")
    calls = Counter()

    def work(document, job):
        calls[job.size] += 1
        return bake(document, job)

    work_ = [ap.Task(name=name, text=f"Make {name}.", check=lambda _: True) for name in ("flour", "dough")]
    found = ap.experiment(bakers(work), pool, ways="dealt", sizes=[1, 2], repeats=2, tasks=work_)
    assert calls == {2: 4}
    assert [row["success"] for row in found.rows] == [True] * 4
    assert len(of_type(pool, RunStarted)) == 5
    assert pool.branch == "main"


def test_runs_leave_the_head_and_its_document_alone(pool):
    """Each has a branch of its own that leaves the head's where it is; all say where to find them."""
    pool.post("The oven is hot.")
    before = pool.document().text
    found = ap.experiment(bakers(bake), pool, sizes=[1, 2], repeats=2, tasks=tasks())
    assert (pool.branch, pool.document().text) == ("main", before)
    assert len({row["branch"] for row in found.rows}) == len(found.rows) == 2 + 3 * 4
    assert all(pool.document(row["branch"]).turns[0].text == "The oven is hot." for row in found.rows)
    assert {event.run for event in of_type(pool, TrialFinished)} == {row["run"] for row in found.rows}


def test_rows_hold_the_measures_of_the_workers(pool):
    """And not of the boards that tell them what to do."""
    found = ap.experiment(bakers(bake), pool, ways="dealt", sizes=[2], repeats=1, tasks=tasks())
    (row,) = found.to_pandas().to_dict("records")
    whole = ap.report(pool, row["run"]).measures
    assert row["seconds"] == whole.wall
    assert row["work"] <= whole.work
    assert row["finished"] == 4
    assert whole.finished > 4


def test_rows_make_a_scaling(pool):
    """Of every way that was run at one and more."""
    found = ap.experiment(bakers(bake), pool, ways=["alone", "dealt"], sizes=[1, 2, 3], repeats=2, tasks=tasks())
    scaled = found.scaling(resamples=10)
    assert [fit.group for fit in scaled.fits] == [("dealt",)]
    assert scaled.notes[0].startswith("alone: all runs are of n = 1")
    assert ap.scaling(found, by="way", resamples=10).rows == scaled.rows
    assert "succeeded" in repr(found)
    assert "<table>" in found._repr_html_()


def test_a_team_of_models_works_through_tasks_within_equal_tokens(pool):
    """Each worker is told its own tasks alone; the tokens are those of the team, whatever its size."""
    with OpenAIServer(tokens=8) as server:
        writers = team({"ann": "Bakes."}, server)
        work = [{"name": name, "text": f"Make {name}.", "check": lambda d: len(d.turns) > 3} for name in NAMES[:2]]
        found = ap.experiment(writers, pool, ways=["dealt", "pool"], sizes=[2], repeats=1, tasks=work, tokens=9000)
        prompts = [request.messages[1]["content"] for request in asked(server, "ann")]
    assert [row["success"] for row in found.rows] == [True, True]
    assert all(0 < row["tokens"] <= 9000 for row in found.rows)
    assert any("Task flour: Make flour." in prompt and "dough" not in prompt for prompt in prompts)
    assert any("Left to do" in prompt and "dough" in prompt for prompt in prompts)
    assert all(event.spec["budget"]["tokens"] == 9000 for event in of_type(pool, RunStarted))


def test_a_budget_that_runs_out_is_no_success(pool):
    with OpenAIServer(tokens=8) as server:
        work = [{"name": "bread", "text": "Make it.", "check": lambda d: "no such word" in d.text}]
        how = {"ways": "dealt", "sizes": [1], "repeats": 1, "tasks": work, "tokens": 150, "attempts": 9}
        (row,) = ap.experiment(team({"ann": "Bakes."}, server), pool, **how).rows
    assert (row["success"], row["passed"], row["reason"]) == (False, 0, "budget")


def test_a_team_without_tasks_works_on_its_own(pool, server):
    """As it is, at every size; it has succeeded where it ended well."""
    found = ap.experiment(team({"ann": "Talks.", "ben": "Talks."}, server), pool, sizes=[1, 3], repeats=1)
    assert [(row["way"], row["n"], row["success"], row["tasks"]) for row in found.rows] == [
        ("pool", 1, True, 0),
        ("pool", 3, True, 0),
    ]
    names = [{event.agent for event in of_type(pool, TurnStarted) if event.run == row["run"]} for row in found.rows]
    assert names == [{"ann"}, {"ann", "ben", "ann-2"}]


def test_in_a_shared_pool_all_hear_what_is_left(pool):
    """Also who listens to somebody only, or to nobody."""
    spec = "task: Bake.\nagents: {ann: {python: work, listens: []}, ben: {python: work, listens: [ann]}}"
    pair = ap.Team.from_yaml(spec, functions={"work": bake})
    (row,) = ap.experiment(pair, pool, ways="pool", sizes=[2], repeats=1, tasks=tasks()).rows
    assert row["success"]
    assert of_type(pool, RunStarted)[0].spec["agents"][0]["listens"] == ["task", "list"]


def test_nothing_is_run_beside_another_team(pool, server):
    """And no branch is made for it."""
    server.fault(Drip(5))
    other = team({"ann": "Talks."}, server).start(pool)
    with pytest.raises(RunActiveError):
        ap.experiment(bakers(bake), pool, sizes=[1], tasks=tasks())
    other.stop()
    assert pool.branches == ["main"]


def test_progress_is_told(pool):
    told = []
    ap.experiment(
        bakers(bake), pool, ways="dealt", sizes=[1, 2], repeats=1, tasks=tasks(), progress=lambda *how: told.append(how)
    )
    assert [share for share, _ in told] == [0, 0.5, 1]
    assert {note for _, note in told} == {"dealt, n = 1, repeat 1", "dealt, n = 2, repeat 1", "done"}


def test_who_interrupts_it_stops_the_run_and_keeps_the_rows(pool):
    begun = threading.Event()

    def tell(share, _note):
        if share:
            begun.wait(20)
            raise KeyboardInterrupt

    def work(document, job):
        begun.set()
        return bake(document, job)

    with pytest.raises(KeyboardInterrupt):
        ap.experiment(bakers(work), pool, ways="dealt", sizes=[1, 2], repeats=1, tasks=tasks(), progress=tell)
    until(lambda: not pool.runs.alive())
    assert len(of_type(pool, TrialFinished)) == 1


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"sizes": []}, "a team has 1, 2, 3"),
        ({"sizes": [0]}, "a team has 1, 2, 3"),
        ({"sizes": [1.5]}, "a team has 1, 2, 3"),
        ({"repeats": 0}, "repeats = 0 and attempts = 2: both are 1 or more"),
        ({"ways": ["chose"]}, "there is no way 'chose' of coordination: choose from alone, dealt, chosen, pool"),
        ({"ways": ["dealt"], "tasks": []}, "'dealt' needs a list of tasks"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(pool, how, told):
    with pytest.raises(UserError, match=told):
        ap.experiment(bakers(bake), pool, **({"tasks": tasks()} | how))
    assert pool.end == 0


def test_a_function_that_is_missing_is_told_before_anything_runs(pool):
    lacking = ap.Team.from_yaml("task: Bake.\nagents: {baker: {python: work}}")
    with pytest.raises(SpecError, match="there is no function 'work'"):
        ap.experiment(lacking, pool, sizes=[1], tasks=tasks())
    assert pool.end == 0
