"""``%similar`` and ``%%similar``.

In reading order::

    magics      what a line or a cell may say; the help
    line        options around a text that needs no quotes, and may end with a question mark
    query       what is looked for
    actions     the index, the library, and the search itself
    library     documents: added, removed, listed
    insertable  what was found, and how it gets into the pool; in a notebook a table with buttons
"""
