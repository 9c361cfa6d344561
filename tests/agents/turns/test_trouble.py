"""Whatever happens to one agent: its turn ends in one line, the others go on, and people see what was unusual."""

from __future__ import annotations

import re

import httpx2
import pytest

from agentpool_jupyter import resume
from agentpool_jupyter.errors import SpecError, UserError
from agentpool_jupyter.pool.events import TurnFailed
from tests.openai_server import Ends, Malformed, OpenAIServer, Refuse, Rejects, expected
from tests.teams import of_type, play, speaks, team

ANN = {"role": "Talks.", "listens": []}


def finished(run, agent="ann"):
    return [turn.name for turn in run.document().turns if turn.agent == agent and turn.status == "finished"]


def one_line(run, agent="bad"):
    """The line that says how an agent's turn failed, as it stands in the document and in the run's end."""
    (turn,) = [turn for turn in run.document().turns if turn.agent == agent]
    assert turn.status == "failed"
    assert "\n" not in turn.error
    assert f"{agent}: {turn.error}" in run.detail
    return turn.error


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"base_url": "https://127.0.0.1:{port}/v1"}, "the server does not speak TLS .* write http://"),
        ({"base_url": "https://127.0.0.1:{port}/v1", "ca_file": "{file}"}, "a setting of this machine .* `ca_file`"),
        ({"base_url": "http://127.0.0.1:1/v1"}, "no connection .* is the server running"),
    ],
    ids=["no TLS", "no certificate", "nobody there"],
)
def test_a_server_that_cannot_be_reached_is_one_agents_trouble(pool, tmp_path, bad, said):
    """What is wrong is said in words that name the remedy."""
    (tmp_path / "ca.pem").write_text("no certificate")
    with OpenAIServer(tokens=5) as server:
        bad = {key: value.format(port=server.port, file=tmp_path / "ca.pem") for key, value in bad.items()}
        run = play(pool, {"bad": {**ANN, **bad}, "ann": ANN}, server, attempts=1)
    assert finished(run) == ["ann#1"]
    error = one_line(run)
    assert error.startswith("test at 127.0.0.1:")
    assert re.search(said, error), error
    assert run.document().usage.total == run.report().rows[1].prompt + run.report().rows[1].completion


@pytest.mark.parametrize(
    ("variable", "value", "address"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", "http://model.example/v1"),
        ("ALL_PROXY", "gopher://127.0.0.1:9", "http://model.example/v1"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "https://model.example/v1"),
    ],
)
def test_a_setting_of_the_machine_is_one_agents_trouble(pool, monkeypatch, variable, value, address):
    """And none at all of those whose server is near: no proxy is asked for them."""
    monkeypatch.setenv(variable, value)
    with OpenAIServer(tokens=5) as server:
        run = play(pool, {"bad": {**ANN, "base_url": address}, "ann": ANN}, server, attempts=1)
    assert finished(run) == ["ann#1"]
    assert one_line(run).startswith("test at model.example: ")


@pytest.mark.parametrize(
    "error", [RuntimeError("boom"), UnicodeError("odd"), KeyError("key"), RecursionError()], ids=repr
)
def test_what_nobody_foresaw_ends_one_turn(pool, capfd, monkeypatch, error):
    """The others go on, nothing stays open and nothing is printed; resuming asks the one again."""
    build = httpx2.AsyncClient.build_request

    def broken(client, method, url, **fields):
        if speaks("bad").encode() in fields["content"]:
            raise error
        return build(client, method, url, **fields)

    with OpenAIServer(tokens=5) as server:
        with monkeypatch.context() as patch:
            patch.setattr(httpx2.AsyncClient, "build_request", broken)
            run = play(pool, {"bad": ANN, "ann": ANN}, server, attempts=1)
        assert finished(run) == ["ann#1"]
        assert one_line(run).startswith("test at 127.0.0.1:")
        resume(pool).wait(60)
    assert [turn.status for turn in pool.document().turns if turn.agent == "bad"] == ["failed", "finished"]
    assert not any(turn.status == "running" for turn in pool.document().attempts)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "fault",
    [
        Refuse(307, location="http://127.0.0.1:99999/v1"),
        Malformed(after=2, line='{"choices": [{"delta": {"content": 5}}], "usage": [[[]]]}'),
        Malformed(after=2, line='{"message": "KV cache is exhausted", "object": "error"}'),
        Ends("network_error", after=2),
        Ends("made_up", after=2),
    ],
    ids=repr,
)
def test_a_failure_told_in_an_answer_is_no_answer(pool, fault):
    """Nobody's half sentence becomes its word; nothing stays open."""
    with OpenAIServer(tokens=5) as server:
        server.fault(fault, contains=speaks("bad"))
        run = play(pool, {"bad": ANN, "ann": ANN}, server, attempts=2)
    assert finished(run) == ["ann#1"]
    assert finished(run, "bad") == []
    one_line(run)
    assert not any(turn.status == "running" for turn in run.document().turns)


def test_a_failed_agent_is_asked_again_by_resume(pool):
    with OpenAIServer(tokens=5) as server:
        server.fault(Ends("error"), contains=speaks("bad"), times=1)
        run = play(pool, {"bad": ANN, "ann": ANN}, server, attempts=1)
        assert finished(run, "bad") == []
        again = resume(pool)
        again.wait(60)
    assert [event.kind for event in of_type(pool, TurnFailed)] == ["server"]
    assert finished(again) == ["ann#1"]
    assert len(finished(again, "bad")) == 1


