"""``until``: a run ends when a function of its document holds."""

import pytest

from agentpool_jupyter import resume
from agentpool_jupyter.effects.programs import run_program
from agentpool_jupyter.errors import SpecError
from agentpool_jupyter.pool.events import RunFinished, TurnFinished
from tests.teams import of_type, play, team


def baker(pool):
    """A Python agent that writes one more line each time."""

    def bake(_document):
        files = pool.files_of(pool.branch)
        text = files["bread.md"].text if "bread.md" in files else ""
        pool.write_file("bread.md", f"{text}line\n", agent="baker")
        return "One more line."

    return bake


BAKERS = {"baker": {"python": "bake", "turns": 9, "listens": ["helper"]}, "helper": {"python": "help", "turns": 9}}


def play_until(pool, goal, **fields):
    functions = {"bake": baker(pool), "help": lambda _: "Go on.", "enough": goal}
    return play(pool, BAKERS, functions=functions, until="enough", **fields)


def test_a_run_ends_when_its_goal_holds_of_the_files(pool):
    run = play_until(pool, lambda document: document.files["bread.md"].text.count("line") >= 3)
    assert (run.status, run.reason, run.detail) == ("finished", "reached", "enough holds")
    assert pool.document().files["bread.md"].number >= 3
    assert of_type(pool, RunFinished)[-1].reason == "reached"
    assert len(of_type(pool, TurnFinished)) < 18


def test_tests_that_pass_end_a_run(pool):
    """What a notebook would say: a program is run on the document's files after each turn."""

    async def tests_pass(document):
        return (await run_program(document.files, "python", ["test_bake.py"])).status == 0

    drafts = iter(["def bake(n):\n    return n\n", "def bake(n):\n    return 2 * n\n", "never"])

    def write(_document):
        pool.write_file("bake.py", next(drafts), agent="baker")
        return "Another draft."

    pool.write_file("test_bake.py", "from bake import bake\nassert bake(2) == 4\n")
    functions = {"write": write, "tests_pass": tests_pass, "help": lambda _: "Go on."}
    agents = {"baker": {"python": "write", "turns": 3}, "helper": {"python": "help", "turns": 9, "listens": ["baker"]}}
    run = play(pool, agents, functions=functions, until="tests_pass")
    assert run.reason == "reached"
    assert pool.document().files["bake.py"].number == 2


def test_it_may_be_async_and_is_asked_after_each_finished_turn(pool):
    asked = []

    async def goal(document):
        asked.append(len(document.turns))
        return False

    run = play_until(pool, goal)
    assert run.reason in ("turns", "quiescent")
    assert len(asked) == len(of_type(pool, TurnFinished))
    assert asked[0] >= 1


def test_one_that_raises_does_not_hold_and_is_told(pool):
    def goal(document):
        assert "cake.md" in document.files, "no cake"

    run = play_until(pool, goal)
    assert run.reason in ("turns", "quiescent")
    assert "until: enough raised AssertionError: no cake" in run.detail


def test_a_run_that_goes_on_elsewhere_looks_first(pool):
    """Its process may have ended between the turn and the question."""
    run = play_until(pool, lambda _: False)
    before = len(of_type(pool, TurnFinished))
    functions = {"bake": baker(pool), "help": lambda _: "Go on.", "enough": lambda _: True}
    again = resume(pool, run.id, functions=functions, turns=50)
    assert again.wait(30)
    assert again.reason == "reached"
    assert len(of_type(pool, TurnFinished)) == before


def test_a_goal_that_is_no_function_is_told_before_the_team_starts(pool):
    with pytest.raises(SpecError, match="no function 'enough' for `until`"):
        team({"baker": {"python": "bake"}}, functions={"bake": print}, until="enough").start(pool)
    with pytest.raises(SpecError, match="`until` names a function"):
        team({"baker": {"python": "bake"}}, until="no name")
