"""``%kafka``: a local Apache Kafka for the pools of this notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from agentpool_jupyter.display.note import Note
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError

from .usage import SessionMagics, at_most_one

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.services.broker import BrokerStatus

ACTIONS = ("start", "status", "stop")
_STORE = "AGENTPOOL_STORE"


@magics_class
class KafkaMagics(SessionMagics):
    """``%kafka``."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        super().__init__(shell, session)
        self._before: str | None = None

    @line_magic
    @magic_arguments()
    @argument("action", nargs="*", metavar="ACTION", help=f"{', '.join(ACTIONS)} (default: status)")
    @argument("--use", action="store_true", help="start: have the pools of this notebook there from now on")
    @argument("--port", type=int, metavar="P", help="start: where it listens (default: 9092; 0: any free one)")
    @argument("--data", metavar="DIR", help="its folder (default: one of the user's own)")
    def kafka(self, line: str) -> Any:
        """Run an Apache Kafka on this machine, for pools that several notebooks share.

        ::

            %kafka start [--use]     start it and wait until it answers; the first time it is fetched, 46 MB
            %kafka status            whether it runs, and where
            %kafka stop              stop it; its pools stay, and are there again when it is started

        ``--use`` sets ``$AGENTPOOL_STORE``, so that it holds for magics, for Python and for programs that the notebook
        starts. In a terminal: ``agentpool kafka start``.
        """
        return self.answer(self.kafka, line, self._do)

    def _do(self, session: Session, arguments: Namespace) -> Table | Note:
        from agentpool_jupyter.services import broker  # noqa: PLC0415 - loading the extension stays quick

        action = at_most_one(arguments.action, f"%kafka takes one of {', '.join(ACTIONS)}") or "status"
        data = None if arguments.data is None else Path(arguments.data)
        if action == "start":
            port = broker.PORT if arguments.port is None else arguments.port
            now = broker.start(port, data)
            if arguments.use:
                self._use(_url(now))
            return _shown(now)
        if arguments.use or arguments.port is not None:
            message = f"--use and --port belong to `%kafka start`, not to {action!r}"
            raise UserError(message)
        now = broker.status(data)
        if action == "status":
            return _shown(now)
        if action != "stop":
            message = f"%kafka takes one of {', '.join(ACTIONS)}, not {action!r}"
            raise UserError(message)
        return self._stop(session, now, data)

    def _use(self, url: str) -> None:
        if os.environ.get(_STORE) != url:
            self._before = os.environ.get(_STORE)
            os.environ[_STORE] = url

    def _stop(self, session: Session, now: BrokerStatus, data: Path | None) -> Note:
        from agentpool_jupyter.services import broker  # noqa: PLC0415 - as above

        if not now.running:
            return Note(f"no Kafka runs with data in {now.data}")
        url = _url(now)
        runs = [run.id for run in session.running() if run.pool.store.url == url]
        if runs:
            message = f"a team of this notebook works there ({', '.join(runs)}): `%agents stop` first"
            raise UserError(message)
        session.forget_store(url)
        broker.stop(data)
        told = f"stopped; its pools stay in {now.data}"
        if os.environ.get(_STORE) == url:
            if self._before is None:
                del os.environ[_STORE]
            else:
                os.environ[_STORE] = self._before
            told += f". The pools of this notebook are in {session.open_store().url} again"
        return Note(told)


def _url(status: BrokerStatus) -> str:
    return f"kafka://{status.address}"


def _shown(status: BrokerStatus) -> Table | Note:
    if not status.running:
        return Note(f"no Kafka runs with data in {status.data}: `%kafka start` starts it")
    used = os.environ.get(_STORE) == _url(status)
    rows = [
        ("store", _url(status)),
        ("this notebook", "has its pools there" if used else f"--store {_url(status)}, or %kafka start --use"),
        ("data", status.data),
        ("log", status.log),
        ("process", status.pid),
    ]
    return Table(("Kafka", "runs"), rows)
