"""Documents that are searched beside the pools.

In reading order::

    library    the documents of an index: add, remove, refresh
    places     the paths, folders and globs that were added and taken out, as a list
    reading    reading documents into an index, those that are new or have changed
    formats    from a file to the texts in it: text, HTML, notebooks, JSON lines, PDF
    encodings  from bytes to text, whatever the encoding
"""
