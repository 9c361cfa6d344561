"""The magics in a real IPython shell, as in a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import msgspec
import psutil
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError

from agentpool_jupyter import open_pool
from agentpool_jupyter.agents import AgentSpec, TeamSpec
from agentpool_jupyter.agents.models.providers import PROVIDERS
from agentpool_jupyter.agents.runs.report import Report
from agentpool_jupyter.agents.team.schema import team_schema
from agentpool_jupyter.errors import RunFailedError
from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool.events import RunFinished, RunStarted
from tests.openai_server import OpenAIServer, Refuse
from tests.teams import asked, of_type, prompt, said, speaks, until


@pytest.fixture
def server(monkeypatch):
    """The model of every team that names none."""
    with OpenAIServer(rate=500, tokens=10) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("AGENTPOOL_MODEL", "test")
        yield server


@pytest.fixture
def cell(shell, capsys):
    """Run a cell and return what it displayed and printed; an error is raised."""

    def run(text):
        capsys.readouterr()
        result = shell.run_cell(text)
        result.raise_error()
        return capsys.readouterr().out

    return run


@pytest.fixture
def mistake(shell, capsys):
    """Run a cell that is a user's mistake and return the one line that says so."""

    def run(text):
        capsys.readouterr()
        result = shell.run_cell(text)
        shown = capsys.readouterr()
        assert isinstance(result.error_in_exec, UsageError), result.error_in_exec
        assert "Traceback" not in shown.out + shown.err
        (line,) = (shown.out + shown.err).strip().splitlines()
        assert line.startswith("UsageError: ")
        return line.removeprefix("UsageError: ")

    return run


PAIR = """task: Plan a bakery.
turns: 1
agents:
  ann: Drafts.
  ben: {role: Answers., listens: [ann]}
"""


# -- loading ------------------------------------------------------------------------------------------------------

_LOAD = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
shell.run_line_magic("load_ext", "agentpool_jupyter")
heavy = "kafka openai anywidget ipywidgets networkx mrjob pandas numpy rensa xllamacpp".split()
layers = [f"agentpool_jupyter.{name}" for name in "agents history snapshots recall jobs pool services log".split()]
print([name for name in heavy + layers if name in sys.modules])
"""


def test_loading_brings_in_nothing_heavy():
    """Nor any layer below the magics: they come when they are used first. That is what makes loading quick."""
    said = subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("[]\n", "")


def test_loading_twice_changes_nothing(shell):
    before = shell.magics_manager.registry["AgentsMagics"]
    shell.run_line_magic("load_ext", "agentpool_jupyter")
    shell.run_line_magic("reload_ext", "agentpool_jupyter")
    assert shell.magics_manager.registry["AgentsMagics"] is not before
    assert {"agents", "pool"} <= shell.magics_manager.magics["line"].keys()
    from agentpool_jupyter import load_ipython_extension

    held = shell.magics_manager.registry["AgentsMagics"]
    load_ipython_extension(shell)
    assert shell.magics_manager.registry["AgentsMagics"] is held


def test_unloading_leaves_no_thread_child_or_magic(shell, cell, server):
    """Also where a team still runs: it is stopped, and the pool says so."""
    threads, children = set(threading.enumerate()), set(psutil.Process().children(recursive=True))
    server.rate = 20
    cell("%%agents --bg\n" + PAIR)
    with open_pool("default") as pool:
        until(lambda: said(pool, "ann"))
        shell.run_line_magic("unload_ext", "agentpool_jupyter")
        assert [event.reason for event in of_type(pool, RunFinished)] == ["stopped"]
    until(lambda: set(threading.enumerate()) <= threads)
    assert set(psutil.Process().children(recursive=True)) <= children
    assert "agents" not in shell.magics_manager.magics["cell"]
    assert "%agents" not in shell.strdispatchers["complete_command"].strs
    shell.run_line_magic("load_ext", "agentpool_jupyter")


def test_help_shows_an_example_and_every_action(shell, capsys):
    shell.run_cell("%agents?")
    text = capsys.readouterr().out
    for word in ("%%agents bakery", "listens: [planner]", "%agents resume", "--dry-run", "--store", "{{name}}"):
        assert word in text
    for field in (*msgspec.structs.fields(TeamSpec), *msgspec.structs.fields(AgentSpec)):
        assert field.name == "name" or f" {field.name}" in text.partition("All keys")[2]
    for provider in PROVIDERS:
        assert f"``{provider}" in text, provider
    shell.run_cell("%pool?")
    assert "%pool log [NAME]" in capsys.readouterr().out


# -- %%agents -----------------------------------------------------------------------------------------------------


def test_a_cell_runs_a_team_and_shows_every_turn(cell, server):
    """In a terminal that is lines of text, each under its speaker's name, and at last how it went."""
    text = cell("%%agents bakery\n" + PAIR)
    with open_pool("bakery", create=False) as pool:
        turns = pool.document().turns
    assert [turn.name for turn in turns] == ["ann#1", "ben#1"]
    for turn in turns:
        lines = [line.partition("│ ")[2] for line in text.splitlines() if line.strip().startswith(turn.name)]
        assert " ".join(lines).split() == turn.text.split()
    assert text.strip().splitlines()[-1].startswith("— finished (all turns were taken), ")


