"""Effects: what agents do, beside what they say. Each is proposed, decided, carried out and answered in the log.

In reading order::

    tool          Tool: a function that agents may call, with the schema of its arguments
    function      any function of the notebook, called so that nobody has to wait for it
    printed       what such a function prints
    masking       what is secret in the environment, which no effect carries into the log
    mcp_server    McpServer: tools of other programs, by the Model Context Protocol
    voters        functions and models that are asked whether something may be done
    perform       one effect, from what was asked for to the answer: votes, the call, at most once
    outside       the same outside of any run
    consensus     agreement before an ordinary function of the notebook is called
    compensation  effects that left the line, taken back
    files/        the tools by which agents share files of the pool
    programs/     programs that agents run on those files
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .compensation import Compensation, compensate
    from .consensus import Guarded, consensus, gate
    from .tool import Act, Tool, act, tool

__all__ = ["Act", "Compensation", "Guarded", "Tool", "act", "compensate", "consensus", "gate", "tool"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "compensation": ["Compensation", "compensate"],
        "consensus": ["Guarded", "consensus", "gate"],
        "tool": ["Act", "Tool", "act", "tool"],
    },
)
