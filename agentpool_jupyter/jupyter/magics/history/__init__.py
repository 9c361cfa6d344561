"""The magics of time travel.

In reading order::

    magics    what the lines of %rollback, %branch, %diff and %snapshot may say; the help
    rollback  what %rollback does and prints
    branch    what %branch does and prints
    diff      what %diff does; it prints a :class:`agentpool_jupyter.history.Diff`
    snapshot  what %snapshot does and prints
"""