def test_a_plain_task_is_given_to_the_default_team(cell, server):
    cell("%%agents\nPlan a bakery with {single} braces: 10 % off.")
    assert {agent for agent in ("planner", "critic", "builder") if asked(server, agent)} == {
        "planner",
        "critic",
        "builder",
    }
    assert "Plan a bakery with {single} braces: 10 % off." in prompt(server.requests[0])


def test_variables_of_the_notebook_fill_double_braces(cell, shell, server):
    """Strings, numbers and lists as they print; what looks like YAML in a value stays text."""
    shell.user_ns.update(town="Bern: {old}", count=1, place="# no comment")
    cell("%%agents\ntask: Open a shop in {{ town }}, {x}.\nturns: {{count}}\nagents: {ann: 'Likes {{place}}'}")
    assert "Open a shop in Bern: {old}, {x}." in prompt(server.requests[0])
    assert "Likes # no comment" in prompt(server.requests[0])
    assert len(server.requests) == 1


def test_functions_of_the_notebook_are_agents(cell, server):
    cell("def count(document):\n    return f'{len(document.turns)} so far'")
    cell(
        "%%agents\ntask: t\nturns: 1\nagents:\n  ann: {role: Talks., listens: []}\n  c: {python: count, listens: [ann]}"
    )
    with open_pool("default") as pool:
        assert pool.document().turn("c#1").text.endswith("so far")


def test_a_dry_run_prints_the_exact_prompts_and_calls_nothing(cell, server, store):
    """What it foretells is what the server receives then; no pool is made."""
    text = cell("%%agents --dry-run\n" + PAIR)
    assert not server.requests
    assert not store.exists() or not list(store.iterdir())
    assert "dry run: nothing was called" in text
    assert "ben: test at 127.0.0.1" in text
    assert "once someone it listens to has spoken" in text
    cell("%%agents\n" + PAIR)
    for message in asked(server, "ann")[0].messages:
        assert message["content"] in text


def test_a_dry_run_warns_of_a_budget_that_does_not_suffice(cell, server):
    text = cell("%%agents --dry-run\nbudget: {tokens: 400}\n" + PAIR.replace(", listens: [ann]", ""))
    assert "of a budget of 400 — more than the budget" in text
    assert not server.requests


def test_out_binds_the_run(cell, shell, server):
    cell("%%agents -o work\n" + PAIR)
    run = shell.user_ns["work"]
    assert run.status == "finished"
    assert isinstance(run.report(), Report)


