"""Completion of actions, options, pools and positions behind the magics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import AgentPoolError

from .agents.actions import ACTIONS as OF_AGENTS
from .kafka import ACTIONS as OF_KAFKA
from .pool import ACTIONS as OF_POOL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.magic import Magics

    from agentpool_jupyter.jupyter.session import Session

_ACTIONS = {
    "%agents": list(OF_AGENTS),
    "%%agents": [],
    "%pool": list(OF_POOL),
    "%snapshot": [],
    "%kafka": list(OF_KAFKA),
}
"""Commands whose first word is an action or a pool."""
_POSITIONS = ("%rollback", "%branch", "%diff", "%trace")
"""Commands whose words are positions."""
_SIMILAR = ("%similar", "%%similar")
_ANONYMIZE = "%anonymize"
_NO_POOL = ("%kafka",)
"""Commands that are about no pool."""
_COMMANDS = (*_ACTIONS, *_POSITIONS, *_SIMILAR, _ANONYMIZE)
_LATEST = 20  # turns that are offered: those that people go back to


def install_completion(shell: InteractiveShell, session: Session, magics: Sequence[Magics]) -> None:
    """Complete behind all the magics."""
    for command in _COMMANDS:
        name = command.lstrip("%")
        function = next(getattr(owner, name) for owner in magics if hasattr(owner, name))
        shell.set_hook("complete_command", _completer(session, command, function.parser), str_key=command)


def remove_completion(shell: InteractiveShell) -> None:
    """Take the completion away again."""
    for command in _COMMANDS:
        shell.strdispatchers["complete_command"].strs.pop(command, None)


def _completer(session: Session, command: str, parser: Any) -> Callable[[Any, Any], list[str]]:
    options = [option for action in parser._actions for option in action.option_strings]  # noqa: SLF001 - no other way

    def complete(_shell: Any, event: Any) -> list[str]:
        words = event.line.split()
        if event.symbol.startswith("-"):
            return options
        before = words[-1] if event.line.endswith(" ") else words[-2]
        try:  # completion never disturbs typing
            if before == "--engine":
                from agentpool_jupyter.jobs import ENGINES  # noqa: PLC0415 - only when somebody presses Tab

                return list(ENGINES)
            if command == _ANONYMIZE and before != "--pool":
                return [name for name, value in session.variables.items() if hasattr(value, "columns")]
            if command in _SIMILAR:
                return _similar(session, before, parser)
            if command in _POSITIONS or before == "--at":
                return _positions(session)
            pools = [] if command in _NO_POOL else session.open_store().names()
        except AgentPoolError:
            pools = []
        return [*(_ACTIONS.get(command, []) if before == command else []), *pools]

    return complete


def _positions(session: Session) -> list[str]:
    pool = session.pool(tell=False)
    turns = [turn.name for turn in pool.document().turns[-_LATEST:]]
    return [*turns[::-1], *pool.lineage, *pool.lineage.tags]


def _similar(session: Session, before: str, parser: Any) -> list[str]:
    """Return what may follow a word of ``%similar``; within a text nothing."""
    option = parser._option_string_actions.get(before)  # noqa: SLF001 - no other way
    if before in ("--since", "--until"):
        return _positions(session)
    if before == "--pool":
        return session.open_store().names()
    if option is not None and option.choices:
        return list(option.choices)
    pool = session.pool(tell=False)
    turns = pool.document().turns[-_LATEST:]
    follows: dict[str, Iterable[str]] = {
        "--branch": pool.lineage,
        "--now": sorted({turn.agent for turn in turns if turn.status == "running"}),
        "--agent": sorted({turn.agent for turn in turns}),
        "%similar": [turn.name for turn in turns[::-1]],
    }
    return list(follows.get(before, []))
