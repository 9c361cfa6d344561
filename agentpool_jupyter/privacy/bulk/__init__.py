"""The partition of a large table as a MapReduce job.

The modules, in reading order::

    lines  what goes through the job
    job    rows of one part in, their classes out
    build  partition_by_job(): cuts the table into parts, runs the job, gathers the classes
"""
