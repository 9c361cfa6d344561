"""What releases lose and how quickly they are made: ``python -m tests.benchmarks.bench_privacy``.

Of people that are made up, and of UCI Adult where ``$ADULT_CSV`` names its 30,162 complete rows. Beside ours: plain
strict Mondrian on the same rows, and anjana where ``$ANJANA_PYTHON`` names the Python of an environment that has it. It
needs one of its own, because it pins numpy and pandas to one old version each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import agentpool_jupyter as ap
from agentpool_jupyter.privacy.bulk.build import partition_by_job
from agentpool_jupyter.privacy.demand import Demand
from agentpool_jupyter.privacy.fields import read_field
from agentpool_jupyter.privacy.partition import partition
from tests.privacy.people import NUMBERS, QUASI, coded, loss, people, plain_mondrian

from . import command
from .clock import timed
from .place import ROOT
from .table import Table, at_most

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agentpool_jupyter.privacy.columns import Column

    from .place import Place

KS = (5, 10, 50)
ADULT = ["age", "workclass", "education_num", "marital_status", "occupation", "race", "sex", "native_country"]
ADULT_NUMBERS = ("age", "education_num")
_CHILD = """
import json, resource, sys, time
import agentpool_jupyter as ap
from tests.privacy.people import QUASI, people
table = people(int(sys.argv[1]))
ap.anonymize(people(50), k=5, quasi=QUASI)
begin = time.perf_counter()
report = ap.anonymize(table, k=int(sys.argv[2]), quasi=QUASI, sensitive="income").report
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, peak / 2**20, len(report.sizes), report.ncp, report.k]))
"""

_ANJANA = """
import json, sys, time
import numpy as np, pandas as pd
from anjana.anonymity import k_anonymity
table = pd.read_csv(sys.stdin)
names, hierarchies = list(table.columns), {}
for name in names:
    known = np.unique(table[name].values)
    levels = [known, np.array(["*"] * len(known))]
    if name in sys.argv[1:]:
        levels.insert(1, np.array([str(span) for span in pd.cut(known, 10)]))
    hierarchies[name] = dict(enumerate(levels))
begin = time.perf_counter()
done = k_anonymity(table.copy(), [], names, 5, 10, hierarchies)
seconds = time.perf_counter() - begin
classes = done.groupby(names, sort=False).ngroup().tolist() if len(done) else []
print(json.dumps([seconds, done.index.tolist(), classes]))
"""


def measure(_place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return the tables of loss, of speed, of what a job costs, and of another library."""
    tables = {"people": (people(1000 if quick else 30_000), QUASI, NUMBERS)}
    if path := os.environ.get("ADULT_CSV"):
        tables["Adult"] = (pd.read_csv(Path(path)), ADULT, ADULT_NUMBERS)
    return [_losses(tables), _speeds(quick), _parts(quick), _peer(quick)]


def _losses(tables: dict[str, tuple[pd.DataFrame, list[str], tuple[str, ...]]]) -> Table:
    rows = [
        (name, f"{len(table):,}", f"{k}", *_lost(coded(table, quasi, numbers), _columns(table, quasi), k))
        for name, (table, quasi, numbers) in tables.items()
        for k in KS
    ]
    ncp = (
        "NCP of a cell: span of its class over that of the table for numbers and dates, (distinct - 1) / (categories - "
        "1) for categories; the mean over all cells. Counted for all by the same slow function, by its definition."
    )
    plain = (
        "Plain: the widest column that can be cut, at its median; below it and up to it are both tried, and each class "
        "was counted to have k rows. Versions that try one side only lose 7.4 or 19.1 on Adult at k = 5."
    )
    heads = ("plain", "ours, strict", "relaxed", "strict / plain", "goal", "time, ours / plain")
    title = "What releases lose: NCP in percent, ours beside plain strict Mondrian"
    return Table(title, ("table", "rows", "k", *heads), rows, (ncp, plain))


def _columns(table: pd.DataFrame, quasi: list[str]) -> list[Column]:
    return [field.column(values) for field, values in (read_field(table[name]) for name in quasi)]


def _lost(columns: list[tuple[bool, NDArray, NDArray, int]], read: list[Column], k: int) -> tuple[str, ...]:
    plain, plain_seconds = timed(lambda: plain_mondrian(columns, k))
    assert np.bincount(plain).min() >= k
    strict, seconds = timed(lambda: partition(read, Demand(k=k)))
    lost = [loss(columns, one) for one in (plain, strict, partition(read, Demand(k=k, strict=False)))]
    ratio = lost[1] / lost[0]
    cells = [f"{100 * one:.2f}" for one in lost]
    return (*cells, f"{ratio:.2f}", at_most(ratio, 0.9), f"{seconds / plain_seconds:.1f}")


