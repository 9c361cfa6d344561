"""Privacy: tables that can be shared without telling people apart, k-anonymous and checked before they are seen.

In reading order::

    release     the way in: ``anonymize(table, k=5, quasi=[…])``
    tables      the table that somebody hands over
    turns       a pool as a table, and which of its columns tell people apart
    fields      what a column is: number, date, category, hierarchy
    hierarchy   what each value is part of, step by step
    columns     a quasi-identifier as numbers: ranks, widths (NCP), labels
    diversity   l-diversity and t-closeness of many classes at a time
    demand      what every class has to have
    classes     rows class by class, as arrays
    cuts        all cuts of all classes at a time, and the best of each
    partition   Mondrian: classes are cut until none can be
    generalise  from classes to what is published of them
    redaction/  identifiers and what stands in their place, also in what teams read and write
    texts       free text: pseudonyms, and nothing that is rare
    verify      what the finished table protects, counted anew
    overlap     two releases of the same people
    report      what a release protects and cost, and the release itself
    bulk/       the partition as a MapReduce job
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import ExtraMissingError

if TYPE_CHECKING:
    from .release import anonymize
    from .report import Anonymized, PrivacyReport

__all__ = ["Anonymized", "PrivacyReport", "anonymize"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:  # releases need more than redaction does, which stands in this folder too
        from . import release, report  # noqa: PLC0415
    except ImportError as error:
        message = f"releases need {error.name}: pip install 'agentpool-jupyter[privacy]'"
        raise ExtraMissingError(message) from error
    found = getattr(release if name == "anonymize" else report, name)
    globals()[name] = found
    return found
