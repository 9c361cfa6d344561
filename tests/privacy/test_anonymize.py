"""``anonymize``: what comes out, what it tells, and what it refuses."""

import pickle
from collections import Counter
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.errors import ReleaseRefusedError, UserError
from agentpool_jupyter.privacy import fields
from agentpool_jupyter.privacy.verify import measure
from tests import teams

from .people import QUASI, people

CITIES = {
    "Rome": ["Italy", "Europe"],
    "Milan": ["Italy", "Europe"],
    "Paris": ["France", "Europe"],
    "Lima": ["Peru", "America"],
}


@pytest.fixture(scope="module")
def table():
    return people(600)


@pytest.fixture(scope="module")
def release(table):
    return ap.anonymize(table, k=5, quasi=QUASI, sensitive="ill")


def small(**columns):
    return pd.DataFrame(columns)


def labels(values, *, k=2, **options):
    """What becomes of a column that is a table by itself, row by row as they were given."""
    release = ap.anonymize(small(x=values), k=k, quasi="x", **options)
    return release.table["x"].value_counts().to_dict()


# What comes out ------------------------------------------------------------------------------------------------


def test_each_combination_of_quasi_identifiers_occurs_k_times(release):
    assert release.table.groupby(QUASI).size().min() >= 5
    assert release.report.k == release.table.groupby(QUASI).size().min()


def test_the_classes_are_row_numbers_and_cover_the_table(table, release):
    rows = np.concatenate([*release.classes, release.suppressed])
    assert sorted(rows) == list(range(len(table)))
    assert sorted(map(len, release.classes)) == list(release.report.sizes)


def test_what_is_published_of_a_row_is_true_of_it(table, release):
    """Each row's values lie in one of the labels with its sensitive value, class by class."""
    published = Counter(release.table.itertuples(index=False, name=None))
    read = {name: fields.read_field(table[name]) for name in QUASI}
    columns = {name: field.column(values) for name, (field, values) in read.items()}
    for rows in release.classes:
        told = [
            row
            for row in published
            if all(columns[n].covers(label)[columns[n].ranks[rows]].all() for n, label in zip(QUASI, row, strict=False))
        ]
        assert sum(published[row] for row in told if row[-1] == "flu") >= (table["ill"].iloc[rows] == "flu").sum()


def test_only_what_is_named_is_published(release):
    assert list(release.table.columns) == [*QUASI, "ill"]
    assert "left out, because named neither as quasi-identifier nor as sensitive: name, income" in repr(release)
    assert list(release.table.index) == list(range(len(release.table)))


def test_rows_come_out_in_an_order_that_says_nothing():
    """Over many releases every row of a class is everywhere about as often."""
    given = small(x=[1] * 6, s=list("abcdef"))
    places = Counter(list(ap.anonymize(given, k=6, quasi="x", sensitive="s").table["s"]).index("a") for _ in range(300))
    assert len(places) == 6
    assert max(places.values()) < 100  # 50 are expected; so many once in 10^13 times


def test_an_attacker_with_the_true_records_does_not_beat_one_in_k(table, release):
    """Who knows somebody's true values picks the narrowest class that fits, and in it one row."""
    read = {name: fields.read_field(table[name]) for name in QUASI}
    columns = [field.column(values) for field, values in read.values()]
    boxes = release.table[QUASI].drop_duplicates()
    sizes = release.table.groupby(QUASI, sort=False).size().to_numpy()
    fits = np.ones((len(boxes), len(table)), dtype=bool)
    for column, name in zip(columns, QUASI, strict=True):
        fits &= np.array([column.covers(label)[column.ranks] for label in boxes[name]])
    assert fits.any(axis=0).all()
    assert max(1 / sizes[box] for box in np.where(fits, sizes[:, None], len(table)).argmin(axis=0)) <= 1 / 5


def test_it_displays_itself(release):
    text, html = repr(release), release._repr_html_()
    assert text.startswith("k = 5, l = ")
    for part in (
        "classes",
        "loss (NCP)",
        "by a group-by, and by pycanon (k, l)",
        "a second release of the same people",
    ):
        assert part in text
        assert part in html
    assert "<svg" in html
    assert "<script" not in ap.anonymize(small(x=["<script>"] * 4), k=2, quasi="x")._repr_html_()


