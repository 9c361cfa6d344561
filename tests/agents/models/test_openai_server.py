"""The test server itself: what the other tests rely on."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from tests.openai_server import Cut, Hold, OpenAIServer, Refuse, expected
from tests.teams import until

MESSAGES = [{"role": "user", "content": "Plan a bakery."}]


def ask(server, **options):
    with openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0) as client:
        chunks = list(
            client.chat.completions.create(
                model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **options
            )
        )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return text, chunks[-1].usage


def test_answers_are_a_function_of_the_request():
    """Two equal requests get the text that ``expected`` foretells, cut at ``max_tokens``."""
    with OpenAIServer(tokens=12) as server:
        first, usage = ask(server)
        second, _ = ask(server)
        short, _ = ask(server, max_tokens=5)
    assert first == second == expected(MESSAGES, tokens=12)
    assert usage.completion_tokens == 12
    assert short == expected(MESSAGES, tokens=12, max_tokens=5)


def test_records_what_it_was_asked_without_the_key():
    """A request is kept with its messages and how much was sent, and never with the key."""
    with OpenAIServer(tokens=3) as server:
        ask(server, temperature=0.5)
        (request,) = server.requests
    assert request.messages == MESSAGES
    assert request.body["temperature"] == 0.5
    assert request.sent == 3
    assert "authorization" not in request.headers
    assert not request.disconnected


def test_an_answer_that_is_held_goes_on_when_it_is_released():
    """And is whole then; before that the tokens that are named have left, and no more."""
    hold = Hold(after=3)
    with OpenAIServer(tokens=12) as server, ThreadPoolExecutor(1) as thread:
        server.fault(hold)
        asked = thread.submit(ask, server)
        assert server.until(lambda server: server.open_streams == 1)
        until(lambda: server.requests[0].sent == 3)
        server.release(hold)
        assert asked.result(20)[0] == expected(MESSAGES, tokens=12)
        assert ask(server)[0] == expected(MESSAGES, tokens=12)


def test_faults_apply_in_order_and_as_often_as_told():
    """A fault of ``times=1`` hits one request, ``nth`` one number, ``contains`` those that mention a name."""
    with OpenAIServer(tokens=3) as server:
        server.fault(Refuse(503), times=1)
        server.fault(Refuse(429, retry_after="2"), nth=2)
        server.fault(Refuse(500), contains="nobody")
        with pytest.raises(openai.InternalServerError):
            ask(server)
        assert ask(server)[0] == expected(MESSAGES, tokens=3)
        with pytest.raises(openai.RateLimitError) as caught:
            ask(server)
        assert caught.value.response.headers["retry-after"] == "2"
        assert [request.status for request in server.requests] == [503, 200, 429]


def test_a_broken_stream_is_recorded_as_ended_by_the_server():
    """A cut counts as the server's doing, not as a client that went away."""
    with OpenAIServer(tokens=9) as server:
        server.fault(Cut(after=4))
        with pytest.raises(openai.APIConnectionError):
            ask(server)
        assert server.until(lambda server: server.open_streams == 0)
        assert server.requests[0].sent == 4
        assert not server.requests[0].disconnected


def test_prefill_is_continued():
    """With ``prefill`` the answer goes on where the assistant's last message stops."""
    whole = expected(MESSAGES, tokens=8)
    begun = expected(MESSAGES, tokens=8, max_tokens=3)
    prefilled = [*MESSAGES, {"role": "assistant", "content": begun}]
    with (
        OpenAIServer(tokens=8, prefill="continue") as server,
        openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0) as client,
    ):
        chunks = client.chat.completions.create(model="m", messages=prefilled, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert begun + text == whole


def test_runs_as_a_process_that_names_its_address_first():
    """The benchmarks start it as a script and read one line."""
    script = Path(__file__).parents[2] / "openai_server.py"
    with subprocess.Popen(
        [sys.executable, str(script), "--rate", "1000"], stdout=subprocess.PIPE, text=True
    ) as process:
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/models", timeout=10) as answer:
            assert json.load(answer)["object"] == "list"
        process.terminate()
