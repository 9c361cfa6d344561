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
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from agentpool_jupyter.errors import AgentPoolError, ServiceError
from agentpool_jupyter.log import data_home
from agentpool_jupyter.log.files import make_folder

from . import broker_setup
from .broker_setup import HOST
from .processes import alive, launch, start_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.log import Store

PORT = 9092

_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
_KILL_SECONDS = 10.0
_PAUSE_SECONDS = 0.05


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
    Raises ServiceError: no Java, no network for the first download, a port that is taken, a start that fails; and
    ExtraMissingError without the Kafka client.
    """
    if sys.platform == "win32":
        message = "a local Kafka is not supported on Windows: use WSL, or the embedded store"
        raise ServiceError(message)
    from agentpool_jupyter.log.kafka import KafkaAddress, KafkaStore  # noqa: PLC0415 - the client is heavy, and optional

    folder = _folder(data)
    make_folder(folder)
    with FileLock(folder / "lock"):
        now = status(folder)
        if now.running:
            if port not in (0, now.port):
                message = (
                    f"this Kafka runs on port {now.port} already: `agentpool kafka stop` first, or name another --data"
                )
                raise ServiceError(message)
            return now
        port = port or broker_setup.free_port()
        command = broker_setup.prepare(folder, port, properties or {})
        log = folder / "server.log"
        if log.exists():
            log.replace(folder / "server.log.1")
        pid = launch(command, log)
        told = {"pid": pid, "started": start_time(pid), "port": port}
        (folder / "broker.json").write_text(json.dumps(told))
        try:
            _await_answer(folder, port, KafkaStore(KafkaAddress(hosts=(f"{HOST}:{port}",), timeout_ms=1000)))
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


def _await_answer(folder: Path, port: int, store: Store) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if not status(folder).running:
            raise _failed(folder, "ended while starting")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
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
    return ServiceError(f"Kafka {what}; its log {log} says: {broker_setup.telling(said)}")
