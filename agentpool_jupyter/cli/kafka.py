"""``agentpool kafka start|status|stop``: a local Apache Kafka."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.services import broker

if TYPE_CHECKING:
    import argparse

_NOT_RUNNING = 1


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    kafka = subparsers.add_parser("kafka", help="a local Apache Kafka", description="Run a local Apache Kafka.")
    actions = kafka.add_subparsers(required=True, metavar="ACTION")
    for action, run, told in (
        ("start", _start, "start it and wait until it answers (the first time: download it)"),
        ("status", _status, "say where it listens; exit code 1 if it does not run"),
        ("stop", _stop, "stop it; its pools stay"),
    ):
        parser = actions.add_parser(action, help=told, description=told)
        parser.add_argument("--data", type=Path, metavar="DIR", help="its folder (default: one of the user's own)")
        if action == "start":
            parser.add_argument("--port", type=int, default=broker.PORT, metavar="P", help="default: %(default)s")
        parser.set_defaults(run=run)


def _start(arguments: argparse.Namespace) -> int:
    return _show(broker.start(arguments.port, arguments.data))


def _status(arguments: argparse.Namespace) -> int:
    return _show(broker.status(arguments.data))


def _stop(arguments: argparse.Namespace) -> int:
    was = broker.status(arguments.data)
    now = broker.stop(arguments.data)
    sys.stdout.write(f"{'stopped' if was.running else 'was not running'}; its data stay in {now.data}\n")
    return 0


def _show(status: broker.BrokerStatus) -> int:
    if not status.running:
        sys.stderr.write(f"agentpool: no Kafka runs with data in {status.data}; `agentpool kafka start` starts it\n")
        return _NOT_RUNNING
    sys.stdout.write(f"{status.address}\n")
    for name, value in (
        ("store", f"kafka://{status.address}"),
        ("data", status.data),
        ("log", status.log),
        ("pid", status.pid),
    ):
        sys.stdout.write(f"{name:<6} {value}\n")
    return 0
