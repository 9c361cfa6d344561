"""The notebook: magics, the live widget, and text where no widget can run.

In reading order::

    magics/  what a line or a cell says, does and prints
    session  what one notebook holds open between its cells
    live/    a run that is shown while it goes on
    comms    messages from a page, heard also while a cell blocks
    faults   what a page is told when something that it asked for went wrong
    panel/   what JupyterLab's side panel, status bar and editor ask of the kernel
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_CLASSES = (
    "AgentsMagics",
    "PoolMagics",
    "HistoryMagics",
    "SimilarMagics",
    "AnonymizeMagics",
    "TraceMagics",
    "KafkaMagics",
)


def load(shell: InteractiveShell) -> None:
    """Register the magics with a shell; doing so twice changes nothing."""
    from .magics.agents.magics import AgentsMagics  # noqa: PLC0415
    from .magics.anonymize import AnonymizeMagics  # noqa: PLC0415
    from .magics.completion import install_completion  # noqa: PLC0415
    from .magics.history.magics import HistoryMagics  # noqa: PLC0415
    from .magics.kafka import KafkaMagics  # noqa: PLC0415
    from .magics.pool import PoolMagics  # noqa: PLC0415
    from .magics.similar.line import install_questions  # noqa: PLC0415
    from .magics.similar.magics import SimilarMagics  # noqa: PLC0415
    from .magics.trace.magics import TraceMagics  # noqa: PLC0415
    from .panel.desk import install_desk  # noqa: PLC0415
    from .session import Session  # noqa: PLC0415

    if _CLASSES[0] in shell.magics_manager.registry:
        return
    session = Session(shell)
    kinds = (AgentsMagics, PoolMagics, HistoryMagics, SimilarMagics, AnonymizeMagics, TraceMagics, KafkaMagics)
    magics = [kind(shell, session) for kind in kinds]
    shell.register_magics(*magics)
    install_completion(shell, session, magics)
    install_questions(shell)
    install_desk(shell, session)
    shell.events.register("post_run_cell", session.settle)


def unload(shell: InteractiveShell) -> None:
    """Take the magics away and close what they hold: no thread and no child is left."""
    from .magics.completion import remove_completion  # noqa: PLC0415
    from .magics.similar.line import remove_questions  # noqa: PLC0415
    from .panel.desk import remove_desk  # noqa: PLC0415

    manager = shell.magics_manager
    for magics in [manager.registry.pop(name) for name in _CLASSES if name in manager.registry]:
        if magics.session.settle in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", magics.session.settle)
        magics.session.close()
        for kind, names in magics.magics.items():
            for name in names:
                manager.magics[kind].pop(name, None)
    remove_completion(shell)
    remove_questions(shell)
    remove_desk(shell)
