"""Completion of actions, options and pool names behind the magics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import AgentPoolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from .magics import AgentPoolMagics

_ACTIONS = {
    "%agents": ["status", "stop", "attach", "resume", "list"],
    "%%agents": [],
    "%pool": ["list", "use", "log", "new", "delete"],
}


def install_completion(shell: InteractiveShell, magics: AgentPoolMagics) -> None:
    """Complete behind ``%agents``, ``%%agents`` and ``%pool``."""
    for command in _ACTIONS:
        shell.set_hook("complete_command", _completer(magics, command), str_key=command)


def remove_completion(shell: InteractiveShell) -> None:
    """Take the completion away again."""
    for command in _ACTIONS:
        shell.strdispatchers["complete_command"].strs.pop(command, None)


def _completer(magics: AgentPoolMagics, command: str) -> Callable[[Any, Any], list[str]]:
    def complete(_shell: Any, event: Any) -> list[str]:
        words = event.line.split()
        options = [option for action in _parser(magics, command)._actions for option in action.option_strings]  # noqa: SLF001
        if event.symbol.startswith("-"):
            return options
        first = len(words) == 1 or (len(words) == 2 and not event.line.endswith(" "))  # noqa: PLR2004
        return [*(_ACTIONS[command] if first else []), *_pools(magics)]

    return complete


def _parser(magics: AgentPoolMagics, command: str) -> Any:
    function: Any = magics.pool if command == "%pool" else magics.agents
    return function.parser


def _pools(magics: AgentPoolMagics) -> list[str]:
    from agentpool_jupyter.log import open_store  # noqa: PLC0415 - only when somebody presses Tab

    try:
        return open_store(magics.session.store).names()
    except AgentPoolError:  # completion never disturbs typing
        return []
