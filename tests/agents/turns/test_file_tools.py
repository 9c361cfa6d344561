"""A team whose agents share files and run programs: calls of a model, over the whole way and on both stores."""

import json

import psutil
import pytest

from agentpool_jupyter import act, open_pool, resume
from agentpool_jupyter.errors import SpecError, UserError
from agentpool_jupyter.pool.events import EffectDone, File
from tests.openai_server import Asks
from tests.programs import output
from tests.teams import of_type, play, team, until


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def url(request, store):
    """The address of an empty store of each kind."""
    return str(store) if request.param == "sqlite" else request.getfixturevalue("kafka_url")


def told(server):
    """What the tools answered, as the last request has it."""
    return [json.loads(one["content"]) for one in server.requests[-1].messages if one["role"] == "tool"]


def ask(server, *calls, answered=0):
    server.fault(Asks(calls, answered=answered), times=1)


def test_an_agent_writes_reads_and_runs(url, server):
    ask(server, ("write_file", {"path": "hello.py", "text": "print('hello')"}))
    ask(server, ("run_program", {"program": "python", "arguments": ["hello.py"]}), ("list_files", {}), answered=1)
    with open_pool("bakery", url) as pool:
        run = play(pool, {"ann": "Writes."}, server, files=True, run=["python"])
        assert (run.status, run.reason) == ("finished", "turns")
        written, ran, listed = told(server)
        assert written == {"path": "hello.py", "version": 1, "bytes": 14}
        assert ran == {"status": 0, "output": "hello\n"}
        assert listed["files"] == [{"path": "hello.py", "version": 1, "bytes": 14, "by": "ann"}]
        file, (turn,) = pool.document().files["hello.py"], pool.document().turns
        assert (file.agent, file.entry.run, file.entry.turn) == ("ann", run.id, turn.id)
        (event,) = of_type(pool, File)
        assert event.claim == pool.runs[run.id].claim.id
        names = [one["function"]["name"] for one in server.requests[0].body["tools"]]
        assert names == ["read_file", "write_file", "edit_file", "list_files", "run_program"]


def test_a_refused_write_is_repaired_in_the_same_turn_and_the_report_counts_both(pool, server):
    pool.write_file("list.md", "flour\n")
    ask(server, ("write_file", {"path": "list.md", "text": "salt\n"}))
    ask(server, ("write_file", {"path": "list.md", "text": "flour\nsalt\n"}), answered=1)
    run = play(pool, {"ann": "Writes."}, server, files=True)
    refused, written = told(server)
    assert (refused["text"], written["version"]) == ("flour\n", 2)
    report = run.report()
    assert (report.total.concurrent, report.total.repaired) == (1, 1)
    assert "writes of files: 1 concurrent, refused; 1 repaired by their writers" in repr(report)


def test_what_one_answer_does_to_files_is_done_in_its_order(pool, server):
    """Edits of one file do not stand in each other's way, and what runs is what was written before."""
    pool.write_file("list.md", "".join(f"item {number}\n" for number in range(6)))
    edits = [("edit_file", {"path": "list.md", "old": f"item {n}\n", "new": f"item {n}!\n"}) for n in range(6)]
    program = ("write_file", {"path": "show.py", "text": "print(open('list.md').read(), end='')"})
    ask(server, *edits, program, ("run_program", {"program": "python", "arguments": ["show.py"]}))
    report = play(pool, {"ann": "Writes."}, server, files=True, run=["python"]).report()
    *edited, written, ran = told(server)
    assert [one["version"] for one in edited] == [2, 3, 4, 5, 6, 7]
    assert written["version"] == 1
    assert ran == {"status": 0, "output": "".join(f"item {number}!\n" for number in range(6))}
    assert (report.total.concurrent, report.total.rewrites) == (0, 5)


def test_a_write_over_what_the_team_had_written_is_a_rewrite(pool, server):
    """Not one over what was there before it began, nor a new file."""
    pool.write_file("list.md", "flour\n")
    ask(server, ("read_file", {"path": "list.md"}), ("write_file", {"path": "list.md", "text": "salt\n"}))
    ask(server, ("write_file", {"path": "list.md", "text": "salt\nmilk\n"}), answered=2)
    ask(server, ("write_file", {"path": "other.md", "text": "x"}), answered=3)
    report = play(pool, {"ann": "Writes."}, server, files=True).report()
    assert (report.total.concurrent, report.total.rewrites) == (0, 1)
    assert "rewrites of files: 1" in repr(report)


