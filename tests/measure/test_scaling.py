"""What a larger team gains: known laws are found again, and what cannot be told is said."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.measure.scaling.laws import best_size, gunther, karp_flatt
from tests.programs import output

SIZES = (1, 2, 4, 8, 16)


def runs(sigma, kappa, *, sizes=SIZES, alone=10.0, noise=0.0, repeats=1, seed=0):
    dice = random.Random(seed)
    return [
        {"n": n, "seconds": alone / gunther(n, sigma, kappa) * math.exp(dice.gauss(0, noise))}
        for n in sizes
        for _ in range(repeats)
    ]


@settings(max_examples=60, deadline=None)
@given(sigma=st.floats(0, 0.9), kappa=st.floats(0, 0.2), alone=st.floats(0.001, 1e5))
def test_known_contention_and_coherence_are_found_again(sigma, kappa, alone):
    """Without noise exactly, whatever the unit of time."""
    found = ap.scaling(runs(sigma, kappa, alone=alone), resamples=1).fits[0]
    assert found.sigma == pytest.approx(sigma, abs=1e-6)
    assert found.kappa == pytest.approx(kappa, abs=1e-7)
    assert found.error == pytest.approx(0, abs=1e-6)


def test_with_noise_the_intervals_hold_what_was_set():
    """With 30 repeats and 5 % of noise."""
    found = ap.scaling(runs(0.08, 0.01, noise=0.05, repeats=30), level=0.99, resamples=400).fits[0]
    assert found.sigma_interval.low <= 0.08 <= found.sigma_interval.high
    assert found.kappa_interval.low <= 0.01 <= found.kappa_interval.high
    assert found.best_interval.low <= best_size(0.08, 0.01) <= found.best_interval.high


@settings(max_examples=60, deadline=None)
@given(
    seconds=st.lists(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=3), min_size=2, max_size=5),
)
def test_whatever_was_measured_the_law_is_possible(seconds):
    """Times of chance, faster and slower: shares stay shares, and nothing is NaN that was measured."""
    table = [{"n": 2**i, "seconds": one} for i, runs in enumerate(seconds) for one in runs]
    result = ap.scaling(table, resamples=5)
    found = result.fits[0]
    assert 0 <= found.parallel <= 1
    assert found.bound >= 1
    if len(seconds) > 2:
        assert 0 <= found.sigma <= 1
        assert found.kappa >= 0
        assert found.best >= 1
    assert all(row.speed_up > 0 and row.predicted > 0 for row in result.rows)
    assert repr(result)
    assert "NaN" not in result._repr_html_()
    assert "nan" not in result._repr_html_()


def test_amdahl_has_a_bound_and_karp_and_flatt_a_flat_share():
    """A fifth is serial: five times as fast at most, and every size shows that fifth."""
    result = ap.scaling(runs(0.2, 0))
    assert result.fits[0].parallel == pytest.approx(0.8)
    assert result.fits[0].bound == pytest.approx(5)
    assert [row.serial for row in result.rows[1:]] == pytest.approx([0.2] * 4)
    assert result.fits[0].best == math.inf
    assert "best size: none in sight up to 16" in repr(result)


def test_karp_and_flatts_share_grows_where_pairs_cost():
    shares = [row.serial for row in ap.scaling(runs(0.05, 0.02)).rows[1:]]
    assert shares == sorted(shares)
    assert karp_flatt(2, 4) == pytest.approx(1 / 3)


def test_the_best_size_is_where_one_more_does_not_help():
    found = ap.scaling(runs(0.05, 0.02)).fits[0]
    assert found.best == pytest.approx(math.sqrt(0.95 / 0.02))
    assert found.speed_up(found.best) >= max(found.speed_up(found.best - 1), found.speed_up(found.best + 1))


def test_more_than_n_times_as_fast_is_told_as_it_is():
    """The law has no contention then, and the measured share is below nothing."""
    result = ap.scaling([{"n": 1, "seconds": 10}, {"n": 2, "seconds": 4}, {"n": 4, "seconds": 2}])
    assert result.fits[0].sigma == 0
    assert result.rows[1].serial < 0
    assert result.rows[1].efficiency > 1


TABLE = runs(0.1, 0.01, repeats=2)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(TABLE),
        pa.Table.from_pylist(TABLE),
        {name: [row[name] for row in TABLE] for name in ("n", "seconds")},
        iter(TABLE),
        [{name: str(value) for name, value in row.items()} for row in TABLE],
        [{name: Decimal(str(value)) for name, value in row.items()} for row in TABLE],
        pd.DataFrame(TABLE).convert_dtypes(),
    ],
    ids=["pandas", "arrow", "columns", "iterator", "texts", "decimals", "nullable"],
)
def test_any_table_will_do(table):
    assert ap.scaling(table).to_pandas().equals(ap.scaling(TABLE).to_pandas())


def test_the_order_of_rows_does_not_matter():
    turned = list(reversed(TABLE))
    assert ap.scaling(turned).fits[0].sigma == pytest.approx(ap.scaling(TABLE).fits[0].sigma)


def test_groups_are_looked_at_apart():
    """One that has no speed-up to tell is named and left out."""
    table = [row | {"way": way} for way, sigma in (("dealt", 0.1), ("chosen", 0.3)) for row in runs(sigma, 0)]
    table += [{"n": 1, "seconds": 3.0, "way": None}]
    result = ap.scaling(table, by="way")
    assert [fit.sigma for fit in result.fits] == pytest.approx([0.1, 0.3])
    assert result.notes == ["None: all runs are of n = 1: speed-up needs a larger team beside it"]
    assert result.notes[0] in repr(result)
    assert list(result.to_pandas().columns[:2]) == ["way", "n"]


def test_what_is_missing_in_a_group_is_one_group():
    """However a table says that it is."""
    missing = [None, math.nan, pd.NA, pd.NaT] * 3
    table = [row | {"way": way} for row, way in zip(runs(0.1, 0) * 2, missing, strict=False)]
    assert [fit.group for fit in ap.scaling(table, by="way", resamples=2).fits] == [(None,)]


def test_two_sizes_tell_of_amdahl_alone():
    found = ap.scaling(runs(0.1, 0, sizes=(1, 4))).fits[0]
    assert found.parallel == pytest.approx(0.9)
    assert math.isnan(found.sigma)
    assert "needs three sizes" in "\n".join(found.told())


def test_sizes_that_were_run_once_have_no_interval():
    result = ap.scaling(runs(0.1, 0.01))
    assert all(math.isnan(row.interval.low) for row in result.rows)
    assert math.isnan(result.fits[0].kappa_interval.low)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ([{"N": 1, "seconds": 1}], "the table has no column 'n': do you mean 'N'?|it has N, seconds"),
        ([{"n": 1, "second": 1}], "the table has no column 'seconds': do you mean 'second'?"),
        ([], "the table has no column 'n': it has none"),
        ({"n": [], "seconds": []}, "the table has no rows"),
        (7, "this is no table"),
        (pd.Series([1, 2]), "this is no table"),
        (pd.DataFrame({"n": [1, 2], "seconds": [1, None]}).convert_dtypes(), "row 1 of the table has seconds = "),
        ("runs.csv", "this is no table"),
        ([1, 2], "this is no table"),
        ({"n": [1, 2], "seconds": [1]}, "this is no table"),
        ({"n": 1, "seconds": 1}, "this is no table"),
        ({"n": [1, 2, 4], "seconds": [1, math.nan, None]}, "row 1 of the table has seconds = nan (and 1 more rows)"),
        ({"n": [1, 2], "seconds": [1, math.inf]}, "row 1 of the table has seconds = inf"),
        ({"n": [1, 2], "seconds": [1, -1]}, "row 1 of the table has seconds = -1: work takes more than 0 seconds"),
        ({"n": [1, 2], "seconds": [0, 1]}, "row 0 of the table has seconds = 0"),
        ({"n": [0, 1], "seconds": [1, 1]}, "row 0 of the table has n = 0: a team has 1, 2, 3"),
        ({"n": [1, 1.5], "seconds": [1, 1]}, "row 1 of the table has n = 1.5"),
        ({"n": [1, True], "seconds": [1, 1]}, "row 1 of the table has n = True"),
        ({"n": [1, "many"], "seconds": [1, 1]}, "row 1 of the table has n = 'many'"),
        ({"n": [1, [2]], "seconds": [1, 1]}, "row 1 of the table has n = [2]"),
        ({"n": [2, 4], "seconds": [1, 1]}, "no run of n = 1, the least is 2: speed-up is against one, add it"),
        ({"n": [1, 1], "seconds": [1, 1]}, "all runs are of n = 1"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(table, told):
    with pytest.raises(UserError) as caught:
        ap.scaling(table)
    assert any(part in str(caught.value) for part in told.split("|"))
    assert "\n" not in str(caught.value)


def test_without_numpy_it_is_told_what_to_install():
    """An experiment does without."""
    program = """
import sys
sys.modules["numpy"] = None
import agentpool_jupyter as ap
from agentpool_jupyter.errors import ExtraMissingError
ap.experiment
try:
    ap.scaling
except ExtraMissingError as error:
    print(error)
"""
    assert output(program) == "scaling needs numpy: pip install 'agentpool-jupyter[measure]'\n"


def test_a_level_that_is_no_share_is_refused():
    with pytest.raises(UserError, match="level = 95 is no share"):
        ap.scaling(TABLE, level=95)


def test_the_picture_is_escaped_and_needs_no_script():
    """Group names come from a table, which may come from anywhere."""
    table = [row | {"way": "<script>alert(1)</script>"} for row in runs(0.1, 0.01, repeats=3)]
    html = ap.scaling([*table, *(row | {"way": "b"} for row in runs(0.2, 0.02))], by="way")._repr_html_()
    assert "<script" not in html
    assert html.count("<circle") == 5 + 5 + 2
    assert "Amdahl" in html
