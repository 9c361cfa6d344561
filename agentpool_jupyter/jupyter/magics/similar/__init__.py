"""``%similar`` and ``%%similar``.

In reading order::

    magics      what a line or a cell may say; the help
    questions   lines that end with a question mark, which IPython would take for a call for help
    line        options around a text that needs no quotes
    query       what is looked for
    actions     the index, the library, and the search itself
    library     documents: added, removed, listed
    insertable  what was found, and how it gets into the pool
    widget      the same as a table with buttons
"""
