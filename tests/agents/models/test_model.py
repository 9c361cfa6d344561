"""The model client against a real server that misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import re
import subprocess
import sys
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.models.answer import Answer, BadAnswerError
from agentpool_jupyter.agents.models.chunks import EventSplitter, decode
from agentpool_jupyter.agents.models.client import Finish, ModelClient
from agentpool_jupyter.agents.models.endpoint import DEFAULT_OPENAI_MODEL, Endpoint, cost, resolve
from agentpool_jupyter.agents.models.refusals import Said, refused, retry_after, told_in_stream
from agentpool_jupyter.agents.team.spec import Price
from agentpool_jupyter.errors import ModelError, SpecError, UserError
from agentpool_jupyter.pool.events import Usage
from tests.openai_server import (
    Cut,
    Drip,
    Drop,
    ErrorChunk,
    Malformed,
    NoUsage,
    OpenAIServer,
    Refuse,
    Rejects,
    Silence,
    WrongType,
    expected,
)
from tests.teams import until

KEY = "secret-key-of-a-test-0123456789"
MESSAGES = [{"role": "system", "content": "You are terse."}, {"role": "user", "content": "Plan a bakery."}]


@contextlib.asynccontextmanager
async def connected(server, *, model="m", **options):
    client = ModelClient(Endpoint(model=model, base_url=server.base_url, key=KEY), **options)
    try:
        yield client
    finally:
        await client.aclose()


async def read(client, messages=MESSAGES, *, max_tokens=100, **options):
    pieces = [piece async for piece in client.stream(messages, max_tokens=max_tokens, **options)]
    *texts, finish = pieces
    assert isinstance(finish, Finish)
    assert all(isinstance(text, str) and text for text in texts)
    return "".join(texts), finish


def ask(server, messages=MESSAGES, *, client=None, **options):
    async def once():
        async with connected(server, **(client or {})) as model:
            return await read(model, messages, **options)

    return asyncio.run(once())


def failing(fault, *, client=None, **server_options):
    """Return the error that a fault leads to, and the server."""
    with OpenAIServer(**server_options) as server:
        server.fault(fault)
        with pytest.raises(ModelError) as caught:
            ask(server, client=client)
    message = str(caught.value)
    assert "\n" not in message
    assert f"m at 127.0.0.1:{server.port}: " in message
    return caught.value


# -- answers ------------------------------------------------------------------------------------------------------


def test_streams_text_and_ends_with_reason_and_usage():
    """The pieces join to the whole answer; one Finish comes last."""
    with OpenAIServer() as server:
        text, finish = ask(server)
    assert text == expected(MESSAGES)
    assert finish == Finish("stop", Usage(prompt=6, completion=40))


def test_says_that_the_limit_ended_the_answer():
    with OpenAIServer() as server:
        text, finish = ask(server, max_tokens=7)
    assert text == expected(MESSAGES, max_tokens=7)
    assert finish.reason == "length"


def test_sends_only_the_options_that_were_given():
    with OpenAIServer() as server:
        ask(server)
        ask(server, temperature=0.25, seed=3, stop=["\n"])
        plain, full = (request.body for request in server.requests)
    assert not {"temperature", "seed", "stop"} & plain.keys()
    assert (full["temperature"], full["seed"], full["stop"]) == (0.25, 3, ["\n"])


def test_passes_over_reasoning():
    """Chunks of reasoning are no text of the answer."""
    with OpenAIServer(reasoning=3) as server:
        text, _ = ask(server)
    assert text == expected(MESSAGES)


def test_a_server_that_does_not_count_leaves_usage_open():
    with OpenAIServer() as server:
        server.fault(NoUsage())
        _, finish = ask(server)
    assert finish == Finish("stop", None)


def test_a_slow_drip_is_no_silence():
    """Time between bytes counts, not the time of the whole answer."""
    with OpenAIServer(tokens=8) as server:
        server.fault(Drip(rate=10))
        text, _ = ask(server, client={"silence": 0.7})
    assert text == expected(MESSAGES, tokens=8)


def test_connections_are_used_again():
    with OpenAIServer() as server:

        async def twice():
            async with connected(server) as client:
                await read(client)
                before = set(server._connections)
                await read(client)
                return before, set(server._connections)

        before, after = asyncio.run(twice())
    assert len(before) == 1
    assert before == after


@pytest.mark.parametrize(
    ("parameter", "options"),
    [("stream_options", {}), ("max_tokens", {}), ("temperature", {"temperature": 0.5}), ("seed", {"seed": 1})],
)
def test_a_parameter_that_the_server_does_not_know_is_avoided_from_then_on(parameter, options):
    """One refusal teaches the client; the second request is right at once."""
    with OpenAIServer() as server:
        server.fault(Rejects((parameter,)))

        async def twice():
            async with connected(server) as client:
                return [(await read(client, max_tokens=9, **options))[1].reason for _ in range(2)]

        assert asyncio.run(twice()) == ["length", "length"]
        assert [request.status for request in server.requests] == [400, 200, 200]
        assert parameter not in server.requests[-1].body


def test_several_unknown_parameters_are_learned_one_by_one():
    with OpenAIServer() as server:
        server.fault(Rejects(("max_tokens", "stream_options", "temperature")))
        text, finish = ask(server, temperature=0.1, max_tokens=9)
    assert text == expected(MESSAGES, max_tokens=9)
    assert finish.usage is None
    assert [request.status for request in server.requests] == [400, 400, 400, 200]


def test_the_limit_is_never_given_up():
    """A server that takes no limit at all is an error: budgets rest on it."""
    error = failing(Rejects(("max_tokens", "max_completion_tokens")))
    assert (error.kind, error.retriable) == ("request", False)


# -- faults -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "retriable"),
    [
        (Refuse(429), "rate_limit", True),
        (Refuse(429, code="insufficient_quota"), "rate_limit", False),
        (Refuse(500), "server", True),
        (Refuse(503), "server", True),
        (Refuse(409), "server", True),
        (Refuse(408), "timeout", True),
        (Refuse(401), "auth", False),
        (Refuse(403), "auth", False),
        (Refuse(400), "request", False),
        (Refuse(404), "request", False),
        (Refuse(422), "request", False),
        (Cut(after=0), "cut", True),
        (Cut(after=5), "cut", True),
        (Cut(after=5, clean=True), "cut", True),
        (Malformed(after=5), "malformed", True),
        (Malformed(after=5, line="<html>"), "malformed", True),
        (ErrorChunk(after=5), "server", True),
        (ErrorChunk(after=5, code="overloaded"), "server", True),
        (ErrorChunk(after=5, message="context length exceeded", code=400), "request", False),
        (Drop(), "connection", True),
        (WrongType(), "malformed", False),
    ],
    ids=repr,
)
def test_each_fault_has_its_kind(fault, kind, retriable):
    error = failing(fault)
    assert (error.kind, error.retriable) == (kind, retriable)


@pytest.mark.parametrize(("model", "meant"), [("tset", "did you mean 'test'?"), ("gpt-4.1", "there are: test")])
def test_a_model_that_the_server_does_not_have_is_told_with_those_that_it_has(model, meant):
    with OpenAIServer() as server:
        server.fault(Refuse(404, message="no such model"))
        with pytest.raises(
            ModelError, match=rf"check model and base_url \(status 404: no such model; {re.escape(meant)}\)"
        ):
            ask(server, client={"model": model})


@pytest.mark.parametrize("name", ["locall", "olama/llama3.2"])
def test_a_name_that_is_nearly_one_of_ours_is_told_where_a_key_is_missing(name, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match=r"no key for api\.openai\.com: .*; did you mean '(local|ollama)'\?"):
        resolve(name)


@pytest.mark.parametrize("after", [0, 3])
def test_silence_is_a_timeout_and_frees_the_connection(after):
    """No byte for ``silence`` seconds ends the stream, before the first token and in the middle."""
    with OpenAIServer() as server:
        server.fault(Silence(after=after))
        with pytest.raises(ModelError, match=r"nothing came for 0\.3 s") as caught:
            ask(server, client={"silence": 0.3})
        assert (caught.value.kind, caught.value.retriable) == ("timeout", True)
        assert server.until(lambda server: server.requests[0].disconnected)


def test_what_came_before_a_cut_was_yielded():
    with OpenAIServer() as server:
        server.fault(Cut(after=5))

        async def partly():
            pieces = []
            async with connected(server) as client:
                with pytest.raises(ModelError):  # noqa: PT012 - what came before the error is the point
                    async for piece in client.stream(MESSAGES, max_tokens=100):
                        pieces.append(piece)  # noqa: PERF401
            return "".join(pieces)

        assert asyncio.run(partly()) == expected(MESSAGES, max_tokens=5)


def test_nobody_there_is_a_connection_error_and_the_client_recovers():
    """A server that went away and came back needs no new client."""
    with OpenAIServer() as server:

        async def away_and_back():
            async with connected(server) as client:
                await read(client)
                await asyncio.to_thread(server.go_away)
                with pytest.raises(ModelError) as caught:
                    await read(client)
                await asyncio.to_thread(server.come_back)
                text, _ = await read(client)
                return caught.value, text

        error, text = asyncio.run(away_and_back())
    assert (error.kind, error.retriable) == ("connection", True)
    assert text == expected(MESSAGES)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Refuse(429, retry_after="1.5"), 1.5),
        (Refuse(503, retry_after="0"), 0.0),
        (Refuse(429, retry_after="9", retry_after_ms="250"), 0.25),
        (Refuse(429, retry_after="soon"), None),
        (Refuse(429, retry_after="-3"), None),
        (Refuse(429, retry_after="inf"), None),
        (Refuse(429), None),
    ],
)
def test_retry_after_in_seconds(fault, seconds):
    assert failing(fault).retry_after == seconds


def test_retry_after_as_a_date():
    """A date is turned into seconds from now; one that is past means at once."""
    future = email.utils.formatdate(time.time() + 3600, usegmt=True)
    past = email.utils.formatdate(time.time() - 3600, usegmt=True)
    seconds = retry_after({"retry-after": future})
    assert seconds is not None
    assert 3000 < seconds <= 3600
    assert retry_after({"retry-after": past}) == 0.0


def test_a_prompt_that_is_too_long_is_said_clearly():
    error = failing(Refuse(400, message="This model's maximum context length is 8192 tokens", code="x"))
    assert "does not fit into the model's context" in str(error)


@pytest.mark.parametrize(
    "said",
    [
        "Incorrect API key provided: {key}.",
        "bad sk-proj-abc123***wxyz",
        "Authorization: Bearer {key}",
        "a\nb\n{key}",
        "密钥{key}无效",
    ],
)
def test_keys_that_a_server_echoes_are_not_passed_on(said):
    """Neither the message nor the printed traceback, nor a repr, has the key."""
    with OpenAIServer() as server:
        server.fault(Refuse(401, message=said))
        with pytest.raises(ModelError) as caught:
            ask(server)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(Endpoint(model="m", key=KEY))
    assert KEY not in shown
    assert "abc123" not in shown
    assert "\n" not in str(caught.value)


# -- many at once, and stopping -----------------------------------------------------------------------------------


def test_cancelling_closes_the_stream_at_the_server():
    """A cancelled task's stream ends at the server too, long before its tokens would have."""
    with OpenAIServer(rate=20, tokens=100_000) as server:

        async def cancel():
            async with connected(server) as client:
                task = asyncio.create_task(read(client, max_tokens=100_000))
                assert await asyncio.to_thread(server.until, lambda server: server.open_streams == 1)
                await asyncio.to_thread(until, lambda: server.requests[0].sent > 2)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                # The client stays open: it is the one stream that is closed.
                assert await asyncio.to_thread(server.until, lambda server: server.requests[0].disconnected)

        asyncio.run(cancel())
        assert server.requests[0].sent < 1000


