"""A pool that came from outside does not say where this machine's keys go."""

from __future__ import annotations

import pytest

from agentpool_jupyter import Team, open_pool, resume
from agentpool_jupyter.agents.runs.trust import sends_to
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.events import RunStarted
from tests.openai_server import OpenAIServer
from tests.teams import team


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("GROQ_API_KEY", "gsk-mine")
    monkeypatch.setenv("CLOUD_SECRET", "abracadabra")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def stranger(pool):
    """A server, and a pool whose run sends a variable of this machine to it."""
    with OpenAIServer(tokens=3) as server:
        named = team({"ann": "Talks."}, server, api_key_env="CLOUD_SECRET")
        pool.append([RunStarted(**pool.header("main", "r"), spec=named.spec.to_dict())])
        yield server, named


def test_a_variable_that_a_pool_names_is_not_sent(pool, stranger):
    """The message says which, and to whom; nothing is written or asked."""
    server, _ = stranger
    with pytest.raises(UserError, match=rf"send its texts to {server.base_url}, with \$CLOUD_SECRET: nothing was sent"):
        resume(pool)
    assert not server.requests
    assert pool.end == 1


def test_who_trusts_it_says_so(pool, stranger):
    server, _ = stranger
    assert resume(pool, trust=True).wait(30)
    assert server.requests


def test_a_team_that_was_started_here_is_resumed(pool, stranger):
    """Through the same object; what is opened again is a stranger's once more."""
    _, named = stranger
    run = named.start(pool)
    assert run.wait(30)
    assert resume(pool, run.id).wait(30)
    with open_pool("bakery") as again, pytest.raises(UserError, match="nothing was sent"):
        resume(again, run.id)


@pytest.mark.parametrize(
    ("fields", "goes"),
    [
        ("model: m", set()),
        ("{model: m, api_key_env: OPENAI_API_KEY}", set()),
        ("{model: m, base_url: 'http://localhost:8000/v1'}", set()),
        ("{model: m, base_url: 'http://127.0.0.1:8000/v1', api_key_env: CLOUD_SECRET}", {"with $CLOUD_SECRET"}),
        ("{model: m, api_key_env: CLOUD_SECRET}", {"https://api.openai.com/v1, with $CLOUD_SECRET"}),
        ("{model: groq/m}", set()),
        ("{model: groq/m, headers_env: {X-Mine: CLOUD_SECRET}}", {"with $CLOUD_SECRET and $GROQ_API_KEY"}),
        ("{model: vllm@evil.example/m}", {"http://evil.example:8000/v1"}),
        ("{model: m, base_url: 'https://evil.example/v1'}", {"https://evil.example/v1"}),
        ("{model: m, base_url: 'https://evil.example/v1', api_key_env: OPENAI_API_KEY}", {"with $OPENAI_API_KEY"}),
    ],
)
def test_what_this_machine_is_set_up_for_needs_no_trust(fields, goes):
    """OpenAI and other well-known services with their own keys, and this machine itself with none."""
    fields = fields if fields.startswith("{") else f"{{{fields}}}"
    found = sends_to(Team.from_yaml(f"task: t\nagents: {{ann: {fields}}}").spec)
    assert len(found) == len(goes)
    assert all(part in one for part, one in zip(goes, found, strict=True))


def test_the_server_of_the_environment_needs_no_trust(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1/")
    spec = Team.from_yaml("task: t\nmodel: m\nbase_url: https://gateway.example/v1\nagents: {ann: x}").spec
    assert not sends_to(spec)


def test_a_program_that_a_pool_names_is_not_run(pool):
    named = team({"ann": {"python": "talk"}}, run=["python"], functions={"talk": lambda _: "Hi."})
    pool.append([RunStarted(**pool.header("main", "r"), spec=named.spec.to_dict())])
    with pytest.raises(UserError, match="would run the program 'python' on this machine: nothing was run"):
        resume(pool, functions=named.functions)
    assert pool.end == 1
    assert resume(pool, functions=named.functions, trust=True).wait(30)
    run = named.start(pool)
    assert run.wait(30)
    assert resume(pool, run.id, functions=named.functions).wait(30)
