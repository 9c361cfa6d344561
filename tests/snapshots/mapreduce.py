"""The snapshot job's own mappers and reducers, with a shuffle that splits and orders as a test says."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from agentpool_jupyter.jobs.records import encode, record_line
from agentpool_jupyter.snapshots.lines import SummaryLine, read_line

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # mrjob imports modules that are on their way out
    from agentpool_jupyter.snapshots.job import SnapshotJob

if TYPE_CHECKING:
    from random import Random


def job(until, scale):
    return SnapshotJob([f"--until={until}", f"--window={scale.window}", f"--fan={scale.fan}"])


def run(job, lines: list[bytes], chance: Random) -> list[bytes]:
    """Run all steps: input is cut into mappers at random, and reducers get their values in any order."""
    pairs = [(None, line) for line in lines]
    for step in job.steps():
        pairs = [pair for share in _cut(pairs, chance) for pair in _map(step, share)]
        chance.shuffle(pairs)
        groups: dict[bytes, list[bytes]] = {}
        for key, value in pairs:
            groups.setdefault(key, []).append(value)
        pairs = [pair for key, values in groups.items() for pair in step["reducer"](key, iter(values))]
    return [value for _, value in pairs]


def nodes(records, until, scale, chance, before=()):
    """Return the nodes that the job makes of one pool's records and its unfinished summaries."""
    lines = [record_line(0, record) for record in records]
    lines += [encode(SummaryLine(0, summary)) for summary in before]
    found = map(read_line, run(job(until, scale), lines, chance))
    return [line.node for line in found if line.node is not None]


def _cut(pairs, chance):
    places = sorted(chance.randint(0, len(pairs)) for _ in range(chance.randint(0, 3)))
    for start, stop in zip([0, *places], [*places, len(pairs)], strict=True):
        yield pairs[start:stop]


def _map(step, share):
    if step["mapper_init"]:
        step["mapper_init"]()
    for key, value in share:
        yield from step["mapper"](key, value)
    if step["mapper_final"]:
        yield from step["mapper_final"]()
