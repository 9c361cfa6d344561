"""How magics read their line, and how they tell a user's mistake: in one line, without a traceback."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics
from IPython.core.magic_arguments import argument
from IPython.utils.process import arg_split

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.errors import LogError, ServiceError, SnapshotError, UserError
from agentpool_jupyter.jupyter import faults

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.jupyter.session import Session

POOL = argument("--pool", help="the pool (default: the current one)")
STORE = argument("--store", help="a folder, or kafka://host:port")
_COMMENT = re.compile(r"""(["']).*?\1|(?<!\S)#.*""")  # or a text in quotes, in which # is no comment
_QUOTED = re.compile(r"""(["'])(.*)\1""", re.DOTALL)
ENGINES = "local, inline, spark, hadoop, emr or dataproc"


class SessionMagics(Magics):  # type: ignore[misc]  # IPython's types are not followed
    """Magics over what a notebook holds open."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    def answer(self, magic: Any, line: str, do: Callable[[Session, Namespace], Any]) -> Any:
        """Return what a magic does with its line; a mistake in it, or what the world did wrong, is a UsageError."""
        with usage_errors():
            return do(self.session, _read(magic.parser, line))


def _read(parser: Any, line: str) -> Namespace:
    """Return what a line says, up to a comment; raises UsageError, with the option that is nearly meant."""
    line = _COMMENT.sub(lambda found: found[0] if found[1] else "", line)
    try:
        words = [found[2] if (found := _QUOTED.fullmatch(word)) else word for word in arg_split(line)]
    except ValueError as error:  # a quote that is opened and not closed
        raise UsageError(str(error)) from None
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        from agentpool_jupyter.agents.team.fields import near  # noqa: PLC0415 - loading the extension stays quick

        option = next((word.partition("=")[0] for word in unknown if word.startswith("-")), None)
        meant = "" if option is None else near(option, parser._option_string_actions)  # noqa: SLF001 - no other way
        message = f"unrecognized arguments: {option or ' '.join(unknown)}{meant}"
        raise UsageError(message)
    return arguments  # type: ignore[no-any-return]


@contextmanager
def usage_errors(*more: type[Exception]) -> Iterator[None]:
    """Turn what the user or the world did wrong, and ``more``, into IPython's one-line error."""
    mistakes: tuple[type[Exception], ...] = (UserError, LogError, ServiceError, SnapshotError, *more)
    try:
        yield
    except mistakes as error:
        raise UsageError(printable(str(error))) from None
    except OSError as error:  # such as a disk that is full
        raise UsageError(faults.told(error)) from None


def at_most_one(words: Sequence[str], message: str) -> str | None:
    """Return the one word that a line may have; raises UserError where there are more."""
    if len(words) > 1:
        message = f"{message}, not {' '.join(words)!r}"
        raise UserError(message)
    return words[0] if words else None
