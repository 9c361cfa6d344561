"""What an experiment has found: one row a run, in sentences, as a table and as speed-up."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.display.note import remarks_html
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.columns import frame_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.measure.scaling.gains import Scaling


_NAMED = 3  # runs that did not succeed, which are named


def _failed(row: dict[str, Any]) -> str:
    did = f"{row['passed']} of {row['tasks']} tasks done" if row["tasks"] else "not done"
    why = "" if row["reason"] == "reached" else f" ({row['reason']}{': ' if row['detail'] else ''}{row['detail']})"
    return f"{row['way']}, n = {row['n']}, repeat {row['repeat']}: {did}{why}"


class Experiment:
    """The rows of an experiment; displays itself as a table of means, one line a way and size.

    Columns of a row: ``way``, ``n``, ``repeat``, ``seconds`` (wall time of the run), ``success`` (all checks hold of
    what it left), ``passed`` and ``tasks`` (how many), ``reason`` and ``detail`` (why the run ended), ``run`` and
    ``branch`` (where it is in the pool), ``tokens`` (of all), ``concurrent``, ``repaired``, ``rewrites``, ``stale``
    (as in :class:`.ReportRow`), and the measures of its workers (:class:`.Measures`).
    """

    def __init__(self, rows: Sequence[dict[str, Any]], pool: str) -> None:
        self.rows = list(rows)
        self.pool = pool
        """The pool that has its runs."""

    def to_pandas(self) -> Any:
        """Return a DataFrame, one row a run, by way, size and repeat."""
        return frame_of(self.rows)

    def scaling(self, **options: Any) -> Scaling:
        """Return what larger teams gain, of the runs whose success was verified (:func:`.scaling`), each way apart."""
        from agentpool_jupyter.measure.scaling import scaling  # noqa: PLC0415 - it needs an extra

        good = [row for row in self.rows if row["success"]]
        if not good:
            message = f"none of the {len(self.rows)} runs did all its tasks: there is no speed-up to tell"
            raise UserError(message)
        found = scaling(good, **({"by": "way"} | options))
        if left := len(self.rows) - len(good):
            found.notes.append(f"{left} of {len(self.rows)} runs did not do all their tasks and are left out")
        return found

    def _table(self) -> Table:
        groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for row in self.rows:
            groups.setdefault((row["way"], row["n"]), []).append(row)
        lines = []
        for (way, n), rows in groups.items():

            def mean(column: str, rows: Sequence[dict[str, Any]] = rows) -> float:
                return statistics.fmean(row[column] for row in rows)

            good = f"{sum(row['success'] for row in rows)} of {len(rows)}"
            told = (f"{mean('passed'):.1f}", f"{mean('seconds'):.2f}", f"{mean('speed_up'):.2f}", f"{mean('idle'):.2f}")
            lines.append((way, n, good, *told, f"{mean('finished'):.1f}", f"{mean('tokens'):.0f}"))
        head = ("way", "n", "succeeded", "tasks done", "seconds", "at once", "idle (s)", "turns", "tokens")
        return Table(head, lines, empty="no run yet", numbers=True)

    def _remarks(self) -> list[str]:
        bad = [row for row in self.rows if not row["success"]]
        told = [_failed(row) for row in bad[:_NAMED]]
        return told + ([f"and {len(bad) - _NAMED} more that did not do all their tasks"] if len(bad) > _NAMED else [])

    def __repr__(self) -> str:
        return "\n".join([repr(self._table()), *self._remarks()])

    def _repr_html_(self) -> str:
        return self._table()._repr_html_() + remarks_html(self._remarks())