# Unusual ends ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "fault", "reason", "remark"),
    [
        ({"tokens": 0, "reasoning": 9}, Ends("length"), "thinking", "went into thinking"),
        ({"tokens": 9}, Ends("content_filter", after=4), "content_filter", "cut by the server's content filter"),
        ({"tokens": 9}, Ends("SAFETY", after=0), "withheld", "withheld by the server's content filter"),
        ({"tokens": 9}, Ends("refusal"), "refusal", "refused"),
    ],
    ids=["thinking", "filtered", "withheld", "refused"],
)
def test_an_unusual_end_is_told_wherever_the_turn_is(pool, answers, fault, reason, remark):
    with OpenAIServer(**answers) as server:
        server.fault(fault)
        run = play(pool, {"ann": ANN}, server)
    (turn,) = run.document().turns
    assert (turn.status, turn.reason) == ("finished", reason)
    assert remark in turn.remark
    assert remark in run.detail
    assert f"ann#1: {turn.remark}" in repr(run.report())
    assert remark in run.document().text


def test_who_has_said_nothing_wakes_nobody(pool):
    """What all went into thinking, or was withheld, is no news."""
    with OpenAIServer(tokens=0, reasoning=9) as server:
        server.fault(Ends("length"))
        run = play(pool, {"ann": ANN, "ben": {"role": "Answers.", "listens": ["ann"]}}, server)
    assert [turn.name for turn in run.document().turns] == ["ann#1"]


def test_a_turn_at_its_limit_is_told_in_the_report(pool):
    with OpenAIServer(tokens=40) as server:
        run = play(pool, {"ann": ANN}, server, max_tokens=5, turns=1)
    assert "ann#1: cut at its token limit" in repr(run.report())
    assert run.detail == ""


# Settings and secrets ----------------------------------------------------------------------------------------


def test_a_key_that_cannot_be_sent_is_refused_at_once(pool, monkeypatch):
    """It names the variable, and never shows the key."""
    monkeypatch.setenv("TEST_KEY", "sk-abc\N{EM DASH}def")
    with OpenAIServer() as server:
        with pytest.raises(UserError, match="TEST_KEY") as caught:
            team({"ann": ANN}, server, api_key_env="TEST_KEY").start(pool)
        assert not server.requests
    assert "abc" not in str(caught.value)
    assert not pool.runs


def test_nothing_of_openais_own_goes_to_a_server_that_a_team_names(pool, monkeypatch):
    """It does go to ``$OPENAI_BASE_URL``."""
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: secret-1\nX-Other: secret-2")
    monkeypatch.setenv("OPENAI_ORG_ID", "secret-3")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "secret-4")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-5")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with OpenAIServer(tokens=2) as server, OpenAIServer(tokens=2) as own:
        play(pool, {"ann": ANN}, server)
        monkeypatch.setenv("OPENAI_BASE_URL", own.base_url)
        play(pool, {"ann": ANN}, model="m")
        assert "secret" not in str(server.requests[0].headers)
        sent = own.requests[0].headers
    assert (sent["x-gateway"], sent["x-other"]) == ("secret-1", "secret-2")
    assert (sent["openai-organization"], sent["openai-project"]) == ("secret-3", "secret-4")


def test_headers_come_from_the_variables_that_a_team_names(pool, monkeypatch):
    """And stand in no message, also where the server repeats them."""
    monkeypatch.setenv("GATEWAY", "hk-secret-9")
    with OpenAIServer(tokens=2) as server:
        server.fault(Refuse(403, message="hk-secret-9 may not"), times=1)
        run = play(pool, {"ann": ANN}, server, headers_env={"X-Gateway": "GATEWAY"})
        assert server.requests[0].headers["x-gateway"] == "hk-secret-9"
    assert "*** may not" in run.detail
    with pytest.raises(UserError, match="GATEWAY_2"):
        team({"ann": ANN}, server, headers_env={"X-Gateway": "GATEWAY_2"}).start(pool)


def test_a_server_that_wants_a_key_is_told_from_one_that_refuses_it(pool):
    with OpenAIServer() as server:
        server.fault(Refuse(401))
        run = play(pool, {"bad": ANN}, server)
    assert "it wants a key and none was sent: name the environment variable" in one_line(run)


# Dialects ----------------------------------------------------------------------------------------------------


def test_options_are_sent_as_they_stand(pool):
    """An agent's own go over the team's."""
    agents = {"ann": {**ANN, "options": {"top_p": 0.5, "reasoning_effort": "low"}}}
    with OpenAIServer(tokens=2) as server:
        play(pool, agents, server, options={"top_p": 0.9, "logit_bias": {"7": -1}})
        body = server.requests[0].body
    assert (body["top_p"], body["reasoning_effort"], body["logit_bias"]) == (0.5, "low", {"7": -1})


def test_a_server_without_system_messages_gets_them_in_the_persons(pool):
    """Learned once, and remembered."""
    with OpenAIServer(tokens=2) as server:
        server.fault(Rejects(("system",)))
        run = play(pool, {"ann": ANN, "ben": {"role": "Answers.", "listens": ["ann"]}}, server)
        assert [request.status for request in server.requests] == [400, 200, 200]
        messages = server.requests[-1].messages
        answer = expected(messages, tokens=2)
    assert [message["role"] for message in messages] == ["user"]
    assert messages[0]["content"].startswith("You are ben.")
    assert run.document().turns[-1].text == answer


def test_a_ca_file_that_is_none_is_said_with_the_team(pool):
    with pytest.raises(SpecError, match=r"ca_file 'nowhere\.pem' is no file"):
        team({"ann": ANN}, model="m", base_url="https://127.0.0.1:1/v1", ca_file="nowhere.pem").start(pool)