def test_leaving_the_stream_closes_it_at_the_server():
    with OpenAIServer(rate=50, tokens=100_000) as server:

        async def leave():
            async with connected(server) as client:
                async with contextlib.aclosing(client.stream(MESSAGES, max_tokens=100_000)) as pieces:
                    await anext(pieces)
                assert await asyncio.to_thread(server.until, lambda server: server.requests[0].disconnected)

        asyncio.run(leave())


@pytest.mark.parametrize("count", [50, 100])
def test_many_streams_run_at_once(count):
    """All are open at the same time on one client, and none gets another's text."""
    prompts = [[{"role": "user", "content": f"agent {number}"}] for number in range(count)]
    with OpenAIServer(rate=20) as server:

        async def gather():
            async with connected(server) as client:
                return await asyncio.gather(*(read(client, prompt) for prompt in prompts))

        answers = asyncio.run(gather())
        assert server.most_streams == count
    assert [text for text, _ in answers] == [expected(prompt) for prompt in prompts]


# -- bytes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_events_are_found_wherever_the_network_cut_them(size, end):
    lines = [": ping", 'data: {"a": "ä"}', "", "event: x", "data:1", "data: 2", "", "data: [DONE]"]
    body = end.join(line.encode() for line in lines)
    splitter = EventSplitter()
    events = [event for at in range(0, len(body), size) for event in splitter.feed(body[at : at + size])]
    events += splitter.finish()
    assert events == ['{"a": "ä"}'.encode(), b"1\n2", b"[DONE]"]


