"""The magics of time travel.

In reading order::

    magics    what the lines of %rollback, %branch, %diff and %snapshot may say; the help
    rollback  what %rollback and %branch do and print
    snapshot  what %snapshot does and prints
              (%diff prints a :class:`agentpool_jupyter.history.Diff`)
"""
