"""The MapReduce job that partitions a table: rows in, each with its part; classes out.

The table was cut into parts before, coarsely, by the same function with which a reducer cuts its part into classes:
:func:`agentpool_jupyter.privacy.partition.partition`. What is true of the whole table comes along as the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.jobs.job import Job
from agentpool_jupyter.jobs.records import encode
from agentpool_jupyter.jobs.step import Step
from agentpool_jupyter.privacy.partition import partition

from .lines import ClassesLine, PlanLine, RowLine, demand, read_line, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentpool_jupyter.jobs.step import Pairs


class PartitionJob(Job):
    """Turns the parts of a table into classes; see the module."""

    def chain(self) -> list[Step]:
        """Return the one step."""
        return [Step(mapper=self.route, reducer=self.part)]

    def route(self, line: bytes) -> Pairs:
        """Send a row to its part, and the plan to all of them."""
        given = read_line(line)
        for part in range(given.parts) if isinstance(given, PlanLine) else (given.part,):
            yield b"%d" % part, line

    def part(self, _: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Cut a part into classes."""
        given = list(map(read_line, lines))
        plan = next(line for line in given if isinstance(line, PlanLine))
        rows = sorted((line for line in given if isinstance(line, RowLine)), key=lambda line: line.row)
        columns = [field.column(values_of(field, rows, i)) for i, field in enumerate(plan.fields)]
        classes = partition(columns, demand(plan, rows))
        yield encode(ClassesLine([row.row for row in rows], classes.tolist()))
