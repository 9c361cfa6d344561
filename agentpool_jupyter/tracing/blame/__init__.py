"""Which step made a run fail: found by trying again from each, in a copy of the pool.

In reading order::

    forks    a copy of a pool in which a run goes on from any of its steps, within a budget
    search   in which order steps are tried, and how sure the answer is
    blame    ap.blame, and what it returns
"""
