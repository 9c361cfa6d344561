"""The way in: a table or a pool becomes a release, which is checked before anybody sees it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from agentpool_jupyter.errors import ReleaseRefusedError, UserError
from agentpool_jupyter.pool import Pool

from .classes import Classes
from .demand import demand_of
from .fields import read_field
from .generalise import generalise
from .hierarchy import read_hierarchy
from .overlap import together
from .partition import partition
from .report import Anonymized, PrivacyReport
from .tables import as_table, check_columns
from .turns import QUASI, RENUMBERED, turns_table
from .verify import Wanted, verify

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from agentpool_jupyter.jobs import Progress
    from agentpool_jupyter.jobs.engines import OptionValue

_TEXT = "text"
_TELLING = 0.5  # the share of different values from which on a sensitive column tells people apart by itself
_AGAIN = "a second release of the same people can undo this one: check it against this (earlier=, --with)"
_TURNS = "k counts turns, and all of a class may be of one user; with per='user' (--per user) it counts users"
_ONE_VALUE = "some classes have one sensitive value only: who is in one is known to have it (l = 2 or t forbids that)"


def anonymize(
    given: Any,
    *,
    k: int = 5,
    quasi: Sequence[str] | str | None = None,
    sensitive: Sequence[str] | str = (),
    l: int | None = None,  # noqa: E741 - its name
    t: float | None = None,
    hierarchies: Mapping[str, Any] | None = None,
    per: str | None = None,
    suppression: float = 0.0,
    text: str = "drop",
    names: str = "",
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
    are left out. Where several rows may be of one person, ``per`` names the column that says whose they are: each class
    then has ``k`` different values of it. ``hierarchies`` has for a column what its values are part of
    (:func:`.hierarchy.read_hierarchy`); others are published as sets. ``suppression`` is the share of rows, 0 to 1,
    that may be left out where that lowers the loss of the others most. With ``strict`` rows of one value are not parted
    by it. With ``text="redact"`` the column ``text`` is kept as far as :mod:`.texts` can make it safe; ``names``
    is then a model of spaCy, or its folder, by which names of people and places are found, too. ``earlier`` is an
    earlier release of the same people (what this function gave, a table or a file), together with which ``k`` and
    ``l`` still have to hold. With ``engine`` the classes are made by a MapReduce job; ``options``, ``progress`` and
    ``cancel`` are those of :func:`agentpool_jupyter.jobs.run_job`.

    Raises UserError (columns, values, hierarchies), ReleaseRefusedError where what is asked for cannot be had,
    ExtraMissingError, and with an engine what its job raises; nothing is released then.
    """
    table = turns_table(given) if isinstance(given, Pool) else as_table(given)
    if quasi is None and isinstance(given, Pool):
        quasi = [name for name in QUASI if name not in ([sensitive] if isinstance(sensitive, str) else sensitive)]
    columns, kept = _named(table, quasi, sensitive)
    _check_text(table, text, [*columns, *kept])
    people = None if per is None else table[check_columns([per], list(table.columns), "people")[0]]
    demand = demand_of(table, kept, per, k=k, l=l, t=t, suppression=suppression, strict=strict)
    trees = {name: read_hierarchy(one, name) for name, one in (hierarchies or {}).items()}
    check_columns(trees, columns, "a hierarchy")
    fields, values = zip(*(read_field(table[name], trees.get(name)) for name in columns), strict=True)
    made = [field.column(value) for field, value in zip(fields, values, strict=True)]
    if engine is None:
        classes = partition(made, demand)
    else:
        from .bulk.build import partition_by_job  # noqa: PLC0415 - jobs are loaded where one runs

        how = {"engine": engine, "options": options, "progress": progress, "cancel": cancel}
        classes = partition_by_job(fields, values, demand, suppression, **how)  # type: ignore[arg-type]
    grouped = Classes.sorted(classes, np.arange(len(classes)))
    if not len(grouped):
        message = f"refused: all {len(table):,} rows would be suppressed; ask for less, or name fewer quasi-identifiers"
        raise ReleaseRefusedError(message)
    published = {column.name: generalise(column, grouped) for column in made}
    notes = _notes(table, columns, kept, fields, text)
    out = pd.DataFrame({name: one.labels[grouped.of_row] for name, one in published.items()}, dtype=str)
    for name in kept:
        out[name] = table[name].iloc[grouped.rows].reset_index(drop=True)
    if text == "redact":
        out[_TEXT] = _texts(table, grouped.rows, k, people, notes, names=names)
    # The rows of a class, and classes, in an order that says nothing.
    chance = np.random.default_rng(random.SystemRandom().getrandbits(128))
    order = chance.permutation(len(out))
    out = out.iloc[order].reset_index(drop=True)
    whose = None if people is None else people.iloc[grouped.rows[order]].reset_index(drop=True)
    found, by = verify(out, columns, kept, wanted := Wanted(k, l, t, per or ""), whose)
    if earlier is None:
        notes.append(_AGAIN)
    else:
        before = earlier.table if isinstance(earlier, Anonymized) else as_table(earlier)
        renamed = RENUMBERED if isinstance(given, Pool) else ()
        named = [column for column in made if column.name not in renamed]
        notes += together(named, classes, table, before, sensitive=kept, wanted=wanted)
    if kept and found.l == 1:
        notes.append(_ONE_VALUE)
    if isinstance(given, Pool) and per is None:
        notes.append(_TURNS)
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


def _check_text(table: pd.DataFrame, text: str, named: Sequence[str]) -> None:
    wrong = [
        f"text = {text!r}: choose drop or redact" if text not in ("drop", "redact") else "",
        f"there is no column {_TEXT!r} to redact" if text == "redact" and _TEXT not in table.columns else "",
        f"column {_TEXT!r} is redacted: name it as nothing else" if text == "redact" and _TEXT in named else "",
    ]
    if any(wrong):
        raise UserError(next(filter(None, wrong)))


def _texts(
    table: pd.DataFrame, rows: Any, k: int, people: pd.Series[Any] | None, notes: list[str], *, names: str
) -> list[str | None]:
    from .texts import common_texts, without_identifiers  # noqa: PLC0415 - optional

    said = table[_TEXT].fillna("").astype(str).to_numpy()[rows]
    runs = table["run"] if "run" in table.columns else people if people is not None else pd.Series(range(len(table)))
    runs = runs.astype(str).iloc[rows].to_numpy()
    shared = common_texts(list(said), list(runs), k)  # first, because recognisers are slow
    kept = [text for text in dict.fromkeys(shared) if text is not None]
    clean = dict(zip(kept, without_identifiers(kept, names), strict=True))
    texts = [None if text is None else clean[text] for text in shared]
    if pd.Series(runs).groupby(np.array(texts, dtype=object)).nunique().min() < k:
        message = f"refused: a text would be published that fewer than {k} runs said; nothing was released"
        raise ReleaseRefusedError(message)
    dropped = sum(text is None for text in texts)
    found = f"and what {names} takes for names" if names else "names and places have not (names=, --names)"
    notes.append(
        f"text: identifiers have pseudonyms, {found}; {dropped:,} of {len(texts):,} texts were said "
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


def _in_words(wanted: Wanted, suppression: float) -> str:
    asked = {"k": wanted.k, "l": wanted.l, "t": wanted.t}
    told = ", ".join(f"{name} = {value}" for name, value in asked.items() if value is not None)
    told += f", k of {wanted.per}" if wanted.per else ""
    return told + (f", at most {suppression:.1%} suppressed" if suppression else "")
