"""``%anonymize`` in a real IPython shell."""

import pandas as pd
import pytest
from IPython.core.error import UsageError

import agentpool_jupyter as ap

from .conftest import completed

PATIENTS = pd.DataFrame({"age": [20, 21, 50, 51], "zip": ["a", "a", "b", "b"], "ill": ["flu", "cold", "flu", "cold"]})


@pytest.fixture
def anonymize(shell):
    shell.user_ns["patients"] = PATIENTS

    def run(line):
        return shell.run_line_magic("anonymize", line)

    return run


def test_a_variable(anonymize):
    release = anonymize("patients -k 2 --quasi age,zip --sensitive ill -l 2 -t 0.5  # to share")
    assert isinstance(release, ap.Anonymized)
    assert (release.report.k, release.report.l, release.quasi) == (2, 2, ["age", "zip"])


def test_a_file_in_and_a_file_out(anonymize, tmp_path, capsys):
    PATIENTS.to_csv(tmp_path / "in.csv", index=False)
    anonymize(f"{tmp_path}/in.csv -k 2 --quasi age --quasi zip --out '{tmp_path}/out.csv'")
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == ["age", "zip"]
    assert "out.csv" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"out\.csv exists already"):
        anonymize(f"{tmp_path}/in.csv -k 2 --quasi age --out '{tmp_path}/out.csv'")


def test_the_current_pool(anonymize, shell, pool):
    for text in ("one", "two", "three"):
        pool.post(text)
    shell.run_line_magic("pool", "use bakery")
    release = anonymize("-k 3")
    assert len(release.table) == 3
    assert "free text was dropped: columns do not make it anonymous" in repr(release)


def test_hierarchies_and_an_earlier_release(anonymize, shell):
    shell.user_ns["zips"] = {"a": "south", "b": "south"}
    shell.user_ns["first"] = anonymize("patients -k 4 --quasi zip --hierarchy zip=zips")
    assert set(shell.user_ns["first"].table["zip"]) == {"south"}
    again = anonymize("patients -k 4 --quasi zip --hierarchy zip=zips --with first --suppression 0.1 --relaxed")
    assert "together with the earlier release k = 4" in repr(again)


def test_by_an_engine(anonymize):
    assert anonymize("patients -k 2 --quasi age --engine inline").report.k == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("patients -k 9 --quasi age", "refused: k is 9 and the table has 4 rows"),
        ("patients --quasi agee", "do you mean 'age'?"),
        ("patients -k 2", "name the quasi-identifiers"),
        ("nothing.csv -k 2 --quasi age", "the table nothing.csv cannot be read"),
        ("patients -k 2 --quasi zip --hierarchy zip", "--hierarchy zip: write COLUMN=FILE"),
        ("patients -k 2 --quasi age --engine steam", "no engine 'steam'"),
        ("-k 2 --pool nowhere", "nowhere"),
    ],
)
def test_a_mistake_is_one_line(anonymize, line, message):
    with pytest.raises(UsageError) as error:
        anonymize(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_its_help_its_options_and_tables_are_there(shell):
    shell.user_ns["patients"] = PATIENTS
    assert "patients" in completed(shell, "%anonymize ")
    assert "nobody is told apart" in shell.find_line_magic("anonymize").__doc__
    assert "--sensitive" in completed(shell, "%anonymize --se")
