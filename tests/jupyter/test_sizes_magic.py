"""``%%agents --sizes`` in a real IPython shell."""

import pytest
from IPython.core.error import UsageError

import agentpool_jupyter as ap
from agentpool_jupyter.pool.events import RunStarted
from tests.teams import of_type

from .conftest import completed

TEAM = "task: Bake.\nagents: {baker: {python: work}}"
DEFINED = """
import agentpool_jupyter as ap

def work(document, job):
    return f"{job.task.name} is ready"

work_list = [ap.Task(name=name, check=lambda d: "is ready" in d.text) for name in ("flour", "dough")]
"""


@pytest.fixture
def agents(shell):
    shell.run_cell(DEFINED)

    def run(line, cell=TEAM):
        return shell.run_cell_magic("agents", line, cell)

    return run


def test_a_team_at_several_sizes_is_a_table(agents, shell, pool, capsys):
    """And again without running anything, as the pool has its rows; ``--out`` binds it."""
    line = "bakery --sizes 1,2 --repeat 2 --tasks work_list --ways dealt,chosen -o found  # the same work"
    found = agents(line)
    assert isinstance(found, ap.Experiment)
    assert shell.user_ns["found"] is found
    assert [(row["way"], row["n"], row["success"]) for row in found.rows][::2] == [
        ("dealt", 1, True),
        ("dealt", 2, True),
        ("chosen", 1, True),
        ("chosen", 2, True),
    ]
    assert "experiment in bakery: dealt, n = " in capsys.readouterr().out
    assert agents(line).rows == found.rows
    assert len(of_type(pool, RunStarted)) == 8


def test_a_team_without_tasks_is_run_as_it_is(agents, shell, pool):
    shell.user_ns["talk"] = lambda _document: "Done."
    found = agents("bakery --sizes 1,2 --repeat 1", "task: Talk.\nagents: {ann: {python: talk}}")
    assert [(row["way"], row["n"], row["success"]) for row in found.rows] == [("pool", 1, True), ("pool", 2, True)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--sizes one", "--sizes one: write numbers with commas between them"),
        ("--sizes 0", "a team has 1, 2, 3"),
        ("--sizes 1 --repeat 0", "repeats = 0"),
        ("--sizes 1 --tasks nothing", "--tasks nothing: there is no variable of that name"),
        ("--sizes 1 --tasks work_list --ways chose", "there is no way 'chose'"),
        ("--repeat 3", "--repeat is for a team at several sizes: add --sizes 1,2,4,8"),
        ("--tasks work_list", "--tasks is for a team at several sizes"),
        ("--sizes 1 --bg", "--bg does not go with --sizes"),
        ("--sizes 1 --fresh", "--fresh does not go with --sizes"),
    ],
)
def test_a_mistake_is_one_line(agents, pool, line, message):
    with pytest.raises(UsageError) as error:
        agents(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert pool.end == 0


def test_its_options_are_offered(shell):
    assert {"--sizes", "--repeat", "--tasks"} <= completed(shell, "%%agents --")