def test_an_agent_that_goes_on_after_a_rollback_writes_again(pool, server):
    """The same call of the same turn was answered on the line that was left; there is no such file on this one."""
    ask(server, ("write_file", {"path": "a.md", "text": "a"}))
    start = pool.post("Begin.").offset
    run = play(pool, {"ann": "Writes."}, server, files=True)
    assert list(pool.document().files) == ["a.md"]
    pool.rollback(start)
    assert list(pool.document().files) == []
    ask(server, ("write_file", {"path": "a.md", "text": "a"}))
    assert resume(pool, run.id, trust=True).wait(30)
    assert pool.document().files["a.md"].entry.branch == "main-2"


_DIES_AT_ITS_WRITE = """
import os, sys
from agentpool_jupyter import open_pool
from agentpool_jupyter.pool.events import File
from tests.teams import team

pool = open_pool("bakery", sys.argv[1])
store = pool.append

def append(events):
    write = any(isinstance(event, File) for event in events)
    if write and sys.argv[3] == "before":
        os._exit(0)
    store(events)
    if write:
        os._exit(0)

pool.append = append
team({"ann": "Writes."}, model="test", base_url=sys.argv[2], files=True).start(pool).wait()
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_write_whose_process_dies_is_made_once(url, server, moment):
    call = ("write_file", {"path": "a.md", "text": "a"})
    ask(server, call)
    with open_pool("bakery", url) as pool:
        output(_DIES_AT_ITS_WRITE, url, server.base_url, moment)
        assert len(of_type(pool, File)) == (moment == "after")
        ask(server, call)
        assert resume(pool, trust=True).wait(30)
        assert told(server) == [{"path": "a.md", "version": 1, "bytes": 1}]
        assert [event.read for event in of_type(pool, File)] == [0]
        assert [effect.status for effect in pool.effects.values()] == ["done"]


def test_a_run_that_is_stopped_kills_its_program(pool, server, tmp_path):
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    ask(server, ("run_program", {"program": "python", "arguments": ["-c", code]}))
    run = team({"ann": "Runs."}, server, run=["python"]).start(pool)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    run.stop()
    until(lambda: not psutil.pid_exists(int((tmp_path / "pid").read_text())))


class Baker:
    """Writes a file, runs it, and says what came of that."""

    def __init__(self):
        self.done = []

    def believe(self, event):
        if isinstance(event, EffectDone):
            self.done.append(event.result)

    def decide(self, _state):
        match self.done:
            case []:
                return act("write_file", path="bake.py", text="print('baked')")
            case [_]:
                return act("run_program", program="python", arguments=["bake.py"])
            case [_, ran]:
                return f"It says {ran['output'].strip()}."


def test_a_python_agent_with_a_mind_writes_and_runs(pool):
    play(pool, {"ann": {"python": "Baker"}}, functions={"Baker": Baker}, files=True, run=["python"])
    assert pool.document().turn("ann#1").text == "It says baked."
    assert pool.document().files["bake.py"].agent == "ann"


def test_files_are_given_to_whom_the_team_gives_them(pool, server):
    agents = {"ann": {"role": "Reads.", "files": True}, "ben": "Talks."}
    play(pool, agents, server, calls=3)
    tools = {request.messages[0]["content"].split(".")[0]: request.body.get("tools") for request in server.requests}
    assert [bool(tools[name]) for name in sorted(tools)] == [True, False]


def test_what_a_team_cannot_have_is_told_before_it_starts(pool, server):
    with pytest.raises(SpecError, match="cannot have 'write_file'"):
        team({"ann": "W."}, server, tools=["write_file"], functions={"write_file": print}).start(pool)
    with pytest.raises(UserError, match="no program 'no-such-program'"):
        team({"ann": "W."}, server, run=["no-such-program"]).start(pool)
    for run in ("/bin/sh", ["a b"], [1]):
        with pytest.raises(SpecError, match="programs by their plain names"):
            team({"ann": "W."}, server, run=run)
    with pytest.raises(SpecError, match="`files` must be true or false"):
        team({"ann": "W."}, server, files="maybe")


def test_programs_have_the_limits_of_the_team(pool, server):
    ask(server, ("run_program", {"program": "python", "arguments": ["-c", "print('a' * 9000); input()"]}))
    ask(server, ("run_program", {"program": "python", "arguments": ["-c", "while True: pass"]}), answered=1)
    limits = {"seconds": 1, "output": 200, "memory": 512}
    play(pool, {"ann": "Runs."}, server, run=["python"], run_limits=limits)
    talked, looped = told(server)
    assert len(talked["output"]) < 400
    assert "1 s" in looped["killed"]
