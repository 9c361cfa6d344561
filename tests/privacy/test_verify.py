"""The check that nothing passes unseen: it reads the finished table, and trusts nobody."""

import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.errors import ReleaseRefusedError
from agentpool_jupyter.privacy.verify import Wanted, measure, verify

TABLE = pd.DataFrame({"q": ["a", "a", "b", "b", "b"], "s": ["x", "y", "x", "x", "x"], "n": [1, 2, 3, 4, 5]})


def test_it_counts():
    found = measure(TABLE, ["q"], ["s"])
    assert (found.k, found.l) == (2, 1)
    assert found.t == pytest.approx(0.3)  # half of |1/2 - 4/5| + |1/2 - 1/5|
    # A class of 1 and 2: at or below each value are 1/2, 1, 1, 1, 1 of it, and 1/5 to 5/5 of all.
    assert measure(TABLE, ["q"], ["n"]).t == pytest.approx((0.3 + 0.6 + 0.4 + 0.2) / 4)
    assert measure(TABLE, ["q"], []) == (2, None, None)
    assert measure(TABLE, ["q"], [], pd.Series(["ada", "bob", "ada", None, None])) == (2, None, None)
    assert measure(TABLE, ["q"], [], pd.Series(["ada", "ada", "ada", "bob", "bob"])) == (1, None, None)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(3), "refused: counted by a group-by, k is 2 and not 3; nothing was released"),
        (Wanted(2, 2), "l is 1 and not 2"),
        (Wanted(2, None, 0.1), "t is 0.300 and not 0.1"),
    ],
)
def test_what_falls_short_is_refused_with_the_reason(wanted, message):
    with pytest.raises(ReleaseRefusedError) as error:
        verify(TABLE, ["q"], ["s"], wanted)
    assert message in str(error.value)


def test_missing_values_are_a_class_of_their_own():
    """Some count leaves such rows out, and then finds the rest to be fine."""
    table = pd.DataFrame({"q": ["a", "a", None]})
    with pytest.raises(ReleaseRefusedError, match="k is 1 and not 2"):
        verify(table, ["q"], [], Wanted(2))


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 4)), min_size=2, max_size=40
    ).filter(lambda rows: len({row[1] for row in rows}) > 1 < len({row[2] for row in rows}))
)
def test_pycanon_counts_the_same(rows):
    """Two who count, with nothing in common, for categories and for numbers."""
    anonymity = pytest.importorskip("pycanon.anonymity")
    table = pd.DataFrame(rows, columns=["q", "s", "n"]).assign(same=1)
    quasi = ["q", "same"]
    for name in ("s", "n"):
        found = measure(table, quasi, [name])
        assert found.k == anonymity.k_anonymity(table, quasi)
        assert found.l == anonymity.l_diversity(table, quasi, [name])
        assert found.t == pytest.approx(anonymity.t_closeness(table, quasi, [name]))


def test_nothing_comes_out_where_the_check_fails(monkeypatch):
    """A fault in the partition is found, whatever it is: here rows that are each a class."""
    monkeypatch.setattr(
        sys.modules["agentpool_jupyter.privacy.release"], "partition", lambda columns, _: columns[0].ranks
    )
    with pytest.raises(ReleaseRefusedError, match="k is 1 and not 2"):
        ap.anonymize({"x": [1, 2, 3]}, k=2, quasi="x")


def test_a_release_of_nobody_is_refused(monkeypatch):
    module = sys.modules["agentpool_jupyter.privacy.release"]
    monkeypatch.setattr(module, "partition", lambda columns, _: columns[0].ranks * 0 - 1)
    with pytest.raises(ReleaseRefusedError, match="all 3 rows would be suppressed"):
        ap.anonymize({"x": [1, 2, 3]}, k=2, quasi="x")


def test_without_pycanon_the_report_says_who_counted(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycanon", None)
    assert "pycanon would count again" in ap.anonymize({"x": [1, 1]}, k=2, quasi="x").report.checked
