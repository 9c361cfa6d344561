"""Programs on a checkout: their end is the result, they are bounded, and nothing that they start outlives them."""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import psutil
import pytest

from agentpool_jupyter.effects.programs.limits import ChildLimits
from agentpool_jupyter.effects.programs.program import RUN_PROGRAM, find_program, program_tool, run_program
from agentpool_jupyter.errors import UserError
from tests.programs import running
from tests.teams import until

_PASSES = "from bread import bake\n\n\ndef test_bake():\n    assert bake(2) == 4\n"


def run(pool, program, *arguments, **limits):
    return asyncio.run(run_program(pool.document().files, program, arguments, ChildLimits(**limits)))


def python(pool, code, **limits):
    return run(pool, "python", "-c", code, **limits)


def test_a_program_sees_the_files_and_its_end_is_the_result(pool):
    pool.write_file("bread.py", "def bake(n):\n    return n * 3\n")
    pool.write_file("tests/test_bread.py", _PASSES)
    pool.write_file("conftest.py", "")
    assert run(pool, "pytest", "-q", "-p", "no:cacheprovider").status == 1
    pool.write_file("bread.py", "def bake(n):\n    return n * 2\n")
    ended = run(pool, "pytest", "-q", "-p", "no:cacheprovider")
    assert (ended.status, ended.killed) == (0, "")
    assert "1 passed" in ended.output


def test_what_it_says_on_both_streams_is_its_output_and_what_it_writes_is_thrown_away(pool):
    code = """
import os, sys
print("out", flush=True)
print("err", file=sys.stderr, flush=True)
open("new", "w").write("x")
print(os.getcwd())
sys.exit(3)
"""
    ended = python(pool, code)
    assert (ended.status, ended.output.split()[:2]) == (3, ["out", "err"])
    assert not Path(ended.output.split()[2]).exists()
    assert not pool.document().files


def test_it_inherits_no_secret_and_no_input(pool, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("MY_SETTING", "private")
    ended = python(pool, "import os, sys; print(dict(os.environ), sys.stdin.read(), os.path.expanduser('~'))")
    assert ended.status == 0
    assert "sk-secret" not in ended.output
    assert "private" not in ended.output
    assert str(Path.home()) not in ended.output.split()[-1:]


def test_one_that_takes_too_long_is_killed_with_all_that_it_started(pool, tmp_path):
    """Also what has left its session, and its parent."""
    code = f"""
import os, subprocess, sys, time
for new in (False, True):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=new)
    open({str(tmp_path / "pids")!r}, "a").write(f"{{child.pid}}\\n")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({str(tmp_path / "pids")!r}, "a").write(f"{{os.getpid()}}\\n")
        time.sleep(600)
    os._exit(0)
print("started", flush=True)
time.sleep(600)
"""
    ended = python(pool, code, seconds=2)
    assert ended.killed == "it took longer than 2 s"
    assert ended.status < 0
    assert "started" in ended.output
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    until(lambda: not any(_lives(pid) for pid in pids))


def test_what_it_leaves_behind_is_killed_when_it_ends(pool, tmp_path):
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
"""
    begun = time.monotonic()
    assert python(pool, code, seconds=120).status == 0
    assert time.monotonic() - begun < 60  # it is not waited for, though it holds the output open
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not _lives(pid))


def test_cancelling_kills_it(pool, tmp_path):
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    async def cancelled():
        task = asyncio.create_task(run_program(pool.document().files, "python", ["-c", code]))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    until(lambda: not _lives(int((tmp_path / "pid").read_text())))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_it_does_not_outlive_a_process_that_is_killed(tmp_path):
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    program = f"""
import asyncio
from agentpool_jupyter.effects.programs.program import run_program
asyncio.run(run_program({{}}, "python", ["-c", {code!r}]))
"""
    with running(program) as process:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.kill()
        process.wait()
    until(lambda: not _lives(int((tmp_path / "pid").read_text())))


def test_memory_file_size_and_processes_are_bounded(pool):
    assert "MemoryError" in python(pool, "x = bytearray(2**30)", memory=2**29).output
    code = "open('large', 'wb').write(bytes(3_000_000))"
    assert python(pool, code, file_size=1_000_000).status != 0
    many = """
import subprocess, sys, time
for _ in range(30):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
time.sleep(600)
"""
    ended = python(pool, many, processes=8, seconds=100)
    assert ended.killed == "it had more than 8 processes" or "BlockingIOError" in ended.output


def test_of_much_output_the_beginning_and_the_end_are_kept(pool):
    ended = python(pool, "print('first'); print('x' * 5_000_000); print('last')", output=1_000)
    assert ended.status == 0
    assert ended.output.startswith("first\nxxx")
    assert ended.output.endswith("xxx\nlast\n")
    assert "bytes left out" in ended.output
    assert len(ended.output) < 1_100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing-of-that-name", "no program"),
        ("/bin/sh", "cannot name a program"),
        ("../x", "cannot name"),
        ("", "cannot"),
    ],
)
def test_programs_that_are_not_there_are_told(pool, name, message):
    with pytest.raises(UserError, match=message):
        run(pool, name)
    with pytest.raises(UserError, match=message):
        find_program(name)


def test_the_tool_runs_only_what_the_team_names(pool):
    pool.write_file("hello.py", "print('hello')")
    tool = program_tool(["python", "pytest"], lambda: pool.document().files)
    schema = tool.described["function"]["parameters"]
    assert (tool.name, sorted(schema["properties"])) == (RUN_PROGRAM, ["arguments", "program"])
    assert sorted(schema["properties"]["program"]["enum"]) == ["pytest", "python"]
    with pytest.raises(ValueError, match="program"):
        tool.read('{"program": "bash", "arguments": []}')
    arguments = tool.read('{"program": "python", "arguments": ["hello.py"]}')
    assert asyncio.run(tool.call_with(arguments, "k")()) == {"status": 0, "output": "hello\n"}


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
