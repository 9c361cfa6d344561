"""The index of recall, made of many pools at once by a MapReduce job.

The modules, in reading order::

    lines  what goes through the job
    job    logs in; signed passages and their buckets out
    build  index_pools(): runs the job over what is new, and puts what it makes into the index
"""
