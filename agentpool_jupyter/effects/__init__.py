"""Effects: what agents do, beside what they say. Each is proposed, decided, carried out and answered in the log.

In reading order::

    tool      Tool: a function that agents may call, with the schema of its arguments
    function  any function of the notebook, called so that nobody has to wait for it
    perform   one call, from what was asked for to the answer, at most once
    files/    the tools by which agents share files of the pool
    programs/ programs that agents run on those files
"""

from .tool import Tool, tool

__all__ = ["Tool", "tool"]
