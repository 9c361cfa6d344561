"""Jobs on a real Apache Spark: in one process, and on a standalone master with a worker."""

import tempfile

import pytest

from agentpool_jupyter.errors import EngineError, JobError
from tests.jobs.stopping import assert_gone, cancel_when_running

pytestmark = [pytest.mark.usefixtures("spark_environment"), pytest.mark.timeout(400)]


def test_same_lines_on_one_machine(run, expected):
    told = []
    output, result = run("spark", options={"spark_master": "local[2]"}, progress=told.append)
    assert output == expected
    assert result.counters["toy"]["lines"] == 300
    assert told[-1].done == told[-1].total > 0


@pytest.mark.nightly
def test_what_the_environment_says_for_other_programs_is_in_nobodys_way(run, expected, tmp_path, monkeypatch):
    """Spark would open a notebook in place of the job, or look where it is not; and paths are no URIs, nor patterns."""
    odd = tmp_path / "[t]mp $HOME \u00e9 %20"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    settings = {"PYSPARK_DRIVER_PYTHON": "jupyter", "PYSPARK_DRIVER_PYTHON_OPTS": "notebook", "SPARK_HOME": "/nowhere"}
    for name, value in (settings | {"PYSPARK_SUBMIT_ARGS": "--master x", "PYTHONWARNINGS": "error"}).items():
        monkeypatch.setenv(name, value)
    assert run("spark", options={"spark_master": "local[2]"})[0] == expected
    assert list(odd.iterdir()) == []


@pytest.mark.nightly
def test_same_lines_on_a_standalone_cluster(run, expected, spark_master):
    """Its workers get the code with the job."""
    output, result = run("spark", options={"spark_master": spark_master})
    assert output == expected
    assert result.counters["toy"]["lines"] == 300


@pytest.mark.nightly
def test_a_failing_mapper_on_a_standalone_cluster(run, spark_master):
    with pytest.raises(JobError, match=r"failed on spark: ArithmeticError: cannot take k\d") as caught:
        run("spark", "tests.jobs.toy:Failing", options={"spark_master": spark_master})
    assert "in mapper" in caught.value.log.read_text()


@pytest.mark.nightly
def test_cancelling_on_a_standalone_cluster(lines, tmp_path, spark_master):
    error, mappers = cancel_when_running(lines, tmp_path, "spark", {"spark_master": spark_master})
    assert "was told to stop" in str(error)
    assert mappers
    assert_gone(mappers)


def test_a_master_that_is_not_there(run):
    with pytest.raises(EngineError, match=r"no Spark master answers at spark://127\.0\.0\.1:1: start it"):
        run("spark", options={"spark_master": "spark://127.0.0.1:1"})
