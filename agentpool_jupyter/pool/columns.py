"""A pool as a table: a row for each turn of a line, or for each event of the log, in pandas or Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from agentpool_jupyter.errors import ExtraMissingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .document import Document
    from .events import Event

Rows = Literal["turns", "events"]
_PLACE = {"offset", "time"}
_COMMON = {"id", "type", "branch", "run", "agent", "ts", "claim"}


def turn_columns(document: Document) -> dict[str, list[Any]]:
    """Return the turns of a document by column: times are milliseconds since the epoch, cost is in US dollars."""
    turns = list(document.turns)
    names = ("name", "id", "agent", "model", "run", "branch", "status", "reason", "error", "attempt")
    columns = {name: [getattr(turn, name) for turn in turns] for name in names}
    columns |= {name: [getattr(turn, name) for turn in turns] for name in ("start", "end", "seen", "time", "cost")}
    for name in ("prompt", "completion", "cached"):
        columns[f"{name}_tokens"] = [getattr(turn.usage, name) if turn.usage else None for turn in turns]
    return columns | {"text": [turn.text for turn in turns]}


def event_columns(events: Iterable[Event]) -> dict[str, list[Any]]:
    """Return events by column: where and when the log has them, what all carry, and the rest as JSON in ``data``."""
    columns: dict[str, list[Any]] = {name: [] for name in ("offset", "time", "type", "branch", "run", "agent", "data")}
    for event in events:
        data = {key: value for key, value in msgspec.to_builtins(event).items() if key not in _PLACE | _COMMON}
        values = (event.offset, event.time, event.type, event.branch, event.run, event.agent)
        for column, value in zip(columns.values(), (*values, msgspec.json.encode(data).decode()), strict=True):
            column.append(value)
    return columns


def frame_of(table: Any) -> Any:
    """Return columns by name, or rows that are dicts, as a pandas DataFrame; raises ExtraMissingError."""
    try:
        import pandas as pd  # noqa: PLC0415 - optional
    except ImportError as error:
        message = "to_pandas() needs pandas: pip install 'agentpool-jupyter[privacy]', or pandas"
        raise ExtraMissingError(message) from error
    return pd.DataFrame(table)


def pandas_of(columns: dict[str, list[Any]]) -> Any:
    """Return columns as a pandas DataFrame, with ``time`` as times; raises ExtraMissingError."""
    table = frame_of(columns)
    table["time"] = table["time"].astype("datetime64[ms]").dt.tz_localize("UTC")
    return table.convert_dtypes()


def arrow_of(columns: dict[str, list[Any]]) -> Any:
    """Return columns as a pyarrow Table, with ``time`` as times; raises ExtraMissingError."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
    except ImportError as error:
        message = "to_arrow() needs pyarrow: pip install pyarrow"
        raise ExtraMissingError(message) from error
    time = pa.timestamp("ms", tz="UTC")
    kinds = {name: _ARROW.get(name, "string") for name in columns}
    fields = [pa.field(name, time if name == "time" else getattr(pa, kind)()) for name, kind in kinds.items()]
    return pa.table(columns, schema=pa.schema(fields))


_NUMBERS = ("offset", "start", "end", "seen", "attempt", "prompt_tokens", "completion_tokens", "cached_tokens")
_ARROW = {**dict.fromkeys(_NUMBERS, "int64"), "cost": "float64"}
