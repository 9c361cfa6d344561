"""The bundled model's server process: llama.cpp's server inside ``xllamacpp``, alive while somebody uses it.

Run as a file by :mod:`.local_model`, never imported by it and importing nothing of this package: it must start
fast and in any surroundings. It leaves the process tree of whoever started it, so that a kernel neither has to
wait for it nor takes it down.

Each user holds one TCP connection to the control port, after saying the key there. The operating system
closes that connection even for a process killed with -9, so the count is right without any heartbeat. Some seconds
after the last one went, the process takes the lock under which users start and join, and ends.
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
import json
import math
import os
import secrets
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any

import filelock

SLOTS = 4
SLOT_TOKENS = 4096
"""Context of one slot: half of what the model was trained on, and more than the agents' default budget."""
MOST_THREADS = 8
"""More do not speed up a model of this size."""
GREETING = b"ok\n"
_LINGER_SECONDS = 3.0
_GRACE_SECONDS = 15.0


def main() -> None:
    """Serve the model until nobody uses it; the first line of standard output is the state, as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", required=True, help="GGUF file")
    parser.add_argument("--alias", required=True, help="name that the server answers to")
    parser.add_argument("--state", type=Path, required=True, help="file that says where the server is")
    parser.add_argument("--lock", required=True, help="lock under which users start and join")
    options = parser.parse_args()
    _detach()
    key = secrets.token_urlsafe(24)
    server = _serve(options.model, options.alias, key)
    door = Door(key)
    state = {"base_url": f"{server.listening_address}/v1", "key": key, "control": door.port, "pid": os.getpid()}
    _publish(state, options.state)
    while True:
        door.wait()
        # A user who is about to join holds the lock: then stay, and look again.
        with contextlib.suppress(filelock.Timeout), filelock.FileLock(options.lock, timeout=0):
            options.state.unlink(missing_ok=True)
            # llama.cpp's threads have nothing to save, and unloading them in order takes seconds.
            os._exit(0)


class Door:
    """The control port: counts the users that hold a connection and have said the key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._users: set[socket.socket] = set()
        self.port: int = self._listener.getsockname()[1]
        self._greeted = False

    def wait(self) -> None:
        """Return when there has been no user for some seconds, or none ever for some more."""
        deadline = time.monotonic() + (_LINGER_SECONDS if self._greeted else _GRACE_SECONDS)
        while self._users or time.monotonic() < deadline:
            timeout = None if self._users else max(0.0, deadline - time.monotonic())
            busy = bool(self._users)
            for ready, _ in self._selector.select(timeout):
                if ready.fileobj is self._listener:
                    self._let_in()
                else:
                    self._hear(ready.fileobj)  # type: ignore[arg-type]  # only sockets are registered
            if busy and not self._users:
                deadline = time.monotonic() + _LINGER_SECONDS

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)  # noqa: FBT003 - the socket's own signature
            self._selector.register(connection, selectors.EVENT_READ)

    def _hear(self, connection: socket.socket) -> None:
        try:
            said = connection.recv(256)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if connection not in self._users and hmac.compare_digest(said.strip(), self._key):
            self._users.add(connection)
            self._greeted = True
            with contextlib.suppress(OSError):
                connection.send(GREETING)
        elif not said or connection not in self._users:
            self._users.discard(connection)
            self._selector.unregister(connection)
            connection.close()


def _detach() -> None:
    """Leave the starter's session and process tree: the starter's child ends at once, its child goes on."""
    if sys.platform != "win32":  # there, the starter's flags do all that is needed
        if os.fork():
            os._exit(0)
        os.setsid()
    os.chdir(Path(sys.executable).anchor)


def _publish(state: dict[str, Any], path: Path) -> None:
    """Write the state for other processes, then tell the starter, whose pipe is let go."""
    text = json.dumps(state)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    with contextlib.suppress(OSError):  # a starter that died meanwhile
        os.write(1, text.encode() + b"\n")
    os.dup2(2, 1)


def _serve(model: str, alias: str, key: str) -> Any:
    import xllamacpp  # noqa: PLC0415 - after the fork: it starts threads

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.ui = False
    params.endpoint_slots = False  # shows prompts
    params.verbosity = 1  # errors only: the log must not fill up, nor hold what people write
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * SLOT_TOKENS
    # Half the memory of the default (the cache is most of it: 350 MB in all instead of 530), at the same speed.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    params.n_batch = params.n_ubatch = 512
    params.fit_params = False  # the sizes above are meant
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads()
    # What a request leaves open. Tried on short team prompts: without a penalty every sixth 4-gram of a greedy
    # answer repeats, with this every fiftieth, and 8 of 9 answers end by themselves.
    params.sampling.temp = 0.3
    params.sampling.penalty_repeat = 1.1
    params.n_threads_http = 128  # one for each request that streams or waits for a slot
    params.sse_ping_interval = 5  # a request that waits for a slot is not silent
    params.cache_prompt = True
    params.cache_ram_mib = 64  # the default, 8 GiB, is more than a Binder has
    params.warmup = False  # the first prompt does it
    return xllamacpp.Server(params)


def threads() -> int:
    """Return how many threads to compute with: one less than the cores that this process may use, at least one.

    llama.cpp's threads wait for each other by spinning. As soon as one of them has to share its core (with a
    kernel, a browser), all lose: on two cores beside one busy process, two threads gave 20 tokens/s and one
    thread 80; on idle cores 125 and 85. Counts what the scheduler and the container (cgroup v2 or v1) allow.
    """
    try:
        allowed = os.sched_getaffinity(0)  # type: ignore[attr-defined,unused-ignore]  # Linux only
    except AttributeError:
        cores: float = (os.cpu_count() or 2) / (2 if sys.platform == "win32" else 1)
    else:
        topology = (Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") for cpu in allowed)
        siblings = {_text(path) for path in topology} - {""}
        cores = min(len(siblings) or len(allowed), _quota())
    return max(1, min(MOST_THREADS, int(cores) - 1))


def _quota() -> float:
    quota, _, period = _text(Path("/sys/fs/cgroup/cpu.max")).partition(" ")
    if not period:
        quota = _text(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
        period = _text(Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))
    try:
        cores = float(quota) / float(period)
    except ValueError:  # "max", or no cgroup here
        return math.inf
    return cores if cores > 0 else math.inf


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
