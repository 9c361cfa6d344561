"""How magics read their line, and how they tell a user's mistake: in one line, without a traceback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import parse_argstring

from agentpool_jupyter.errors import LogError, ServiceError, SnapshotError, UserError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator


def parse(magic: Any, line: str) -> Namespace:
    """Return a magic's arguments; raises UsageError."""
    try:
        arguments: Namespace = parse_argstring(magic, line)
    except ValueError as error:  # a quote that is opened and not closed
        raise UsageError(str(error)) from None
    return arguments


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn what the user or the world did wrong into IPython's one-line error."""
    try:
        yield
    except (UserError, LogError, ServiceError, SnapshotError) as error:
        raise UsageError(str(error)) from None
    except OSError as error:  # such as a disk that is full
        message = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        raise UsageError(message) from None
