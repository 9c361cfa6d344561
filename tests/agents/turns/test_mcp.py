"""Tools of other programs: real MCP servers, started once for a run and gone at its end."""

import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from agentpool_jupyter import open_pool, resume
from agentpool_jupyter.errors import SpecError, UserError
from agentpool_jupyter.pool.events import EffectStarted
from tests.openai_server import Asks
from tests.teams import of_type, play, team, until

_SERVER = """
import os, sys
from mcp.server import MCPServer

server = MCPServer("shop", log_level="CRITICAL")

@server.tool()
def stock(item: str) -> int:
    "Say how much there is of an item."
    return len(item)

@server.tool()
def secrets() -> list[str]:
    return [name for name in os.environ if "KEY" in name]

@server.tool()
def fail(item: str) -> str:
    raise SystemError("no " + item)

server.run(*sys.argv[1:2], **({"port": int(sys.argv[2])} if sys.argv[2:] else {}))
"""


@pytest.fixture
def shop(tmp_path):
    """The command of a server."""
    program = tmp_path / "shop server.py"
    program.write_text(_SERVER)
    return f"{sys.executable} '{program}' stdio"


def told(server):
    return [message["content"] for message in server.requests[-1].messages if message["role"] == "tool"]


def children():
    """The servers that live; one that is just ending has no command line any more."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [child] if "shop server" in " ".join(child.cmdline()) else []
    return found


def test_a_teams_agents_call_the_tools_of_a_server(pool, server, shop, monkeypatch):
    """With the schema that it gives, through the same log; it runs once, without keys, and is gone in the end."""
    monkeypatch.setenv("MY_KEY", "hush")
    server.fault(
        Asks((("stock", {"item": "flour"}), ("secrets", {}), ("fail", {"item": "oil"}))), contains="You are ann."
    )
    agents = {"ann": "Looks.", "ben": "Looks, too."}
    run = play(pool, agents, server, tools={"mcp": shop})
    assert run.status == "finished"
    answers = next(told for told in map(_answers, server.requests) if told)
    assert answers == ["5", "[]", "error: EffectError: Error executing tool fail"]
    described = {tool["function"]["name"]: tool["function"] for tool in server.requests[0].body["tools"]}
    assert described["stock"]["description"] == "Say how much there is of an item."
    assert described["stock"]["parameters"]["properties"]["item"]["type"] == "string"
    assert sorted(effect.status for effect in pool.effects.values()) == ["done", "done", "failed"]
    assert children() == []


def _answers(request):
    return [message["content"] for message in request.messages if message["role"] == "tool"]


def test_a_gate_stands_before_a_servers_tool_too(pool, server, shop):
    server.fault(Asks((("stock", {"item": "flour"}),)))
    play(
        pool,
        {"ann": "Looks."},
        server,
        tools=[{"mcp": shop}],
        gates={"stock": {"ask": ["no"]}},
        functions={"no": lambda _: False},
    )
    assert of_type(pool, EffectStarted) == []
    assert told(server) == ["not done: no refused"]


def _ports(process):
    return [one.laddr.port for one in psutil.Process(process.pid).net_connections() if one.status == "LISTEN"]


def test_a_server_is_reached_by_its_address(pool, server, tmp_path, shop):
    program = tmp_path / "shop server.py"
    command = [sys.executable, str(program), "streamable-http", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as web:
        until(lambda: _ports(web))
        server.fault(Asks((("stock", {"item": "flour"}),)))
        play(pool, {"ann": "Looks."}, server, tools={"mcp": f"http://127.0.0.1:{_ports(web)[0]}/mcp"})
        web.terminate()
    assert told(server) == ["5"]


@pytest.mark.parametrize("command", ["{python} -c 'raise SystemExit(\"no shop today\")'", "no-such-program --at-all"])
def test_a_server_that_does_not_start_fails_the_run_in_one_line(pool, server, command):
    command = command.format(python=sys.executable)
    run = play(pool, {"ann": "Looks."}, server, tools={"mcp": command})
    assert run.reason == "failed"
    assert run.detail.startswith(f"the MCP server `{command}` did not start")
    assert "no shop today" in run.detail or "no-such-program" in run.detail
    assert "\n" not in run.detail
    assert not pool.runs[run.id].alive()


def test_a_program_that_a_pool_names_is_not_started_without_trust(store, server, shop):
    """The pool may come from outside."""
    with open_pool("bakery") as pool:
        play(pool, {"ann": "Looks."}, server, tools={"mcp": shop})
    with open_pool("bakery") as pool:
        with pytest.raises(UserError, match=r"the MCP server .*shop server.*--trust"):
            resume(pool)
        assert resume(pool, trust=True).wait(30)


@pytest.mark.parametrize("tools", [{"mcp": ""}, {"mcp": "'open quote"}, {"mcp": [""]}])
def test_what_is_no_command_is_told_before_anything_starts(pool, server, tools):
    with pytest.raises(UserError, match=r"no MCP server|list of functions"):
        team({"ann": "Looks."}, server, tools=tools).start(pool)
    assert pool.end == 0


def test_what_is_neither_a_function_nor_a_server_is_told(server):
    with pytest.raises(SpecError, match=r"list of functions of the notebook.*and of MCP servers"):
        team({"ann": "Looks."}, server, tools=[{"npx": "server"}])