def _speeds(quick: bool) -> Table:  # noqa: FBT001
    rows = []
    for count, k, goal in [(2000, 5, 60)] if quick else [(100_000, 5, 5), (100_000, 50, 5), (1_000_000, 5, 60)]:
        run = [sys.executable, "-c", _CHILD, str(count), str(k)]
        seconds, peak, classes, ncp, reached = json.loads(subprocess.check_output(run, cwd=ROOT, text=True))
        assert reached >= k
        goals = f"{at_most(seconds, goal)}, {at_most(peak, 2)}"
        rows.append((f"{count:,}", f"{k}", f"{seconds:.1f}", f"{peak:.2f}", goals, f"{classes:,}", f"{100 * ncp:.2f}"))
    return Table(
        "How quickly releases are made: from a DataFrame with eight quasi-identifiers to the table that was checked",
        ("rows", "k", "seconds", "peak GiB", "goals: seconds, GiB", "classes", "NCP in percent"),
        rows,
        ("In a process of its own, which has made a small release before; the peak is that of all of it.",),
    )


def _parts(quick: bool) -> Table:  # noqa: FBT001
    table = people(2000 if quick else 100_000)
    fields, values = zip(*(read_field(table[name]) for name in QUASI), strict=True)
    columns = coded(table, QUASI, NUMBERS)
    rows = []
    for k in KS[:1] if quick else KS:
        whole, seconds = timed(lambda k=k: partition(_columns(table, QUASI), Demand(k=k)))
        parted, by_job = timed(
            lambda k=k: partition_by_job(fields, values, Demand(k=k), 0.0, engine="local", part=25_000)
        )
        cost = loss(columns, parted) / loss(columns, whole)
        rows.append((f"{len(table):,}", f"{k}", f"{cost:.3f}", at_most(cost, 1.1), f"{seconds:.1f}", f"{by_job:.1f}"))
    return Table(
        "What parts cost: the partition as a MapReduce job on this machine, in parts of about 25,000 rows",
        ("rows", "k", "NCP, job / in one go", "goal", "seconds in one go", "seconds as a job"),
        rows,
        ("On one machine a job is slower, because rows go to its processes as text: it is for clusters.",),
    )


def _peer(quick: bool) -> Table:  # noqa: FBT001
    rows = []
    for count in (300,) if quick else (3000, 30_000):
        table = people(count)
        release, seconds = timed(lambda table=table: ap.anonymize(table, k=5, quasi=QUASI))
        report = release.report
        rows.append(("ours", f"{count:,}", f"{seconds:.2f}", f"{100 * report.ncp:.1f}", f"{report.suppression:.1%}"))
        if python := os.environ.get("ANJANA_PYTHON"):
            rows.append(_anjana(python, table))
    told = (
        "anjana generalises whole columns along hierarchies (numbers and dates in ten spans, then anything; others to "
        "anything) and may suppress 10 percent; its loss is by the true spans of its classes, and a suppressed row has "
        "lost all. Ours needs no hierarchies."
    )
    return Table(
        "Beside anjana, k = 5",
        ("library", "rows", "seconds", "NCP in percent", "suppressed"),
        rows,
        (told,),
    )


def _anjana(python: str, table: pd.DataFrame) -> tuple[str, ...]:
    given = table[QUASI].assign(born=table["born"].astype("datetime64[s]").astype(np.int64))
    said = subprocess.check_output([python, "-c", _ANJANA, *NUMBERS], input=given.to_csv(index=False), text=True)
    seconds, kept, classes = json.loads(said.splitlines()[-1])
    if not kept or np.bincount(classes).min() < 5:
        return ("anjana", f"{len(table):,}", f"{seconds:.2f}", "not 5-anonymous", "")
    columns = [(number, ranks[kept], places, count) for number, ranks, places, count in coded(table, QUASI, NUMBERS)]
    left_out = 1 - len(kept) / len(table)
    ncp = loss(columns, np.array(classes)) * (1 - left_out) + left_out
    return ("anjana", f"{len(table):,}", f"{seconds:.2f}", f"{100 * ncp:.1f}", f"{left_out:.1%}")


if __name__ == "__main__":
    command.run(measure, __doc__)
