"""The partition as a MapReduce job: every engine gives the same classes, and what the parts cost is little."""

import numpy as np
import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import EngineError
from agentpool_jupyter.privacy.bulk.build import partition_by_job
from agentpool_jupyter.privacy.demand import Demand
from agentpool_jupyter.privacy.fields import read_field
from agentpool_jupyter.privacy.hierarchy import Hierarchy
from tests.privacy.people import NUMBERS, QUASI, coded, loss, people

pytestmark = [pytest.mark.timeout(500), pytest.mark.usefixtures("temporary")]
COUNTRIES = Hierarchy({f"country {number:02}": [f"region {number // 6}"] for number in range(41)})


def rows(count):
    """A table with what there may be in one: gaps, dates, a hierarchy."""
    table = people(count)
    table.loc[::7, "age"] = np.nan
    table.loc[::11, "work"] = None
    return table, [read_field(table[name], COUNTRIES if name == "country" else None) for name in QUASI]


def classes_by(engine, options=None, *, count=4000, part=1500, **more):
    table, read = rows(count)
    fields, values = zip(*read, strict=True)
    demand = Demand(k=5, **more)
    return table, partition_by_job(fields, values, demand, 0.0, engine=engine, part=part, options=options)


@pytest.mark.parametrize(
    "shared_engine",
    ["local", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("spark", "hadoop"))],
    indirect=True,
)
def test_every_engine_gives_the_same_classes(shared_engine):
    expected, found = classes_by("inline")[1], classes_by(*shared_engine)[1]
    assert len(np.unique(np.stack([expected, found]), axis=1).T) == expected.max() + 1 == found.max() + 1


def test_parts_cost_little():
    """At most a tenth of what is lost without them, by the sizes that are the default ones."""
    table = people(4000)
    read = [read_field(table[name]) for name in QUASI]
    columns = coded(table, QUASI, NUMBERS)
    whole = ap.anonymize(table, k=5, quasi=QUASI)
    fields, values = zip(*read, strict=True)
    parted = partition_by_job(fields, values, Demand(k=5), 0.0, engine="inline", part=2000)
    assert np.bincount(parted).min() >= 5
    assert loss(columns, parted) <= 1.1 * whole.report.ncp


def test_a_release_by_a_job_protects_as_any_other():
    table, _ = rows(1500)
    options = {"k": 5, "quasi": QUASI, "sensitive": "ill", "l": 2, "t": 0.4, "suppression": 0.02}
    release = ap.anonymize(table, engine="inline", **options)
    assert (release.report.k, release.report.l) >= (5, 2)
    assert release.report.suppressed <= 30
    one_go = ap.anonymize(table, **options)
    assert release.report.sizes == one_go.report.sizes  # so few rows are one part


def test_the_order_of_rows_changes_no_size():
    table = people(2500)
    mixed = table.sample(frac=1, random_state=3).reset_index(drop=True)
    made = []
    for one in (table, mixed):
        fields, values = zip(*(read_field(one[name]) for name in QUASI), strict=True)
        classes = partition_by_job(fields, values, Demand(k=5), 0.0, engine="inline", part=1000)
        made.append(sorted(np.bincount(classes).tolist()))
    assert made[0] == made[1]


def test_an_unknown_engine_is_told_before_any_work():
    with pytest.raises(EngineError, match="no engine 'steam'"):
        ap.anonymize({"x": [1, 1]}, k=2, quasi="x", engine="steam")
