"""What goes into the snapshot job and comes out of it: JSON, one record or summary a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.log import Record

from .node import Node  # noqa: TC001 - msgspec reads annotations at run time
from .summary import Summary  # noqa: TC001 - as above

if TYPE_CHECKING:
    from pathlib import Path

    from agentpool_jupyter.log import Log


class RecordLine(msgspec.Struct, array_like=True, tag="record"):
    """A line of input: one record of a log."""

    pool: int
    """Which of the job's pools."""
    offset: int
    time: int
    text: str = ""
    raw: bytes = b""
    """The record where it is no text."""

    @property
    def record(self) -> Record:
        """The record as the log has it."""
        return Record(self.offset, self.time, self.raw or self.text.encode())


class SummaryLine(msgspec.Struct, array_like=True, tag="summary"):
    """A line of input or of output: one summary.

    In the input those of earlier snapshots that larger windows still need, without a node.
    """

    pool: int
    light: Summary
    node: Node | None = None
    """What is to be stored."""


encode = msgspec.json.Encoder().encode
read_input = msgspec.json.Decoder(RecordLine | SummaryLine).decode
read_line = msgspec.json.Decoder(SummaryLine).decode


LINES = 262_144
"""Records of one file of input, which is the work of one map task: about 60 MB."""


def write_records(folder: Path, pool: int, log: Log, start: int, stop: int) -> None:
    """Write a stretch of a log as input, some files named after the pool's number."""
    for first in range(start, stop, LINES):
        with (folder / f"{pool}-{first:016}.jsonl").open("wb") as out:
            for record in log.read(first, min(stop, first + LINES)):
                out.write(record_line(pool, record) + b"\n")


def record_line(pool: int, record: Record) -> bytes:
    """Return a record as a line of input, without its end."""
    try:
        line = RecordLine(pool, record.offset, record.time, record.value.decode())
    except UnicodeDecodeError:
        line = RecordLine(pool, record.offset, record.time, raw=record.value)
    return encode(line)
