"""``%%agents`` and ``%agents``.

In reading order::

    magics   what a line or a cell may say; the help
    cell     a team in a cell: started, shown, waited for
    sizes    a team in a cell, at several sizes
    dry_run  what --dry-run prints
    actions  status, stop, attach, resume, list, pending, approve, reject, grant, revoke, ledger, schema
"""