def test_odd_chunks_are_read():
    """Nulls, lists for text and missing fields are no text and no error."""
    assert decode(b'{"choices": []}').text == ""
    assert decode(b'{"choices": [{"delta": null, "finish_reason": "stop"}]}').finish_reason == "stop"
    assert decode(b'{"choices": [{"delta": {"content": [{"type": "thinking"}]}}]}').text == ""
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]
    parts = json.dumps({"choices": [{"delta": {"content": parts}}]}).encode()
    assert (decode(parts).text, decode(parts).thought) == ("a", 2)


def body(*events, text="So it is.", reason="stop"):
    """An event stream: a text, then events, then an end where there is a reason."""
    chunks = [{"choices": [{"delta": {"content": text}}]}, *events]
    chunks += [{"choices": [{"delta": {}, "finish_reason": reason}]}] if reason else []
    return b"".join(b"data: " + (e if isinstance(e, bytes) else json.dumps(e).encode()) + b"\n\n" for e in chunks)


def taken(data):
    """What an answer makes of a body: its text, and the answer itself."""
    answer = Answer()
    return "".join([*answer.feed(data), *answer.finish()]), answer


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, Usage(prompt=9, completion=4)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 113}, Usage(prompt=9, completion=104)),
        ({"prompt_tokens": 9.0, "completion_tokens": 3.5}, Usage(prompt=9, completion=4)),
        (
            {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}},
            Usage(prompt=9, completion=4, cached=8),
        ),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None),
        ({"prompt_tokens": 9, "completion_tokens": 0}, None),
        ({"prompt_tokens": -9, "completion_tokens": -4}, None),
        ({"prompt_tokens": 10**9, "completion_tokens": 10**9}, None),
        ({"prompt_tokens": True, "completion_tokens": "4"}, None),
        ("many", None),
        (None, None),
    ],
    ids=str,
)
def test_a_count_is_read_and_not_believed_where_it_cannot_be(usage, counted):
    assert taken(body({"choices": [], "usage": usage}))[1].usage == counted


