"""Recall: what was thought before, found by locality-sensitive hashing and verified exactly.

From the text up: :mod:`.shingles` (what is compared), :mod:`.signatures` (keys of buckets), :mod:`.buckets`,
:mod:`.shelf` (what keeps them: one SQLite file, or Redis), :mod:`.index` (follows the pools), :mod:`.bulk` (what a
MapReduce job makes, ``agentpool_jupyter.recall.bulk.build``), :mod:`.library` (documents, read by :mod:`.documents`),
:mod:`.ranking` (candidates, verified),
:mod:`.thoughts` (the part of a text that is alike), :mod:`.lookup` (``similar``).
"""

from .index import RecallIndex
from .matches import Match, Matches
from .similar import similar

__all__ = ["Match", "Matches", "RecallIndex", "similar"]
