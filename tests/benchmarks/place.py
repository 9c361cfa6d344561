"""Where a benchmark happens: a folder, the two stores in it, model servers; all gone at the end."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.services import broker

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


class Place(contextlib.ExitStack):
    """A fresh folder with an SQLite store, and a Kafka broker that is started when first asked for.

    ``kafka`` is the data folder of a broker to use instead of one of our own; it is started if it does not run.
    """

    def __init__(self, kafka: Path | None = None) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="agentpool-bench-"))
        self.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._data = kafka or self.folder / "kafka"
        self._topics = f"bench-{secrets.token_hex(4)}"
        self._stores: dict[str, str] = {}

    @property
    def embedded(self) -> str:
        """The address of the SQLite store, for what has no use for Kafka."""
        return str(self.folder / "pools")

    @property
    def stores(self) -> dict[str, str]:
        """The addresses of both stores; raises ServiceError where Kafka cannot be started here."""
        if not self._stores:
            mine = not broker.status(self._data).running
            address = broker.start(0, self._data).address
            if mine:
                self.callback(broker.stop, self._data)
            self._stores = {"sqlite": self.embedded, "kafka": f"kafka://{address}/{self._topics}"}
        return self._stores

    def stored(self, store: str, pool: str) -> int:
        """Return the bytes that a closed pool takes on disk: its file, or its topic's segments.

        Kafka's index files are left out: they are preallocated, sparse and the same for any topic.
        """
        if store == "sqlite":
            return sum(path.stat().st_size for path in (self.folder / "pools").glob(f"{pool}.sqlite*"))
        topic = f"{self._topics}.{pool}-0"
        return sum(path.stat().st_size for path in (self._data / "topics" / topic).glob("*.log"))


@contextlib.contextmanager
def model_server(*, rate: float, tokens: int, stamp: bool = False) -> Iterator[str]:
    """Run the tests' model server in a process of its own and yield its base URL.

    ``rate`` is in tokens per second and stream, ``tokens`` the length of every answer; with ``stamp`` each token is
    the nanosecond at which it left.
    """
    command = [sys.executable, "-m", "tests.openai_server", "--rate", str(rate), "--tokens", str(tokens)]
    with subprocess.Popen(command + ["--stamp"] * stamp, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
