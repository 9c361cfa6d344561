"""What ``%diff`` does; what it prints is made by :mod:`agentpool_jupyter.history.diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from agentpool_jupyter.history import Diff
    from agentpool_jupyter.jupyter.session import Session


def do(session: Session, arguments: Namespace) -> Diff:
    """Compare two positions."""
    from agentpool_jupyter.history import diff  # noqa: PLC0415 - loading the extension stays quick

    return diff(session.pool(arguments.pool, arguments.store), arguments.a, arguments.b)