def test_a_count_before_the_last_word_is_not_the_whole_count():
    """Of the prompt it is one; in every chunk, the last one is."""
    usage = {"prompt_tokens": 9, "completion_tokens": 1}
    more = {"choices": [{"delta": {"content": " And so on."}}]}
    _, answer = taken(body({"choices": [], "usage": usage}, more))
    assert (answer.usage, answer.prompt_tokens) == (None, 9)
    _, answer = taken(body({"choices": [], "usage": usage}, {**more, "usage": {**usage, "completion_tokens": 6}}))
    assert answer.usage == Usage(prompt=9, completion=6)


@pytest.mark.parametrize(
    "told",
    [
        {"object": "error", "message": "out of memory", "code": 500},
        {"error": "out of memory"},
        {"message": "out of memory"},
        {"detail": "out of memory"},
        {"type": "error", "error": {"message": "out of memory"}},
        [{"error": {"message": "out of memory"}}],
        {"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "out of memory"}}]},
    ],
    ids=str,
)
def test_a_failure_that_is_told_in_an_answer_is_one(told):
    """Whatever its shape; the words are the server's."""
    with pytest.raises(BadAnswerError, match="out of memory") as caught:
        taken(body(told))
    assert caught.value.kind == "server"


@pytest.mark.parametrize("reason", ["error", "network_error", "abort", "insufficient_system_resource", "made_up"])
def test_an_end_that_is_none_is_a_failure(reason):
    with pytest.raises(BadAnswerError, match=reason):
        taken(body(reason=reason))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("stop", "stop"), ("STOP", "stop"), ("end_turn", "stop"), ("max_tokens", "length"), ("SAFETY", "content_filter")],
)
def test_an_end_has_one_word_of_ours(theirs, ours):
    assert taken(body(reason=theirs))[1].reason == ours


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
def test_half_a_sentence_without_a_reason_is_a_cut(end):
    with pytest.raises(BadAnswerError) as caught:
        taken(body(text="The rent is", reason=None) + end)
    assert caught.value.kind == "cut"


