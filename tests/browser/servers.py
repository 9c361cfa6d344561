"""A real Jupyter server with a home of its own: nothing of whoever runs the tests is read or written."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import psutil

from tests.conftest import ROOT
from tests.teams import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOKEN = "browser-tests"
_SETTINGS = {
    # No news and no updates: they are asked for on the network, and pop up over what is looked at.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@dataclass(frozen=True)
class JupyterServer:
    """One server, which serves JupyterLab and Notebook 7 alike."""

    url: str
    folder: Path
    """Where its notebooks are."""
    store: Path
    """Where its kernels keep their pools."""
    settings: Path
    """Where JupyterLab keeps its user's settings; a page reads them when it is opened."""
    process: subprocess.Popen[bytes]

    def address(self, front_end: str, name: str) -> str:
        """Return where a notebook is shown by ``lab`` or ``notebooks``."""
        path = f"lab/tree/{name}" if front_end == "lab" else f"notebooks/{name}"
        return f"{self.url}{path}?token={_TOKEN}" + ("&reset" if front_end == "lab" else "")

    def kernel_process(self, name: str) -> psutil.Process:
        """Return the process of a notebook's kernel."""
        kernel = next(session["kernel"]["id"] for session in self._ask("sessions") if session["path"] == name)
        return next(child for child in psutil.Process(self.process.pid).children() if kernel in str(child.cmdline()))

    def give_kernel(self, name: str) -> None:
        """Connect a notebook to the kernel that is there, idle, or else to a new one."""
        idle = [kernel for kernel in self._ask("kernels") if kernel["execution_state"] == "idle"]
        kernel = {"id": idle[0]["id"]} if idle else {"name": "python3"}
        self._ask("sessions", "POST", {"path": name, "name": name, "type": "notebook", "kernel": kernel})

    def end_kernels(self) -> None:
        """Shut down all kernels; their sessions end with them."""
        for kernel in self._ask("kernels"):
            self._ask(f"kernels/{kernel['id']}", "DELETE")

    def _ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        headers = {"Authorization": f"token {_TOKEN}"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}api/{path}", data, headers, method=method), timeout=30) as answer:
            return json.loads(answer.read() or "null")


@contextlib.contextmanager
def jupyter_server(home: Path) -> Iterator[JupyterServer]:
    """Start a server on a free port, and end it with its kernels."""
    folder, store, config = home / "notebooks", home / "pools", home / "config"
    folder.mkdir(parents=True)
    settings = config / "lab" / "user-settings"
    for plugin, values in _SETTINGS.items():
        path = settings / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AGENTPOOL_"))}
    environment |= {
        "AGENTPOOL_STORE": str(store),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_PATH": str(_with_extension(home / "extension")),  # this clone's, whatever is installed
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_TOKEN": _TOKEN,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    command.append("--expose-app-in-browser")  # `jupyterapp`, by which a test chooses a theme
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder}"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield JupyterServer(_url(process, home), folder, store, settings, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _with_extension(folder: Path) -> Path:
    """Return a data folder that has this clone's JupyterLab extension, as it was built last."""
    built = ROOT / "labextension" / "lab" / "dist"
    assert built.is_dir(), "the JupyterLab extension was not built: `pip install -e .` builds it"
    (folder / "labextensions").mkdir(parents=True)
    (folder / "labextensions" / "agentpool-jupyter").symlink_to(built)
    return folder


def _url(process: subprocess.Popen[bytes], home: Path) -> str:
    """Wait for the server to say where it listens."""
    info = home / "runtime" / f"jpserver-{process.pid}.json"

    def listens() -> bool:
        assert process.poll() is None, (home / "server.log").read_text()
        return info.exists() and info.stat().st_size > 0

    until(listens, 60)
    return str(json.loads(info.read_text())["url"])