def test_what_is_written_and_pickled_says_nothing_of_row_numbers(release, tmp_path):
    path = release.write(tmp_path / "out.csv")
    pd.testing.assert_frame_equal(pd.read_csv(path, dtype=str), release.table.astype(str), check_dtype=False)
    assert release.write(tmp_path / "out.parquet").exists()
    with pytest.raises(UserError, match=r"out\.csv exists already"):
        release.write(path)
    again = pickle.loads(pickle.dumps(release))
    assert again.classes == []
    assert list(again.suppressed) == []


# The table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "parquet", "dicts", "columns"])
def test_a_table_may_be_a_file_or_plain_lists(kind, tmp_path):
    given = small(age=[20, 21, 50, 51], sex=["f", "f", "m", "m"])
    path = tmp_path / f"table.{kind}"
    match kind:
        case "csv":
            given.to_csv(path, index=False)
        case "parquet":
            given.to_parquet(path)
        case "dicts":
            path = given.to_dict("records")
        case _:
            path = given.to_dict("list")
    release = ap.anonymize(path, k=2, quasi=["age", "sex"])
    assert sorted(set(release.table.itertuples(index=False, name=None))) == [("20..21", "f"), ("50..51", "m")]


def test_the_given_table_stays_as_it_was(table):
    before = table.copy()
    ap.anonymize(table, k=5, quasi=QUASI)
    pd.testing.assert_frame_equal(table, before)


def test_a_pool_is_a_table_of_its_turns(pool, server):
    for _ in range(4):
        pool.post("A question of somebody's.")
        teams.play(pool, {"planner": "plans", "critic": "criticises"}, server)
    release = ap.anonymize(pool, k=4, sensitive="status")
    assert " ".join(release.quasi) == "time agent model user task characters prompt_tokens completion_tokens"
    assert len(release.table) == 12
    assert "text" not in release.table
    assert "free text was dropped" in repr(release)
    assert "Plan a bakery" not in release.table.to_csv()
    assert "k counts turns, and all of a class may be of one user" in repr(release)
    assert len(ap.anonymize(pool, k=4, engine="inline").table) == 12
    assert "k = 4, l = 1 of 'status', for 12 rows" in repr(ap.anonymize(pool, k=4, sensitive="status", earlier=release))
    with pytest.raises(ReleaseRefusedError, match="k is 4 and column 'user' has 1 different values"):
        ap.anonymize(pool, k=4, per="user")
    with pytest.raises(ReleaseRefusedError, match="k is 13 and the table has 12 rows"):
        ap.anonymize(pool, k=13)


def test_a_pool_without_turns_is_refused_in_one_line(pool):
    with pytest.raises(UserError, match="the pool 'bakery' has no turns"):
        ap.anonymize(pool)


# Columns -------------------------------------------------------------------------------------------------------


def test_numbers_become_spans():
    assert labels([1, 2, 10, 11]) == {"1..2": 2, "10..11": 2}
    assert labels([1, 1, -2.5, 0.5]) == {"1.0": 2, "-2.5..0.5": 2}
    assert labels([Decimal(1), Decimal(2)]) == {"1..2": 2}


def test_dates_become_spans():
    days = ["2024-01-01", "2024-01-03", "2024-06-01", "2024-06-01"]
    for kind in (list, lambda given: [date.fromisoformat(day) for day in given], pd.to_datetime):
        assert labels(kind(days)) == {"2024-01-01..2024-01-03": 2, "2024-06-01": 2}
    times = pd.to_datetime(["2024-01-01 10:00", "2024-01-01 12:30"]).tz_localize("Europe/Rome")
    assert labels(times) == {"2024-01-01 09:00:00..2024-01-01 11:30:00": 2}


def test_categories_become_sets():
    assert labels(["b", "a", "c", "c"]) == {"a | b": 2, "c": 2}
    assert labels([True, False]) == {"*": 2}


def test_categories_with_a_hierarchy_become_what_they_are_part_of():
    cities = ["Rome", "Milan", "Paris", "Paris", "Lima", "Lima"]
    assert labels(cities, hierarchies={"x": CITIES}) == {"Italy": 2, "Paris": 2, "Lima": 2}
    assert labels(cities, k=4, hierarchies={"x": CITIES}) == {"*": 6}
    assert labels(cities[:4], k=4, hierarchies={"x": CITIES}) == {"Europe": 4}


def test_a_hierarchy_may_be_a_file(tmp_path):
    path = tmp_path / "cities.csv"
    path.write_text("".join(f"{city}, {', '.join(above)}\n" for city, above in CITIES.items()))
    assert labels(["Rome", "Milan"], hierarchies={"x": path}) == {"Italy": 2}