def test_a_server_that_gives_no_reasons_must_say_that_it_is_done():
    """Behind a whole sentence, or a count of the whole."""
    assert taken(body(reason=None) + b"data: [DONE]\n\n")[0] == "So it is."
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    assert taken(body(usage, text="The rent", reason=None) + b"data: [DONE]\n\n")[0] == "The rent"
    with pytest.raises(BadAnswerError):
        taken(body(reason=None))


def test_a_refusal_is_text_and_says_so():
    refusal = {"choices": [{"delta": {"refusal": "I cannot."}}]}
    text, answer = taken(body(refusal, text=""))
    assert (text, answer.reason) == ("I cannot.", "refusal")


_HIGH, _LOW = (b'{"choices": [{"delta": {"content": "\\u' + half + b'"}}]}' for half in (b"d83d", b"de00"))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (body(b""), "So it is."),
        (body(b'{"type": "ping"}'), "So it is."),
        (body(text="a").replace(b"\n\n", b"\n") + b"data: [DONE]", "a"),
        (body() + b"data: [DONE]\n\ndata: rubbish\n\n", "So it is."),
        (body() + b"data: rubbish\n\n", "So it is."),
        (body(_HIGH, _LOW), "So it is.\N{GRINNING FACE}"),
        (body(_HIGH), "So it is.\ufffd"),
        (body(_LOW, _HIGH, text=""), "\ufffd\ufffd"),
        (body(b'{"choices": [{"delta": {"content": "caf\xe9"}}]}'), "So it is.caf\ufffd"),
        (b'{"choices": [{"message": {"content": "All at once."}, "finish_reason": "stop"}]}', "All at once."),
        (b'{"choices":\n [{"message": {"content": "All at once."}}]}\n', "All at once."),
    ],
    ids=range(11),
)
def test_what_is_harmless_is_read(data, text):
    assert taken(data)[0] == text


_FIELDS = "choices", "delta", "content", "message", "error", "usage", "type", "code", "detail", "finish_reason"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON.map(json.dumps).map(str.encode) | st.binary(max_size=30), max_size=5), st.integers(1, 9))
def test_whatever_comes_it_is_an_answer_or_said_to_be_none(events, size):
    """Nothing else is raised, and what was said can be written down."""
    data = b"".join(b"data: " + event + b"\n\n" for event in events)
    answer, text = Answer(), ""
    with contextlib.suppress(BadAnswerError):
        for at in range(0, len(data), size):
            text += "".join(answer.feed(data[at : at + size]))
        text += "".join(answer.finish())
    text.encode()
    assert answer.usage is None or answer.usage.prompt > 0


@given(JSON | st.binary(max_size=60) | JSON.map(json.dumps).map(str.encode), st.integers(300, 599))
def test_whatever_a_server_refuses_with_is_one_line(said, status):
    endpoint = Endpoint(model="m", base_url="http://a/v1", key=KEY)
    error = refused(endpoint, status, Said.of(said))
    assert str(error).startswith("m at a: ")
    assert len(str(error).splitlines()) == 1
    assert str(error).encode()
    assert told_in_stream(endpoint, said if not isinstance(said, bytes) else str(said)).kind


# -- which server -------------------------------------------------------------------------------------------------


