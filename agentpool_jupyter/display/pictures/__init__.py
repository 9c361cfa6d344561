"""Numbers, drawn: pictures with what is said beside them.

In reading order::

    flows    who read whom
    release  what a release protects and what it cost
    curves   speed-ups against team sizes, beside what bounds them
"""
