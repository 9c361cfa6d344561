"""Snapshots: summaries of a pool's log, by which any earlier state is there at once.

The modules, in reading order::

    summary     windows of a branch, their summaries, and how summaries merge
    node        a summary as it is stored
    lines, steps, job  the MapReduce job: logs in, nodes out
    schema      what stands in a pool's file of snapshots
    file        the file, opened, checked and read
    intake      adds what a job made to a file
    folder      which file is the one to read, and how another takes its place
    build       snapshot(): runs the job over what is new
    restore     documents from summaries and the log
    keeper      a pool's snapshots as the pool asks for them
    background  builds that are started by themselves
    opening     open_pool(): pools with their snapshots

Nothing is imported here, so that opening a pool loads neither the job nor its engines.
"""
