"""Files that live in a pool: versions in the log, folded with the document, so that they travel in time with it.

In reading order::

    paths     which paths files may have
    entry     a version as the fold knows it, and which of two counts
    packing   contents as the events of a log hold them
    contents  contents of versions, read from the log when somebody looks
    version   a version as people see it, and all that a document has, by path
    writing   a version is written, unless somebody was quicker
    folder    a folder of this machine: whole files, never through a link
    checkout  files of a pool in such a folder, and changes made there back in the pool
"""