def test_a_team_in_the_background_can_be_watched_and_stopped(cell, shell, server):
    server.rate = 20
    cell("%%agents shop --bg -o work\n" + PAIR)
    run = shell.user_ns["work"]
    assert run.status == "running"
    status = cell("%agents status")
    assert run.id in status
    assert "running" in status
    assert "running" in cell("%agents list shop")
    assert f"to stop ben in run {run.id}" in cell("%agents stop --agent ben")
    assert list(run.pool.runs[run.id].agents_stopped) == ["ben"]
    assert "stopped" in cell("%agents stop")
    assert run.status == "stopped"
    assert "ann" in cell(f"%agents status {run.id}")
    assert "nothing runs" in cell("%agents stop")


def test_a_second_team_never_starts_silently(cell, shell, mistake, server):
    """Running the cell again is refused; ``--replace`` stops the first; another pool is free."""
    server.rate = 20
    cell("%%agents --bg -o one\n" + PAIR)
    line = mistake("%%agents\n" + PAIR)
    assert "a team still runs in pool 'default'" in line
    assert "--replace" in line
    cell("%%agents other --bg -o elsewhere\n" + PAIR)
    cell("%%agents default --bg --replace -o two\n" + PAIR)
    one, two, elsewhere = (shell.user_ns[name] for name in ("one", "two", "elsewhere"))
    assert (one.status, two.status, elsewhere.status) == ("stopped", "running", "running")


def test_a_team_of_another_process_is_left_alone(cell, mistake, server):
    """Neither ``--fresh`` nor ``--replace`` of this kernel touches it or its pool's head; only ``stop`` does."""
    from tests.teams import team

    server.rate, server.tokens = 20, 1000
    with open_pool("default") as pool:
        pool.post("Hello.")
        run = team({"ann": "Talks."}, server, max_tokens=900).start(pool)
        until(lambda: said(pool, "ann"))
        for option in ("", "--fresh", "--replace", "--fresh --replace"):
            assert "a team already runs in pool 'default'" in mistake(f"%%agents {option}\n" + PAIR)
        assert pool.branch == "main"
        assert run.status == "running"
        assert f"stopped run {run.id} in pool 'default'" in cell("%agents stop default")  # as the message says
        assert run.wait(30)
        assert (run.status, run.detail.endswith("asked for it")) == ("stopped", True)
        assert len(of_type(pool, RunStarted)) == 1


def test_fresh_starts_from_nothing_and_deletes_nothing(cell, server):
    cell("%%agents\n" + PAIR)
    cell("%%agents --fresh\n" + PAIR)
    with open_pool("default") as pool:
        assert pool.branch != "main"
        assert [turn.name for turn in pool.document().turns] == ["ann#1", "ben#1"]
        assert [turn.name for turn in pool.document("main").turns] == ["ann#1", "ben#1"]
    assert "ann#1" not in prompt(asked(server, "ann")[1])


def test_a_failed_run_raises_so_that_run_all_stops(shell, capsys, server):
    """One line, no traceback: what failed is in the pool."""
    server.fault(Refuse(401, message="who are you"))
    result = shell.run_cell("%%agents\n" + PAIR)
    shown = capsys.readouterr()
    assert isinstance(result.error_in_exec, RunFailedError)
    assert "Traceback" not in shown.out + shown.err
    assert "who are you" in shown.out + shown.err


def test_one_failed_agent_does_not_fail_the_cell(cell, server):
    server.fault(Refuse(401, message="who are you"), contains=speaks("ann"))
    text = cell("%%agents\n" + PAIR.replace(", listens: [ann]", ""))
    assert "who are you" in text
    assert "— finished" in text


def test_resume_goes_on_with_a_stopped_team(cell, server):
    server.rate = 20
    cell("%%agents --bg\n" + PAIR)
    with open_pool("default") as pool:
        until(lambda: said(pool, "ann"))
        cell("%agents stop")
        server.rate = 500
        cell("%agents resume")
        assert [(turn.name, turn.status) for turn in pool.document().turns] == [
            ("ann#1", "cancelled"),
            ("ann#2", "finished"),
            ("ben#1", "finished"),
        ]


