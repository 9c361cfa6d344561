"""The magics: each reads its line, calls the Python API, and returns an object that displays itself.

Every magic has the same thing in Python. A user's mistake is a one-line UsageError; a failed run raises, so that
*Run All* stops. In reading order::

    agents/     %%agents and %agents
    pool        %pool
    history/    %rollback, %branch, %diff and %snapshot
    similar/    %similar and %%similar
    trace/      %trace
    anonymize   %anonymize
    kafka       %kafka
    jobs        MapReduce jobs in a cell: their options, their bar, what they give for each pool
    completion  what Tab offers behind the magics
    usage       what all magics share: how a line is read, and how a user's mistake is told
"""
