"""Two releases of the same people, and an attacker who has both."""

import pandas as pd
import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import ReleaseRefusedError, UserError

from .people import people

QUASI = ["age", "zip", "sex"]
# Two at each age: published by 1 and 2 together, and then by 2 and 3, all is known of who is 2.
BEFORE = pd.DataFrame({"age": [1, 1, 2, 2, 3, 3], "ill": ["flu", "cold", "ulcer", "ulcer", "cough", "fever"]})


def test_what_two_releases_have_in_common_may_be_less_than_either_protects():
    """The earlier release has 1 and 2 together, this one 2 and 3: who is 2 has an ulcer."""
    earlier = pd.DataFrame({"age": ["1..2"] * 4 + ["3"] * 2, "ill": BEFORE["ill"]})
    given = BEFORE.iloc[2:]  # those who are 1 have left
    assert ap.anonymize(given, k=3, quasi="age", sensitive="ill").report.l == 3
    with pytest.raises(ReleaseRefusedError) as error:
        ap.anonymize(given, k=3, quasi="age", sensitive="ill", l=2, earlier=earlier)
    assert str(error.value) == (
        "refused: to who has the earlier release too, somebody is left with 2 rows, 1 different values of 'ill' (4 of "
        "4 with fewer than 3 rows); ask for a larger k, or publish one only"
    )


def test_the_same_release_again_takes_nothing_away(tmp_path):
    table = people(300)
    first = ap.anonymize(table, k=5, quasi=QUASI, sensitive=["ill", "income"], l=2)
    path = first.write(tmp_path / "first.csv")
    for earlier in (first, first.table, path):
        told = repr(ap.anonymize(table, k=5, quasi=QUASI, sensitive=["ill", "income"], l=2, earlier=earlier))
        assert "together with the earlier release k = 5" in told
        assert "for 300 rows that are in both" in told


def test_another_k_is_no_longer_safe():
    """Of the same people with another k: what both leave open is less than what either does."""
    table = people(300)
    first = ap.anonymize(table, k=5, quasi=QUASI, sensitive="ill")
    with pytest.raises(ReleaseRefusedError, match="to who has the earlier release too"):
        ap.anonymize(table, k=7, quasi=QUASI, sensitive="ill", earlier=first)


def test_people_who_were_in_no_earlier_release_are_no_concern():
    first = ap.anonymize({"age": [1, 2]}, k=2, quasi="age")
    assert "nobody of this table fits into the earlier release" in repr(
        ap.anonymize({"age": [8, 9]}, k=2, quasi="age", earlier=first)
    )


def test_an_earlier_release_needs_the_same_columns():
    with pytest.raises(UserError, match="the earlier release has no column 'age'"):
        ap.anonymize({"age": [8, 9]}, k=2, quasi="age", earlier={"years": [1, 2]})


def test_a_second_release_is_warned_of():
    assert "a second release of the same people can undo this one" in repr(ap.anonymize({"a": [1, 1]}, k=2, quasi="a"))
