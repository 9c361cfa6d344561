"""Logs as the input of a job: JSON, one record a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.log import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LINES = 262_144
"""Records of one file of input, which is the work of one map task: about 60 MB."""


class SourceLine(msgspec.Struct, array_like=True):
    """A line that goes into a job, through it or out of it, and belongs to one log of several."""

    source: int
    """Which of the job's logs, from 0."""


class RecordLine(SourceLine, tag="record"):
    """A line of input: one record of a log."""

    offset: int
    time: int
    text: str = ""
    raw: bytes = b""
    """The record where it is no text."""

    @property
    def record(self) -> Record:
        """The record as the log has it."""
        return Record(self.offset, self.time, self.raw or self.text.encode())


encode = msgspec.json.Encoder().encode


def write_records(
    folder: Path, source: int, read: Callable[[int, int], Iterable[Record]], start: int, stop: int
) -> None:
    """Write a part of a log as input, some files named after the number of the log."""
    for first in range(start, stop, LINES):
        with (folder / f"{source}-{first:016}.jsonl").open("wb") as out:
            out.writelines(record_line(source, record) + b"\n" for record in read(first, min(stop, first + LINES)))


def record_line(source: int, record: Record) -> bytes:
    """Return a record as a line of input, without its end."""
    try:
        return encode(RecordLine(source, record.offset, record.time, record.value.decode()))
    except UnicodeDecodeError:
        return encode(RecordLine(source, record.offset, record.time, raw=record.value))
