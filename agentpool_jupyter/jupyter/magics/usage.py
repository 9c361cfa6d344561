"""How magics read their line, and how they tell a user's mistake: in one line, without a traceback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics
from IPython.core.magic_arguments import argument, parse_argstring

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.errors import LogError, ServiceError, SnapshotError, UserError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.jupyter.session import Session

POOL = argument("--pool", help="the pool (default: the current one)")
STORE = argument("--store", help="a folder, or kafka://host:port")
ENGINES = "local, inline, spark, hadoop, emr or dataproc"


class SessionMagics(Magics):  # type: ignore[misc]  # IPython's types are not followed
    """Magics over what a notebook holds open."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    def answer(self, magic: Any, line: str, do: Callable[[Session, Namespace], Any]) -> Any:
        """Return what a magic does with its line; a mistake in it, or what the world did wrong, is a UsageError."""
        try:
            arguments = parse_argstring(magic, line)
        except ValueError as error:  # a quote that is opened and not closed
            raise UsageError(str(error)) from None
        with usage_errors():
            return do(self.session, arguments)


@contextmanager
def usage_errors(*more: type[Exception]) -> Iterator[None]:
    """Turn what the user or the world did wrong, and ``more``, into IPython's one-line error."""
    mistakes: tuple[type[Exception], ...] = (UserError, LogError, ServiceError, SnapshotError, *more)
    try:
        yield
    except mistakes as error:
        raise UsageError(printable(str(error))) from None
    except OSError as error:  # such as a disk that is full
        message = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        raise UsageError(printable(message)) from None


def at_most_one(words: Sequence[str], message: str) -> str | None:
    """Return the one word that a line may have; raises UserError where there are more."""
    if len(words) > 1:
        message = f"{message}, not {' '.join(words)!r}"
        raise UserError(message)
    return words[0] if words else None
