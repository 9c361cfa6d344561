"""Measure: how fast a team is, how that changes with its size, and what it costs to be many.

The rooms, in reading order::

    scaling/     what a larger team gains, from any table of sizes and seconds
    experiment/  the same work at several team sizes and ways of coordination
"""
