"""A Hadoop's own commands: which of its applications belong to a job, what they said, and how they are ended."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import EngineError

if TYPE_CHECKING:
    from typing import IO

_APPLICATION = re.compile(r"^(application_\d+_\d+)\b", re.MULTILINE)
_SECONDS = 60.0
_COLLECTED_SECONDS = 30.0


def home() -> Path:
    """Return the user's Hadoop; raises EngineError where HADOOP_HOME names none."""
    told = os.environ.get("HADOOP_HOME")
    if not told:
        message = "the engine 'hadoop' needs a Hadoop: set HADOOP_HOME to its folder, or use engine='local'"
        raise EngineError(message)
    command = Path(told, "bin", "hadoop")
    if not os.access(command, os.X_OK):
        message = f"HADOOP_HOME={told} holds no Hadoop ({command} is no program): set it to a Hadoop's folder"
        raise EngineError(message)
    return Path(told)


def folder(key: str) -> str:
    """Return the folder of a job's temporary files on HDFS."""
    return f"hdfs:///tmp/agentpool-{key}"


def keep_logs(key: str, log: IO[bytes]) -> None:
    """Append what a job's tasks wrote to standard error, tracebacks among it."""
    # YARN collects this a few seconds after the job has ended, and only where log aggregation is on.
    deadline = time.monotonic() + _COLLECTED_SECONDS
    for application in _applications(key, "-appStates", "ALL"):
        said = b""
        while b"LogType" not in said and time.monotonic() < deadline:
            said = _run("yarn", "logs", "-applicationId", application, "-log_files", "stderr").stdout
        log.write(said)


def end(key: str) -> None:
    """End what a job runs on the cluster."""
    for application in _applications(key):
        _run("yarn", "application", "-kill", application)


def remove(key: str) -> None:
    """Remove a job's temporary files on HDFS."""
    _run("hadoop", "fs", "-rm", "-r", "-f", "-skipTrash", folder(key))


def _applications(key: str, *states: str) -> list[str]:
    """Return the ids of a job's applications, told by its tag; without ``states`` those that have not ended."""
    told = _run("yarn", "application", "-list", "-appTags", key.lower(), *states).stdout
    return _APPLICATION.findall(told.decode(errors="replace"))


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(home() / "bin" / program), *arguments]
    try:
        return subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - the user's own
    except (OSError, subprocess.TimeoutExpired) as error:  # a cluster that is away has nothing left to end
        return subprocess.CompletedProcess(command, 1, b"", str(error).encode())
