"""Texts as they are compared: pure functions of a text, the same in a notebook and in a job.

In reading order::

    shingles    the set of short stretches by which two texts are compared, Jaccard and containment
    signatures  from shingles to the keys of buckets: MinHash bands, and a key for each shingle
    passages    a long text, cut into overlapping stretches
    thoughts    a text, cut into its sentences, and the part of it that is most alike
"""
