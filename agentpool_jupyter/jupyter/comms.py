"""Messages from a page, heard also while a cell blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipywidgets import Widget


def hear_at_once(widget: Widget) -> None:
    """Have messages to a widget go where their sender addressed them, as in other versions of ipykernel.

    ipykernel 7.4 hands each message for a comm to the subshell of the request that the comm's last message belonged to.
    That may be the cell that blocks, or a subshell that is gone since the page was reloaded: a click would wait or be
    refused.
    """
    hear_comm_at_once(widget.comm)


def hear_comm_at_once(comm: Any) -> None:
    """Do the same for a comm without a widget."""
    comm._reply_subshell_for = None  # noqa: SLF001 - there is no public way