def test_missing_values_are_a_value():
    """What has none is together, or is told of nobody."""
    assert labels([1, 2, None, None]) == {"1..2": 2, "missing": 2}
    assert labels([1, 2, None]) == {"*": 3}
    assert labels(["a", "a", None, None]) == {"a": 2, "missing": 2}
    assert labels(["a", "b", None]) == {"*": 3}
    assert labels([None, None]) == {"missing": 2}


def test_one_value_only_is_published_as_it_is():
    release = ap.anonymize(small(x=[7] * 4, y=["a"] * 4), k=3, quasi=["x", "y"])
    assert set(release.table.itertuples(index=False, name=None)) == {("7", "a")}
    assert release.report.ncp == 0


def test_values_of_several_types_are_compared_as_texts():
    release = ap.anonymize(small(x=[1, "1", "b", "b"]), k=2, quasi="x")
    assert sorted(release.table["x"]) == ["1", "1", "b", "b"]
    assert "column 'x' has values of several types, compared as texts" in repr(release)


def test_numbers_past_all_others_are_no_trouble():
    release = ap.anonymize(small(x=[-1.7e308, -1.7e308, 1.7e308, 1.7e308, 0.0, 0.0]), k=3, quasi="x")
    assert 0 <= release.report.ncp <= 1


@given(st.lists(st.one_of(st.floats(allow_infinity=False), st.integers(-(10**6), 10**6)), min_size=2, max_size=30))
def test_labels_of_numbers_say_what_is_true(values):
    field, read = fields.read_field(pd.Series(values, name="x", dtype=object))
    column = field.column(read)
    for pair in map(sorted, zip(column.ranks, column.ranks[::-1], strict=True)):
        assert column.covers(column.label(pair))[pair].all()


# What is refused -----------------------------------------------------------------------------------------------


def test_k_may_be_all_rows_and_not_one_more():
    assert labels([1, 2, 3], k=3) == {"1..3": 3}
    with pytest.raises(
        ReleaseRefusedError, match="refused: k is 4 and the table has 3 rows, which cannot make one class"
    ):
        labels([1, 2, 3], k=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quasi": "agee"}, "the table has no column 'agee' for a quasi-identifier: do you mean 'age'"),
        ({"quasi": "zzz"}, "the table has no column 'zzz' for a quasi-identifier: it has age, city, s"),
        ({"quasi": None}, "name the quasi-identifiers, by which somebody could be known: the table has age, city, s"),
        ({"sensitive": "age"}, "column 'age' cannot be a quasi-identifier and sensitive: name it once"),
        ({"sensitive": "t"}, "the table has no column 't' for what is sensitive"),
        ({"k": 1}, "k = 1: name 2 or more"),
        ({"l": 2}, "l and t are about sensitive columns: name one"),
        ({"sensitive": "s", "l": 3}, "refused: column 's' has 2 different values, and l is 3"),
        ({"sensitive": "s", "t": 2}, "t = 2: name a distance from 0 to 1"),
        ({"per": "s", "k": 3}, "refused: k is 3 and column 's' has 2 different values"),
        ({"per": "who"}, "the table has no column 'who' for people"),
        ({"suppression": 1}, "suppression = 1: name a share from 0 to less than 1"),
        ({"text": "keep"}, "text = 'keep': choose drop or redact"),
        ({"text": "redact"}, "there is no column 'text' to redact"),
        ({"hierarchies": {"s": CITIES}}, "the table has no column 's' for a hierarchy"),
        ({"hierarchies": {"city": {"Rome": "Italy"}}}, "the hierarchy of column 'city' has no place for 'Lima'"),
        (
            {"hierarchies": {"city": CITIES | {"Lima": ["", "America"]}}},
            "the hierarchy of column 'city' has a hole: what is 'Lima' part of at step 1",
        ),
        (
            {"hierarchies": {"city": [["Rome", "Italy"], ["Rome", "Spain"]]}},
            "the hierarchy of column 'city' has two places for 'Rome'",
        ),
        ({"hierarchies": {"city": []}}, "the hierarchy of column 'city' is empty"),
        ({"hierarchies": {"city": "no.csv"}}, "the hierarchy of column 'city' cannot be read from no.csv"),
    ],
)
def test_a_mistake_is_told_in_one_line(options, message):
    given = small(age=[1, 2, 3, 4], city=["Rome", "Lima"] * 2, s=["a", "b"] * 2)
    quasi = ["age", "city"]
    with pytest.raises(UserError) as error:
        ap.anonymize(given, **{"k": 2, "quasi": quasi, **options})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (small(x=[1.0, float("inf"), 2.0]), "column 'x' has infinity in 1 rows"),
        (small(x=[]), "the table has no rows"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "the table has two columns 'x'"),
        (
            small(x=np.array(["20000-01-01"] * 3, dtype="datetime64[s]")),
            "column 'x' has dates outside the years 1 to 9999",
        ),
        (small(x=[[1], [2]]), "column 'x' has values that are lists or the like"),
        ("nowhere.csv", "the table nowhere.csv cannot be read"),
        (7, "this is no table"),
    ],
)
def test_a_table_that_is_none_is_told_in_one_line(given, message):
    with pytest.raises(UserError, match=message):
        ap.anonymize(given, k=2, quasi="x")


