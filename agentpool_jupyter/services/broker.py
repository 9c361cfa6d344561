"""A local Apache Kafka for people who have none: one node, KRaft mode, on 127.0.0.1 only.

Everything of one broker lives in its data folder (``data_home()/kafka`` by default), so that pools survive a
restart and several brokers with different folders and ports can run at once::

    broker.json         who runs: process, its start, port
    server.properties   written anew by every start
    server.log          what Kafka says (the run before: server.log.1)
    topics/             Kafka's own files
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from agentpool_jupyter.errors import AgentPoolError, ServiceError
from agentpool_jupyter.log import data_home

from . import broker_runtime
from .broker_process import alive, owner_of_port, start_time

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "127.0.0.1"
PORT = 9092

_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
_KILL_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_TAIL_LINES = 4
_JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",  # two cores and little garbage: the quickest to start
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


@dataclass(frozen=True, kw_only=True)
class BrokerStatus:
    """A local broker as it is now."""

    running: bool
    port: int | None
    """None where it does not run."""
    pid: int | None
    data: Path
    """Its folder."""
    log: Path
    """What it says."""

    @property
    def address(self) -> str | None:
        """``host:port``, or None where it does not run."""
        return f"{HOST}:{self.port}" if self.running else None


def status(data: Path | None = None) -> BrokerStatus:
    """Return whether the broker of a data folder runs, and where."""
    folder = _folder(data)
    try:
        told = json.loads((folder / "broker.json").read_text())
        pid, started, port = int(told["pid"]), str(told["started"]), int(told["port"])
    except (OSError, ValueError, KeyError):
        pid, started, port = 0, "", 0
    running = pid > 0 and alive(pid, started)
    return BrokerStatus(
        running=running,
        port=port if running else None,
        pid=pid if running else None,
        data=folder,
        log=folder / "server.log",
    )


def start(port: int = PORT, data: Path | None = None, *, properties: Mapping[str, str] | None = None) -> BrokerStatus:
    """Start the broker of a data folder and return when it answers; one that runs already is left as it is.

    ``port`` 0 means any free one. ``properties`` are further lines of Kafka's ``server.properties``, which win.
    Raises ServiceError: no Java, no network for the first download, a port that is taken, a start that fails.
    """
    if sys.platform == "win32":
        message = "a local Kafka is not supported on Windows: use WSL, or the embedded store"
        raise ServiceError(message)
    folder = _folder(data)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        now = status(folder)
        if now.running:
            if port not in (0, now.port):
                message = (
                    f"this Kafka runs on port {now.port} already: `agentpool kafka stop` first, or name another --data"
                )
                raise ServiceError(message)
            return now
        port = port or _free_port()
        _check_port(port)
        java, classpath = broker_runtime.java(), os.pathsep.join(map(str, broker_runtime.jars()))
        command = [str(java), *_JVM, "-cp", classpath]
        _configure(folder, port, properties or {})
        _format(folder, command)
        log = folder / "server.log"
        if log.exists():
            log.replace(folder / "server.log.1")
        pid = _launch([*command, "kafka.Kafka", str(folder / "server.properties")], log)
        told = {"pid": pid, "started": start_time(pid), "port": port}
        (folder / "broker.json").write_text(json.dumps(told))
        try:
            _await_answer(folder, port)
        except BaseException:  # an interrupt, too, leaves nothing half started
            stop(folder)
            raise
        return status(folder)


def stop(data: Path | None = None) -> BrokerStatus:
    """Stop the broker of a data folder, if it runs; its pools stay. Raises ServiceError if it will not end."""
    folder = _folder(data)
    now = status(folder)
    if now.pid is None:
        return now
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        os.kill(now.pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not status(folder).running:
                (folder / "broker.json").unlink(missing_ok=True)
                return status(folder)
            time.sleep(_PAUSE_SECONDS)
    message = f"Kafka (process {now.pid}) does not end; see {now.log}"
    raise ServiceError(message)


def _folder(data: Path | None) -> Path:
    return (data_home() / "kafka" if data is None else Path(data).expanduser()).absolute()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _check_port(port: int) -> None:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = owner_of_port(port) or error
            message = f"port {port} cannot be used ({why}): stop that, or choose another --port"
            raise ServiceError(message) from error


def _configure(folder: Path, port: int, further: Mapping[str, str]) -> None:
    controller = _free_port()
    lines = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "topics"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "4000",  # how long a start after a crash waits for the session before it
        "num.network.threads": "2",
        "num.io.threads": "4",
    } | dict(further)
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    path = folder / "server.properties"
    path.touch(mode=0o600)  # further lines may hold a login
    path.write_text(text)


def _format(folder: Path, command: list[str]) -> None:
    """Give a new data folder the id of its cluster, which Kafka keeps in ``meta.properties``."""
    if (folder / "topics" / "meta.properties").exists():
        return
    cluster = "-"
    while cluster.startswith("-"):  # Kafka's own tool would take that for an option
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(folder / "server.properties")]
    done = subprocess.run([*command, *tool], capture_output=True, text=True, check=False)  # noqa: S603 - our command
    if done.returncode:
        message = f"Kafka cannot use {folder} for its data: {_telling(done.stdout + done.stderr)}"
        raise ServiceError(message)


def _launch(command: list[str], log: Path) -> int:
    """Start a process that outlives this one and its terminal, and return its id."""
    script = '"$@" </dev/null >"$0" 2>&1 & echo $!'
    shell = ["/bin/sh", "-c", script, str(log), *command]
    return int(subprocess.run(shell, stdout=subprocess.PIPE, check=True, start_new_session=True).stdout)  # noqa: S603


def _await_answer(folder: Path, port: int) -> None:
    from agentpool_jupyter.log.kafka import KafkaAddress, KafkaStore  # noqa: PLC0415 - the client is heavy

    store = KafkaStore(KafkaAddress(hosts=(f"{HOST}:{port}",), timeout_ms=1000))
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if not status(folder).running:
            raise _failed(folder, "ended while starting")
        try:
            with closing(socket.create_connection((HOST, port), timeout=1)):
                pass
            store.names()
        except (OSError, AgentPoolError) as error:
            if time.monotonic() > deadline:
                raise _failed(folder, f"did not answer within {_START_SECONDS:g} s") from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _failed(folder: Path, what: str) -> ServiceError:
    log = folder / "server.log"
    said = log.read_text(errors="replace") if log.exists() else ""
    return ServiceError(f"Kafka {what}; its log {log} says: {_telling(said)}")


def _telling(text: str) -> str:
    """Return the few lines of a Java program's output that say what went wrong, as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line for line in lines if not line.startswith("at ") and ("ERROR" in line or "Exception" in line)]
    return " | ".join((causes or lines)[-_TAIL_LINES:])
