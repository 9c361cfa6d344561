"""Runs the notebooks of this repository anew, so that what is saved in them is what their code gives.

``python -m tests.notebooks`` runs all, ``python -m tests.notebooks 00 07`` those whose names begin so. Each is run from
top to bottom by a kernel of its own, in a home of its own: no pool and no setting of whoever runs it is read or
written, and no path of this machine is saved. Of widgets the still pictures are kept, which the kernel writes itself;
the widgets' own outputs mean nothing once their kernel has ended. Notebooks say in their metadata of which code their
outputs are (:func:`digest`), and a test holds them to it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbclient import NotebookClient

if TYPE_CHECKING:
    from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
RAN = "agentpool"
"""The key in a notebook's metadata that says of which code its outputs are."""

_WIDGET = "application/vnd.jupyter.widget-view+json"
_CELL_SECONDS = 600
_KEPT = ("AGENTPOOL_", "JUPYTER", "OPENAI_", "XDG_", "IPYTHON")
"""Variables by whose names a kernel would find what is this person's."""


def digest(notebook: NotebookNode) -> str:
    """Return what tells the code of a notebook's cells from any other; its texts may change freely."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def run(path: Path) -> NotebookNode:
    """Run a notebook from top to bottom, and return it with what its cells gave; raises CellExecutionError."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="home-") as home:
        folder = Path(home, "notebooks")
        shutil.copytree(FOLDER, folder)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT)}
        _share_downloads(Path(home))
        client = NotebookClient(
            notebook,
            timeout=_CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            store_widget_state=False,
            record_timing=False,
            coalesce_streams=True,
        )
        client.execute(env=environment | {"HOME": home})
        _clean(notebook, home)
    notebook.metadata = {
        "kernelspec": notebook.metadata["kernelspec"],
        "language_info": {"name": "python"},
        RAN: {"ran": digest(notebook)},
    }
    return notebook


def _share_downloads(home: Path) -> None:
    """Let the home have what was downloaded once, such as Kafka, and nothing else."""
    for name in (".cache/agentpool",):
        there = Path.home() / name
        if there.is_dir():
            home.joinpath(name).parent.mkdir(exist_ok=True)
            home.joinpath(name).symlink_to(there)


def _clean(notebook: NotebookNode, home: str) -> None:
    """Take out what is of this run alone: widgets whose kernel has ended, and where it was."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        kept = []
        for output in cell.outputs:
            data = output.get("data", {})
            if data.pop(_WIDGET, None) is not None and not "".join(data.values()).strip():
                continue
            kept.append(_without(output, home))
        cell.outputs = kept


def _without(value: object, home: str) -> object:
    """Return an output without a path of this machine, at whatever depth it stands."""
    if isinstance(value, str):
        host = re.escape(socket.gethostname())
        text = value.replace(home, "~").replace(sys.prefix, "…").replace(sys.base_prefix, "…")
        text = re.sub(r"/(private/)?tmp/(tmp|pytest-)[^/\s\"'<]*", "/tmp/…", text)
        return re.sub(rf"\b{host}(?=:\d+:)|(?<= on ){host}\b", "here", text)
    if isinstance(value, list):
        return [_without(one, home) for one in value]
    if isinstance(value, dict):
        return type(value)({name: _without(one, home) for name, one in value.items()})
    return value


def main(*names: str) -> None:
    """Run the notebooks whose names begin with one of these (default: all), and save each that succeeded."""
    for path in NOTEBOOKS:
        if not names or path.name.startswith(names):
            begun = time.monotonic()
            nbformat.write(run(path), path)
            print(f"{path.name}: {time.monotonic() - begun:.0f} s, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