def test_resume_gives_a_run_more(cell, mistake, server):
    """More turns, and a larger budget; what is no budget is said in one line."""
    cell("%%agents\n" + PAIR)
    text = cell("%agents resume --turns 3 --budget tokens=50000,seconds=60")
    assert "ann#2" in text
    with open_pool("default") as pool:
        spec = pool.runs.latest().spec
    assert (spec["turns"], spec["budget"]) == (3, {"tokens": 50000, "seconds": 60.0})
    assert "write it as tokens=20000 or seconds=60" in mistake("%agents resume --budget lots")


def test_attach_shows_a_run_that_has_ended(cell, server):
    cell("%%agents\n" + PAIR)
    text = cell("%agents attach")
    assert "ann#1" in text
    assert "— finished (all turns were taken)" in text


# -- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("%%agents\n  ", "the task is empty"),
        ("%%agents\ntask: t\nagent: {}", "line 3: unknown key 'agent'"),
        ("%%agents\ntask: t\nturns: many", "line 3: `turns` must be a whole number"),
        ("%%agents\ntask: t\nagents: {a: {listens: [b]}}", "line 3: a listens to 'b'"),
        ("%%agents\ntask: {{nowhere}}", "line 2: {{nowhere}} is no variable of this notebook"),
        ("%%agents\ntask: t\nagents: {a: {python: nowhere}}", "there is no function 'nowhere'"),
        ("%%agents one two\nt", "%%agents takes one pool"),
        ("%%agents ../etc\nt", "cannot name a pool"),
        ("%%agents --store ftp://x\nt", "unknown kind of store 'ftp'"),
        ("%%agents --qqq\nt", "unrecognized arguments: --qqq; there are: "),
        ("%%agents --sotre x\nt", "unrecognized arguments: --sotre; did you mean '--store'?"),
        ("%agents stauts", "%agents stauts: unknown action, and %%agents begins a cell; did you mean 'status'?"),
        ("%pool lst", "no pool 'lst' in "),
        ("%pool lst", "; did you mean 'list'?"),
        ("%%agents -o 1x\nt", "'1x' cannot name a variable"),
        ('%%agents "bakery\nt', "No closing quotation"),
        ("%agents dance", "%agents dance: unknown action"),
        ("%agents stop nobody", "this kernel has no run nobody"),
        ("%agents status nobody", "this kernel has no run nobody"),
        ("%agents attach", "no pool 'default'"),
        ("%agents resume nowhere", "no pool 'nowhere'"),
        ("%agents attach a b", "%agents attach takes one name"),
        ("%pool", "no pool 'default'"),
        ("%pool nowhere", "no pool 'nowhere'"),
        ("%pool use", "%pool use needs a name"),
        ("%pool a b c", "%pool takes one action and one name"),
        ("%pool delete", "`%pool delete NAME --yes`"),
        ("%pool log -n few", "invalid int value"),
        ("%pool 'x", "No closing quotation"),
    ],
)
def test_a_mistake_is_one_line(mistake, server, text, says):
    assert says in mistake(text)
    assert not server.requests


def test_positions_that_are_not_there_are_told(cell, mistake, server):
    cell("%%agents\n" + PAIR)
    for position in ("999", "nobody#7", "ann#9", "gibberish"):
        assert mistake(f"%pool default --at {position}")
    assert "no run" in mistake("%agents status run-nothing")


def test_a_key_that_is_missing_is_told(mistake, monkeypatch):
    monkeypatch.setenv("AGENTPOOL_MODEL", "gpt-4.1-mini")
    assert "OPENAI_API_KEY" in mistake("%%agents\nPlan a bakery.")


# -- %pool --------------------------------------------------------------------------------------------------------


