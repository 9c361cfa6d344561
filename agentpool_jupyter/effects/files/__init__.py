"""Files of the pool as tools: agents read, write, edit and list them.

In reading order::

    excerpts    texts and diffs that fit into an answer
    turn_files  the four tools of one turn, which know what it has read
    conflicts   writes that were refused, and those that were repaired
"""
