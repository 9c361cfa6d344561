"""What a local Kafka is started with: a Java, Apache Kafka's jars, its properties, and a folder with a cluster's id."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import ServiceError

from . import java as jvm
from .processes import owner_of_port, without_keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOST = "127.0.0.1"
VERSION = "4.3.1"
"""The pinned version of Apache Kafka."""

_COORDINATES = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-simple:1.7.36")
_INSTALL = "pip install 'agentpool-jupyter[broker]'"
_PROPERTIES = "server.properties"
_TAIL_LINES = 4
_JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",  # two cores and little garbage: the quickest to start
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


def java() -> Path:
    """Return a Java launcher that runs Kafka; see :func:`.java.java`."""
    return jvm.java("Kafka", fix=f"{_INSTALL} brings one")


def jars() -> list[Path]:
    """Return Kafka's jars; see :func:`.java.jars`."""
    return jvm.jars("kafka", "Apache Kafka", VERSION, _COORDINATES, fix=_INSTALL)


def prepare(folder: Path, port: int, further: Mapping[str, str]) -> list[str]:
    """Make a folder ready for a broker on a port, and return the command that starts it; raises ServiceError."""
    _check_port(port)
    command = [str(java()), *_JVM, "-cp", os.pathsep.join(map(str, jars()))]
    _configure(folder, port, further)
    _format(folder, command)
    return [*command, "kafka.Kafka", str(folder / _PROPERTIES)]


def telling(text: str) -> str:
    """Return the few lines of a Java program's output that say what went wrong, as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line for line in lines if not line.startswith("at ") and ("ERROR" in line or "Exception" in line)]
    return " | ".join((causes or lines)[-_TAIL_LINES:])


def free_port() -> int:
    """Return a port that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = owner_of_port(port) or error
            message = f"port {port} cannot be used ({why}): stop that, or choose another --port"
            raise ServiceError(message) from error


def _configure(folder: Path, port: int, further: Mapping[str, str]) -> None:
    controller = free_port()
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
    path = folder / _PROPERTIES
    path.touch(mode=0o600)  # further lines may hold a login
    path.write_text(text)


def _format(folder: Path, command: list[str]) -> None:
    """Give a new data folder the id of its cluster, which Kafka keeps in ``meta.properties``."""
    if (folder / "topics" / "meta.properties").exists():
        return
    cluster = "-"
    while cluster.startswith("-"):  # Kafka's own tool would take that for an option
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(folder / _PROPERTIES)]
    done = subprocess.run(  # noqa: S603 - our command
        [*command, *tool], capture_output=True, text=True, check=False, env=without_keys(), umask=0o077
    )
    if done.returncode:
        message = f"Kafka cannot use {folder} for its data: {telling(done.stdout + done.stderr)}"
        raise ServiceError(message)