def test_pools_are_made_used_listed_shown_and_deleted(cell, mistake, server, store):
    assert "no pools" in cell("%pool list")
    assert "bakery" in cell("%pool new bakery")
    assert "pool 'bakery' exists" in mistake("%pool new bakery")
    assert "nothing has been said yet" in cell("%pool")
    cell("%%agents\n" + PAIR)
    assert "### ann#1" in cell("%pool")
    assert "### ben#1" not in cell("%pool --at ann#1")
    cell("%pool use other")
    assert [line.split() for line in cell("%pool list").strip().splitlines()[2:]] == [["bakery"], ["→", "other"]]
    assert "### ann#1" in cell("%pool bakery")
    events = cell("%pool events bakery -n 3")
    assert "run_finished" in events
    assert "run_started" not in events
    assert "team ended (turns)" in cell("%pool log bakery -n 3")
    assert "--yes" in mistake("%pool delete bakery")
    assert "deleted pool 'bakery'" in cell("%pool delete bakery --yes")
    assert sorted(path.name for path in store.glob("*.sqlite")) == ["other.sqlite"]
    assert "no pool 'bakery'" in mistake("%pool bakery")
    assert "deleted pool 'other'; the current pool is 'default' now" in cell("%pool delete other --yes")
    assert "no pool 'default'" in mistake("%pool")


def test_a_comment_may_follow_what_is_typed(cell, mistake, server):
    """As in Python; a # within a word or within quotes is none."""
    cell("%%agents shop --text  # it's mine\n" + PAIR)
    assert "### ann#1" in cell("%pool 'shop' --at ann#1  # not \"all")
    assert "'#x' cannot name" in mistake("%pool tag '#x'")


def test_what_a_comment_cuts_off_is_told_in_the_cell(cell, server):
    """Each time, and the team runs."""
    for _ in range(2):
        text = cell("%%agents --fresh\n" + PAIR.replace("bakery.", "bakery #12 first"))
        assert "note: line 2: `task` ends before '#12 first'" in text
        assert "— finished" in text


def test_a_pool_with_a_running_team_is_not_deleted(cell, mistake, server):
    server.rate = 20
    cell("%%agents --bg\n" + PAIR)
    assert "a team runs in pool 'default'" in mistake("%pool delete default --yes")
    cell("%agents stop")
    cell("%pool delete default --yes")


def test_a_store_of_ones_own(cell, tmp_path, server):
    """It is remembered with the pool that was used last."""
    cell(f"%%agents shop --store {tmp_path / 'mine'}\n" + PAIR)
    assert (tmp_path / "mine" / "shop.sqlite").exists()
    assert "shop" in cell("%pool list")
    assert "### ann#1" in cell("%pool")


# -- completion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "offers", "hides"),
    [
        ("%agents ", {"status", "stop", "attach", "resume", "list", "bakery"}, {"delete"}),
        ("%agents at", {"attach"}, {"status"}),
        ("%agents attach ", {"bakery"}, {"attach"}),
        ("%%agents ba", {"bakery"}, {"status"}),
        ("%%agents --", {"--bg", "--dry-run", "--store", "--fresh"}, {"--at"}),
        ("%pool ", {"list", "use", "log", "new", "delete", "bakery"}, {"resume"}),
        ("%pool use b", {"bakery"}, {"use"}),
        ("%pool --", {"--at", "--store", "--yes"}, {"--bg"}),
    ],
)
def test_actions_options_and_pools_are_completed(shell, line, offers, hides):
    with open_pool("bakery"):
        pass
    with provisionalcompleter():
        found = {completion.text for completion in shell.Completer.completions(line, len(line))}
    assert offers <= found
    assert not hides & found


def test_a_pool_that_another_process_has_deleted_is_told_and_can_be_made_again(shell, store):
    """What is written next is not lost in a file that nobody can read any more."""
    shell.run_line_magic("pool", "use bakery")
    open_store(store).delete("bakery")
    with pytest.raises(UsageError, match=r"no pool 'bakery'.*`%pool use bakery` makes it"):
        shell.run_line_magic("pool", "tag here")
    shell.run_line_magic("pool", "use bakery")
    shell.run_line_magic("pool", "tag here")
    assert open_store(store).names() == ["bakery"]


def test_the_schema_of_a_cell_is_printed(cell):
    assert json.loads(cell("%agents schema")) == team_schema()
