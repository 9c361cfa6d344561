"""Jobs on a real Hadoop MapReduce: YARN and HDFS of Hadoop's own mini cluster."""

import pytest

from agentpool_jupyter.errors import JobError
from tests.jobs.hadoop_cluster import applications, files
from tests.jobs.stopping import assert_gone, cancel_when_running

pytestmark = pytest.mark.timeout(400)


@pytest.mark.nightly
def test_same_lines(run, expected, hadoop):
    told = []
    output, result = run("hadoop", progress=told.append)
    assert output == expected
    assert result.counters["toy"]["lines"] == 300
    assert result.counters["Map-Reduce Framework"]["Map input records"] == 300
    assert (told[-1].phase, told[-1].done, told[-1].total) == ("reduce", 100, 100)
    assert "FINISHED" in applications(hadoop, "-appStates", "FINISHED")  # YARN ran it, not a runner inside the client
    assert not [name for name in files(hadoop, "/tmp") if "agentpool" in name]


@pytest.mark.nightly
def test_a_failing_mapper(run, hadoop):
    """Its traceback is fetched from the machine that it ran on."""
    with pytest.raises(JobError, match=r"failed on hadoop: ArithmeticError: cannot take k\d") as caught:
        run("hadoop", "tests.jobs.toy:Failing")
    assert "in mapper" in caught.value.log.read_text()
    assert not [name for name in files(hadoop, "/tmp") if "agentpool" in name]


@pytest.mark.nightly
def test_cancelling_ends_the_application(lines, tmp_path, hadoop):
    error, mappers = cancel_when_running(lines, tmp_path, "hadoop")
    assert "was told to stop" in str(error)
    assert mappers
    assert "application_" not in applications(hadoop)
    assert_gone(mappers)
    assert not [name for name in files(hadoop, "/tmp") if "agentpool" in name]