# Demands -------------------------------------------------------------------------------------------------------


def test_l_and_t_hold_and_are_reported(table):
    for asked in ({"l": 3}, {"t": 0.3}, {"l": 2, "t": 0.4}):
        report = ap.anonymize(table, k=4, quasi=QUASI[:4], sensitive="ill", **asked).report
        assert report.l >= asked.get("l", 1)
        assert report.t <= asked.get("t", 1.0)


def test_several_sensitive_columns_each_have_what_is_asked(table):
    release = ap.anonymize(table, k=4, quasi=QUASI[:4], sensitive=["ill", "income"], l=2)
    assert all(measure(release.table, QUASI[:4], [name]).l >= 2 for name in ("ill", "income"))


def test_rows_are_left_out_up_to_the_limit_where_others_gain(table):
    whole = ap.anonymize(table, k=5, quasi=QUASI)
    release = ap.anonymize(table, k=5, quasi=QUASI, suppression=0.05)
    report = release.report
    assert 0 < report.suppressed <= 30
    assert len(release.suppressed) == report.suppressed == len(table) - len(release.table)
    assert report.published_ncp < whole.report.ncp < report.ncp
    assert f"suppressed: {report.suppressed}" in repr(report)


def test_a_class_with_one_sensitive_value_is_warned_of():
    release = ap.anonymize(small(x=[1, 1, 2, 2], s=["a", "a", "b", "b"]), k=2, quasi="x", sensitive="s")
    assert "some classes have one sensitive value only" in repr(release)


def test_a_sensitive_column_that_tells_people_apart_is_warned_of(table):
    assert "sensitive column 'name' has a value of its own" in repr(
        ap.anonymize(table, k=5, quasi=QUASI, sensitive="name")
    )


def test_sensitive_columns_may_be_of_any_type_and_keep_it(table):
    """Those of numbers and dates have an order, and all that is missing counts as a value."""
    given = small(
        x=[1] * 6,
        number=[1, 2, 3, 4, 5, None],
        day=pd.to_datetime(["2024-01-01"] * 5 + [None]).tz_localize("UTC"),
        exact=[Decimal(1), None, Decimal(2), Decimal(3), Decimal(3), Decimal(3)],
        mixed=["a", 1, None, "a", "a", True],
        kind=pd.Categorical(["u", "v", "u", "v", None, "u"]),
    )
    release = ap.anonymize(given, k=3, quasi="x", sensitive=list(given)[1:], l=2, t=0.5)
    assert (release.report.k, release.report.l, release.report.t) == (6, 2, 0)
    assert list(release.table.dtypes)[1:3] == list(given.dtypes)[1:3]


@pytest.mark.parametrize("engine", [None, "inline"])
def test_k_may_be_of_people_and_not_of_rows(engine):
    """Five rows of one person hide nobody."""
    given = small(
        day=[1] * 5 + [2] * 5 + [3] * 3, who=["ada"] * 5 + ["ada", "bob", "eve", "ada", "ada"] + ["kim", "lea", "mia"]
    )
    assert len(ap.anonymize(given, k=3, quasi="day").classes) == 3
    release = ap.anonymize(given, k=3, quasi="day", per="who", engine=engine)
    assert sorted(map(len, release.classes)) == [3, 10]
    assert "who" not in release.table
    assert release.report.k == 3
    assert "asked: k = 3, k of who" in repr(release)
