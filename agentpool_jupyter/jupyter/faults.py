"""What a page is told when something that it asked for went wrong: it waits for an answer, whatever happened."""

from __future__ import annotations

import logging

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.errors import AgentPoolError

_LOG = logging.getLogger(__name__)


def told(error: Exception) -> str:
    """Return an error in a sentence.

    What a person or the world did wrong speaks for itself. Any other is a fault of ours: where it happened goes to the
    kernel's log.
    """
    if isinstance(error, AgentPoolError):
        return printable(str(error))
    if isinstance(error, OSError):
        return printable(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
    _LOG.error("what a page asked for failed", exc_info=error)
    said = printable(f"{type(error).__name__}: {error}".rstrip(": "))
    return f"this went wrong inside agentpool-jupyter ({said}); the kernel's log says where"
