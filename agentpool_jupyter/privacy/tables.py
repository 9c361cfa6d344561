"""The table that somebody hands over: a DataFrame, a file, or a list of dicts."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from agentpool_jupyter.errors import ExtraMissingError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def as_table(given: Any) -> pd.DataFrame:
    """Return what is given as a DataFrame whose columns have names, each its own.

    Takes a DataFrame, the path of a CSV or Parquet file, a list of dicts, a dict of lists, what has ``to_pandas()``.
    Raises UserError, and ExtraMissingError without what reads Parquet.
    """
    table = _read(given)
    table.columns = [str(name) for name in table.columns]
    if doubled := sorted({name for name in table.columns if list(table.columns).count(name) > 1}):
        message = f"the table has two columns {doubled[0]!r}: rename one of them"
        raise UserError(message)
    if not len(table):
        message = "the table has no rows: there is nothing to release"
        raise UserError(message)
    return table


def _read(given: Any) -> pd.DataFrame:
    if isinstance(given, str | Path):
        path = Path(given).expanduser()
        try:
            return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        except ImportError as error:
            message = "reading Parquet needs pyarrow: pip install pyarrow"
            raise ExtraMissingError(message) from error
        except (OSError, ValueError) as error:
            message = f"the table {given} cannot be read: {' '.join(str(error).split())}"
            raise UserError(message) from error
    if hasattr(given, "to_pandas"):
        given = given.to_pandas()
    try:
        return pd.DataFrame(given).copy(deep=False)
    except (TypeError, ValueError) as error:
        message = f"this is no table: {' '.join(str(error).split())}; hand over a DataFrame, a file or a list of dicts"
        raise UserError(message) from error


def check_columns(names: Iterable[str], there: Sequence[str], what: str) -> list[str]:
    """Return the names of columns, each once; raises UserError for one that the table does not have."""
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, there, 1)
            meant = f"do you mean {near[0]!r}?" if near else f"it has {', '.join(there)}"
            message = f"the table has no column {name!r} for {what}: {meant}"
            raise UserError(message)
    return names
