"""What the partition promises, whatever the table: laws, tried on random ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.privacy.demand import Demand
from agentpool_jupyter.privacy.diversity import Sensitive
from agentpool_jupyter.privacy.fields import read_field
from agentpool_jupyter.privacy.hierarchy import Hierarchy
from agentpool_jupyter.privacy.partition import partition

from .people import NUMBERS, QUASI, coded, loss, people, plain_mondrian

TREE = Hierarchy({"a": ["vowel"], "e": ["vowel"], "b": ["consonant"], "c": ["consonant"], "d": ["consonant"]})

cells = st.fixed_dictionaries(
    {
        "n": st.one_of(st.integers(-3, 3), st.none(), st.floats(-1e308, 1e308)),
        "c": st.sampled_from(["x", "y", "z", None]),
        "t": st.sampled_from(sorted(TREE.paths)),
        "s": st.integers(0, 3),
    }
)
tables = st.lists(cells, min_size=1, max_size=60).map(lambda rows: pd.DataFrame(rows, columns=["n", "c", "t", "s"]))


def columns_of(table):
    read = [read_field(table[name], TREE if name == "t" else None) for name in ("n", "c", "t")]
    return [field.column(values) for field, values in read]


def sensitive(table, *, ordered=True):
    ranks = np.unique(table["s"].to_numpy(), return_inverse=True)[1]
    return Sensitive("s", ranks, np.bincount(ranks) / len(ranks), ordered=ordered)


def sizes(classes):
    return sorted(np.bincount(classes[classes >= 0]).tolist())


@given(tables, st.integers(2, 8), st.booleans())
def test_every_class_has_k_rows(table, k, strict):
    classes = partition(columns_of(table), Demand(k=min(k, len(table)), strict=strict))
    assert (classes >= 0).all()
    assert min(sizes(classes)) >= min(k, len(table))


@given(tables, st.integers(2, 8), st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_size(table, k, strict, chance):
    """Not even with heavy ties, and with demands on sensitive values."""
    k = min(k, len(table))
    mixed = table.iloc[chance.sample(range(len(table)), len(table))].reset_index(drop=True)
    for more in ({}, {"l": 2}, {"t": 0.3}, {"suppress": 3}):
        if more.get("l", 1) > table["s"].nunique():
            continue
        made = [
            partition(columns_of(one), Demand(k=k, strict=strict, sensitive=[sensitive(one)], **more))
            for one in (table, mixed)
        ]
        assert sizes(made[0]) == sizes(made[1])
    few = min(k, table["s"].nunique())
    made = [partition(columns_of(one), Demand(k=few, strict=strict, per=sensitive(one))) for one in (table, mixed)]
    assert sizes(made[0]) == sizes(made[1])


@given(tables, st.integers(2, 5), st.booleans(), st.booleans())
def test_demands_on_sensitive_values_hold_in_every_class(table, k, ordered, strict):
    one = sensitive(table, ordered=ordered)
    few = min(2, table["s"].nunique())
    classes = partition(columns_of(table), Demand(k=min(k, len(table)), l=few, t=0.25, sensitive=[one], strict=strict))
    whole = np.bincount(one.ranks) / len(table)
    for mine in (one.ranks[classes == number] for number in range(classes.max() + 1)):
        assert len(set(mine)) >= few
        apart = np.bincount(mine, minlength=one.size) / len(mine) - whole
        far = np.abs(np.cumsum(apart)).sum() / max(1, one.size - 1) if ordered else np.abs(apart).sum() / 2
        assert far <= 0.25 + 1e-9


@given(tables, st.integers(2, 4), st.booleans(), st.integers(0, 4))
def test_where_rows_are_of_people_every_class_has_k_of_them(table, k, strict, most):
    people = sensitive(table)
    demand = Demand(k=min(k, people.size), per=people, strict=strict, suppress=most)
    classes = partition(columns_of(table), demand)
    for number in range(classes.max() + 1):
        assert len(set(people.ranks[classes == number])) >= demand.k


@given(tables, st.integers(2, 6), st.integers(0, 10))
def test_no_more_rows_are_left_out_than_may_be(table, k, most):
    classes = partition(columns_of(table), Demand(k=min(k, len(table)), suppress=most))
    assert (classes < 0).sum() <= most
    assert min(sizes(classes)) >= min(k, len(table))


@given(tables, st.integers(2, 5))
def test_strict_classes_are_not_parted_within_a_value(table, k):
    """With one column alone, rows of one value are in one class."""
    for column in columns_of(table):
        classes = partition([column], Demand(k=min(k, len(table))))
        for rank in set(column.ranks):
            assert len(set(classes[column.ranks == rank])) == 1


@given(st.integers(2, 9), st.integers(2, 40))
def test_relaxed_classes_part_rows_that_are_all_the_same(k, count):
    column = read_field(pd.Series([1] * count, name="n"))
    classes = partition([column[0].column(column[1])], Demand(k=min(k, count), strict=False))
    assert max(sizes(classes)) < 2 * min(k, count) or count < 2 * k


@pytest.mark.parametrize("k", [5, 10, 50])
def test_less_is_lost_than_by_plain_mondrian(k):
    """At least a tenth less, of the same rows and by the same definition; and the plain one is k-anonymous indeed."""
    table = people(4000)
    columns = coded(table, QUASI, NUMBERS)
    plain = plain_mondrian(columns, k)
    assert np.bincount(plain).min() >= k
    ours = partition(
        [field.column(values) for field, values in (read_field(table[name]) for name in QUASI)], Demand(k=k)
    )
    assert loss(columns, ours) <= 0.9 * loss(columns, plain)
