"""Snapshots: summaries of a pool's log by which any earlier state is there at once.

The modules, lowest last::

    build       snapshot(): runs the MapReduce job of jobs/snapshots.py over what is new
    keeper      a pool's snapshots as the pool asks for them
    background  builds that are started by themselves
    restore     documents from summaries and the log
    intake      adds what a job made to a file
    folder      which file is the one to read, and how another takes its place
    file        the file (what stands in it: schema): nodes, chronicle, index of turns, manifest, checksums

What a summary is, and how summaries merge, is said in :mod:`agentpool_jupyter.snapshots.summary`.
"""

from .build import Snapshot, snapshot, snapshot_all
from .keeper import PoolSnapshots, status

__all__ = ["PoolSnapshots", "Snapshot", "snapshot", "snapshot_all", "status"]