@pytest.fixture
def env(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENROUTER_API_KEY", "AGENTPOOL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_default_is_agentpool_model_then_openai_then_local(env):
    pytest.importorskip("xllamacpp")
    assert resolve() == Endpoint(model="local", local=True)
    env.setenv("OPENAI_API_KEY", KEY)
    assert resolve().model == DEFAULT_OPENAI_MODEL
    assert resolve().base_url == "https://api.openai.com/v1"
    assert resolve().key == KEY
    env.setenv("AGENTPOOL_MODEL", "local")
    assert resolve().local


def test_openai_base_url_is_honoured_for_hosted_names_only(env):
    pytest.importorskip("xllamacpp")
    env.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1234/v1/")
    assert resolve("qwen").base_url == "http://127.0.0.1:1234/v1"
    assert resolve("local").local


def test_the_openai_key_goes_to_no_server_that_a_team_names(env):
    """Only a variable that the team's description names is read for another server."""
    env.setenv("OPENAI_API_KEY", KEY)
    env.setenv("OTHER_KEY", "other")
    assert resolve("m", base_url="http://elsewhere.example/v1").key != KEY
    assert resolve("m", base_url="http://elsewhere.example/v1", api_key_env="OTHER_KEY").key == "other"


def test_a_missing_key_says_which_variable(env):
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        resolve("gpt-4.1-mini")
    with pytest.raises(UserError, match="MY_KEY"):
        resolve("m", base_url="https://elsewhere.example/v1", api_key_env="MY_KEY")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:80",
        "ftp://a/v1",
        "http://",
        "http://user:pw@a/v1",
        "http://user:a/pw@b/v1",
        "http://a/v1?key=pw",
        "http://a/v1?api-version=1&key=pw",
        "user:pw@a/v1",
        "http://a:99999/v1",
    ],
)
def test_unusable_addresses_are_refused_without_showing_secrets(env, url):
    with pytest.raises(SpecError) as caught:
        resolve("m", base_url=url)
    assert "pw" not in str(caught.value)


def test_an_api_version_may_stand_in_the_address(env):
    endpoint = resolve("m", base_url="https://x.example/openai/deployments/m/?api-version=2024-10-21")
    assert endpoint.url == "https://x.example/openai/deployments/m/chat/completions?api-version=2024-10-21"
    assert endpoint.host == "x.example"


def test_a_short_name_is_a_model_and_its_server(env):
    """Only where nothing else says which server; a name with a slash that is no server's stays a name."""
    assert resolve("ollama/llama3.2").base_url == "http://127.0.0.1:11434/v1"
    assert resolve("vllm@gpu7:9000/Qwen/Qwen3-8B").base_url == "http://gpu7:9000/v1"
    assert resolve("vllm@gpu7/Qwen/Qwen3-8B") == Endpoint(model="Qwen/Qwen3-8B", base_url="http://gpu7:8000/v1")
    assert resolve("ollama/llama3.2", base_url="http://a/v1").model == "ollama/llama3.2"
    with pytest.raises(UserError, match="OPENROUTER_API_KEY"):
        resolve("openrouter/meta-llama/llama-3.1-8b")
    with pytest.raises(SpecError, match="an address of its own"):
        resolve("groq@evil.example/m")
    env.setenv("OPENROUTER_API_KEY", KEY)
    assert resolve("openrouter/meta-llama/llama-3.1-8b").key == KEY
    env.setenv("OPENAI_API_KEY", "own")
    assert resolve("meta-llama/llama-3.1-8b").base_url == "https://api.openai.com/v1"
    env.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1234/v1")
    assert resolve("ollama/llama3.2") == Endpoint(
        model="ollama/llama3.2", base_url="http://127.0.0.1:1234/v1", key="own", key_variable="OPENAI_API_KEY"
    )


def test_an_address_needs_a_model(env):
    with pytest.raises(SpecError, match="name the one"):
        resolve(base_url="http://127.0.0.1:1/v1")


def test_cost_comes_from_the_spec_then_the_price_list():
    usage = Usage(prompt=1_000_000, completion=500_000)
    assert cost(usage, Endpoint(model="m", price=Price(input=2.0, output=8.0))) == pytest.approx(6.0)
    assert cost(usage, Endpoint(model="local", local=True)) == 0.0
    assert cost(usage, Endpoint(model="m", base_url="http://127.0.0.1:1/v1")) is None
    pytest.importorskip("genai_prices")
    listed = cost(usage, Endpoint(model=DEFAULT_OPENAI_MODEL, base_url="https://api.openai.com/v1"))
    assert listed is not None
    assert listed > 0


def test_the_client_library_is_imported_at_the_first_request_only():
    heavy = "{'openai', 'httpx2', 'xllamacpp'}"
    code = f"import sys, agentpool_jupyter.agents.models.client; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
