"""What keeps an index, behind one contract: an SQLite file, or a Redis that several machines share.

In reading order::

    items           what an index holds: passages, each with where it is from
    backend         the contract, and what a job hands over to it
    buckets         which items have a key: sorted arrays of postings, in memory
    sqlite_backend  an index in one SQLite file, whose buckets are in memory
    index_file      that file: checked, and set aside when it is not to be used
    redis_backend   an index in Redis
    redis_buckets   its buckets, kept by datasketch's storage
    addresses       where the index of a store is kept, and what of a server's address may be shown
"""
