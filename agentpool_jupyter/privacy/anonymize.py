"""The way in: a table or a pool becomes a release, which is checked before anybody sees it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from agentpool_jupyter.errors import ReleaseRefusedError, UserError
from agentpool_jupyter.pool import Pool

from .demand import Demand
from .diversity import Sensitive
from .fields import read_field
from .generalise import Grouped, generalise
from .hierarchy import read_hierarchy
from .overlap import overlap
from .partition import partition
from .report import Anonymized, PrivacyReport
from .tables import as_table, check_columns
from .turns import QUASI, turns_table
from .verify import ORDERED, Wanted, verify

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from agentpool_jupyter.jobs import Progress
    from agentpool_jupyter.jobs.engines import OptionValue

    from .columns import Column, Ranks

_TEXT = "text"
_TELLING = 0.5  # the share of different values from which on a sensitive column tells people apart by itself
_AGAIN = "a second release of the same people can undo this one: check it against this (earlier=, --with)"


def anonymize(
    given: Any,
    *,
    k: int = 5,
    quasi: Sequence[str] | str | None = None,
    sensitive: Sequence[str] | str = (),
    l: int | None = None,  # noqa: E741 - its name
    t: float | None = None,
    hierarchies: Mapping[str, Any] | None = None,
    suppression: float = 0.0,
    text: str = "drop",
    strict: bool = True,
    earlier: Any = None,
    engine: str | None = None,
    options: Mapping[str, OptionValue] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Anonymized:
    """Return a release of a table, or of a pool's turns, in which nobody is told apart from ``k - 1`` others.

    ``given`` is a pool, or what :func:`.tables.as_table` takes: a DataFrame, a CSV or Parquet file, a list of dicts.
    ``quasi`` names the columns by which somebody could be known; each combination of what is published of them occurs
    ``k`` times or more. ``sensitive`` names those that are published as they are; each class then has ``l`` different
    values of them, or values that are no further than ``t`` (0 to 1) from those of the whole table. All other columns
    are left out. ``hierarchies`` has for a column what its values are part of (:func:`.hierarchy.read_hierarchy`);
    others are published as sets. ``suppression`` is the share of rows, 0 to 1, that may be left out where that lowers
    the loss of the others most. With ``strict`` rows of one value are not parted by it. With ``text="redact"`` the
    column ``text`` is kept as far as :mod:`.texts` can make it safe. ``earlier`` is an earlier release of the same
    people (what this function gave, a table or a file), together with which ``k`` and ``l`` still have to hold. With
    ``engine`` the classes are made by a MapReduce job; ``options``, ``progress`` and ``cancel`` are those of
    :func:`agentpool_jupyter.jobs.run_job`.

    Raises UserError (columns, values, hierarchies), ReleaseRefusedError where what is asked for cannot be had,
    ExtraMissingError, and with an engine what its job raises; nothing is released then.
    """
    table = turns_table(given) if isinstance(given, Pool) else as_table(given)
    if quasi is None and isinstance(given, Pool):
        quasi = [name for name in QUASI if name not in ([sensitive] if isinstance(sensitive, str) else sensitive)]
    columns, kept = _named(table, quasi, sensitive)
    _check_demands(table, k=k, l=l, t=t, suppression=suppression, text=text, sensitive=kept)
    trees = {name: read_hierarchy(one, name) for name, one in (hierarchies or {}).items()}
    check_columns(trees, columns, "a hierarchy")
    read = [read_field(table[name], trees.get(name)) for name in columns]
    fields, values = [field for field, _ in read], [value for _, value in read]
    secrets = [_sensitive(table[name], l) for name in kept]
    demand = Demand(k=k, l=l, t=t, sensitive=secrets, strict=strict, suppress=int(suppression * len(table)))
    if engine is None:
        made = [field.column(value) for field, value in read]
        classes = partition(made, demand)
    else:
        from .bulk.build import partition_by_job  # noqa: PLC0415 - jobs are loaded where one runs

        how = {"engine": engine, "options": options, "progress": progress, "cancel": cancel}
        classes = partition_by_job(fields, values, demand, suppression, **how)  # type: ignore[arg-type]
        made = [field.column(value) for field, value in read]
    grouped = Grouped(classes)
    if not len(grouped.rows):
        message = f"refused: all {len(table):,} rows would be suppressed; ask for less, or name fewer quasi-identifiers"
        raise ReleaseRefusedError(message)
    published = {column.name: generalise(column, grouped) for column in made}
    notes = _notes(table, columns, kept, fields, text)
    out = pd.DataFrame({name: one.labels[grouped.of_row] for name, one in published.items()}, dtype=str)
    for name in kept:
        out[name] = table[name].iloc[grouped.rows].reset_index(drop=True)
    if text == "redact":
        out[_TEXT] = _texts(table, grouped.rows, k, notes)
    wanted = Wanted(k, l, t)
    out = out.iloc[np.random.default_rng(random.SystemRandom().getrandbits(128)).permutation(len(out))]
    out = out.reset_index(drop=True)
    found, by = verify(out, columns, kept, wanted)
    if earlier is not None:
        notes += _against(earlier, made, classes, table=table, kept=kept, wanted=wanted)
    else:
        notes.append(_AGAIN)
    if kept and found.l == 1:
        notes.append(
            "some classes have one sensitive value only: who is in one is known to have it (l = 2 or t forbids that)"
        )
    report = PrivacyReport(
        k=found.k,
        l=found.l,
        t=found.t,
        wanted=_in_words(wanted, suppression),
        rows=len(out),
        suppressed=len(table) - len(out),
        loss={name: one.loss for name, one in published.items()},
        sizes=sorted(grouped.sizes.tolist()),
        checked=by,
        notes=notes,
    )
    return Anonymized(table=out, report=report, quasi=columns, sensitive=kept, _of_row=classes)


def _named(
    table: pd.DataFrame, quasi: Sequence[str] | str | None, sensitive: Sequence[str] | str
) -> tuple[list[str], list[str]]:
    there = list(table.columns)
    if not quasi:
        message = f"name the quasi-identifiers, by which somebody could be known: the table has {', '.join(there)}"
        raise UserError(message)
    columns = check_columns([quasi] if isinstance(quasi, str) else quasi, there, "a quasi-identifier")
    kept = check_columns([sensitive] if isinstance(sensitive, str) else sensitive, there, "what is sensitive")
    if both := [name for name in columns if name in kept]:
        message = f"column {both[0]!r} cannot be a quasi-identifier and sensitive: name it once"
        raise UserError(message)
    return columns, kept


def _check_demands(
    table: pd.DataFrame,
    *,
    k: int,
    l: int | None,  # noqa: E741
    t: float | None,
    suppression: float,
    text: str,
    sensitive: Sequence[str],
) -> None:
    """Raise UserError for what makes no sense, ReleaseRefusedError for what no release of the table could do."""
    wrong = [
        f"k = {k}: name 2 or more, with 1 everybody is told apart" if k < 2 else "",  # noqa: PLR2004
        f"l = {l}: name 1 or more" if l is not None and l < 1 else "",
        f"t = {t}: name a distance from 0 to 1" if t is not None and not 0 <= t <= 1 else "",
        f"suppression = {suppression}: name a share from 0 to less than 1" if not 0 <= suppression < 1 else "",
        "l and t are about sensitive columns: name one" if (l or t is not None) and not sensitive else "",
        f"text = {text!r}: choose drop or redact" if text not in ("drop", "redact") else "",
        f"there is no column {_TEXT!r} to redact" if text == "redact" and _TEXT not in table.columns else "",
    ]
    if any(wrong):
        raise UserError(next(filter(None, wrong)))
    if k > len(table):
        message = f"refused: k is {k} and the table has {len(table):,} rows, which cannot make one class"
        raise ReleaseRefusedError(message)


def _sensitive(series: pd.Series[Any], l: int | None) -> Sensitive:  # noqa: E741
    ordered = series.dtype.kind in ORDERED
    ranks, known = (series if ordered else series.astype(str)).factorize(sort=True, use_na_sentinel=False)
    if l is not None and len(known) < l:
        message = f"refused: column {str(series.name)!r} has {len(known)} different values, and l is {l}"
        raise ReleaseRefusedError(message)
    shares = np.bincount(ranks, minlength=len(known)) / len(ranks)
    return Sensitive(str(series.name), ranks.astype(np.int64), shares, ordered=ordered)


def _texts(table: pd.DataFrame, rows: Any, k: int, notes: list[str]) -> list[str | None]:
    from .texts import common_texts, without_identifiers  # noqa: PLC0415 - optional

    said = table[_TEXT].fillna("").astype(str).to_numpy()[rows]
    runs = table["run"].astype(str).to_numpy()[rows] if "run" in table.columns else [str(row) for row in rows]
    texts = common_texts(without_identifiers(list(said)), list(runs), k)
    dropped = sum(text is None for text in texts)
    notes.append(
        f"text: identifiers have pseudonyms, names and places have not; {dropped:,} of {len(texts):,} texts were said "
        f"in fewer than {k} runs and are left out, others are what {k} runs or more share; read it before you share it"
    )
    return texts


def _notes(
    table: pd.DataFrame, columns: Sequence[str], kept: Sequence[str], fields: Sequence[Any], text: str
) -> list[str]:
    left = [name for name in table.columns if name not in columns and name not in kept and name != _TEXT]
    notes = [f"left out, because named neither as quasi-identifier nor as sensitive: {', '.join(left)}"] if left else []
    if text == "drop" and _TEXT in table.columns and _TEXT not in (*columns, *kept):
        notes.append("free text was dropped: columns do not make it anonymous (text='redact', --text redact)")
    notes += [
        f"column {field.name!r} has values of several types, compared as texts" for field in fields if field.mixed
    ]
    for name in kept:
        if table[name].nunique() > max(2, _TELLING * len(table)) and table[name].dtype.kind not in "iufM":
            notes.append(f"sensitive column {name!r} has a value of its own in most rows, which tells people apart")
    return notes


def _against(
    earlier: Any, made: Sequence[Column], classes: Ranks, *, table: pd.DataFrame, kept: Sequence[str], wanted: Wanted
) -> list[str]:
    """Return what holds together with an earlier release; raises ReleaseRefusedError where that is too little."""
    before = earlier.table if isinstance(earlier, Anonymized) else as_table(earlier)
    notes = []
    for names in dict.fromkeys([*((name,) for name in kept), tuple(kept)]):
        both = overlap(made, classes, table, before, names, k=wanted.k)
        if not both.people:
            return ["nobody of this table fits into the earlier release"]
        least = wanted.l if wanted.l is not None and len(names) == 1 else 1
        what = " and ".join(map(repr, names))
        if both.k < wanted.k or (both.l or least) < least:
            left = f"{both.k} rows" + (f", {both.l} different values of {what}" if names else "")
            message = f"refused: to who has the earlier release too, somebody is left with {left} ({both.exposed:,} of "
            message += (
                f"{both.people:,} with fewer than {wanted.k} rows); ask for a larger k, or publish only one of both"
            )
            raise ReleaseRefusedError(message)
        told = f", l = {both.l} of {what}" if names else ""
        notes.append(f"together with the earlier release k = {both.k}{told}, for {both.people:,} rows that are in both")
    return notes


def _in_words(wanted: Wanted, suppression: float) -> str:
    asked = {"k": wanted.k, "l": wanted.l, "t": wanted.t}
    told = ", ".join(f"{name} = {value}" for name, value in asked.items() if value is not None)
    return told + (f", at most {suppression:.1%} suppressed" if suppression else "")
