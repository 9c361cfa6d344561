"""``agentpool``: the entry point, and what all subcommands share.

A subcommand is a module with ``register(subparsers)``, which adds a parser whose default ``run`` takes the parsed
arguments and returns the exit code.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import AgentPoolError

from . import kafka

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED = 2
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; what goes wrong is one line on stderr and code 2."""
    parser = argparse.ArgumentParser(prog="agentpool", description="Tools around pools of language-model agents.")
    parser.add_argument("--version", action="store_true", help="print the version and end")
    kafka.register(parser.add_subparsers(metavar="COMMAND"))
    arguments = parser.parse_args(argv)
    if arguments.version:
        sys.stdout.write(f"agentpool {version('agentpool-jupyter')}\n")
        return 0
    if "run" not in arguments:
        parser.error("which command? See --help")
    try:
        return int(arguments.run(arguments))
    except AgentPoolError as error:
        sys.stderr.write(f"agentpool: {error}\n")
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
