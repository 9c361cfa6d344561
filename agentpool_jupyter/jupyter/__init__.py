"""The notebook: magics, the live widget, and text where no widget can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_REGISTRY_KEY = "AgentPoolMagics"


def load(shell: InteractiveShell) -> None:
    """Register the magics with a shell; doing so twice changes nothing."""
    from .completion import install_completion  # noqa: PLC0415
    from .magics import AgentPoolMagics  # noqa: PLC0415

    if _REGISTRY_KEY in shell.magics_manager.registry:
        return
    magics = AgentPoolMagics(shell)
    shell.register_magics(magics)
    install_completion(shell, magics)


def unload(shell: InteractiveShell) -> None:
    """Take the magics away and close what they hold: no thread and no child is left."""
    from .completion import remove_completion  # noqa: PLC0415

    magics = shell.magics_manager.registry.pop(_REGISTRY_KEY, None)
    if magics is None:
        return
    remove_completion(shell)
    magics.session.close()
    for kind, names in magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
