"""What tests of jobs share: input, real clusters, and a place for logs."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.jobs import engines, run_job
from tests.jobs.hadoop_cluster import running_cluster
from tests.jobs.ports import free_ports

SUM = "tests.jobs.toy:Sum"


def require(start):
    """Do something that needs Java, Spark or Hadoop; where they cannot be had, skip (in CI: fail) and say why."""
    try:
        return start()
    except AgentPoolError as error:
        if os.environ.get("AGENTPOOL_REQUIRE_ALL") == "1":
            raise
        pytest.skip(f"{error}")


@pytest.fixture(autouse=True)
def logs(tmp_path, monkeypatch):
    """The folder of the logs of this test's jobs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "agentpool" / "jobs"


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files of its own, in which no job leaves anything."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    assert [path.name for path in folder.iterdir() if "agentpool" in path.name] == []


@pytest.fixture
def lines(tmp_path):
    """A folder of input: three files, seven keys."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        records = [{"key": f"k{index % 7}", "n": index * number + 1} for index in range(100)]
        (folder / f"{number}.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return folder


@pytest.fixture
def expected(lines):
    """What the sum of ``lines`` is, as sorted lines."""
    sums: dict[str, int] = {}
    for path in lines.iterdir():
        for record in map(json.loads, path.read_text().splitlines()):
            sums[record["key"]] = sums.get(record["key"], 0) + record["n"]
    return [json.dumps({"key": key, "sum": total}) for key, total in sorted(sums.items())]


@pytest.fixture
def run(tmp_path, lines):
    """Run a job over ``lines`` into ``out``; a result's output comes as sorted lines."""

    def run(engine, job=SUM, **options):
        result = run_job(job, [lines], output=tmp_path / "out", engine=engine, **options)
        return sorted(line for path in result.outputs for line in path.read_text().splitlines()), result

    return run


@pytest.fixture
def spark_environment(monkeypatch):
    """The environment in which Spark's scripts run; a Java that can run it comes first."""
    require(engines.find("spark").check)
    monkeypatch.setenv("JAVA_HOME", require(lambda: engines.find("spark").environment({}))["JAVA_HOME"])


@pytest.fixture
def spark_master(spark_environment, tmp_path):
    """The address of a standalone Spark of one master and one worker, on 127.0.0.1."""
    import pyspark

    port, master_page, worker, worker_page = free_ports(4)
    address = f"spark://127.0.0.1:{port}"
    home = Path(pyspark.__file__).parent
    here = ["--host", "127.0.0.1"]
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOG_DIR": str(tmp_path),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_DAEMON_MEMORY": "256m",
    }
    environment.pop("PYTHONPATH")  # workers get our code with the job, not from this clone
    own = ["--cores", "2", "--memory", "1g", "--work-dir", str(tmp_path / "work")]
    daemons = (
        ["master.Master", *here, "--port", str(port), "--webui-port", str(master_page)],
        ["worker.Worker", *here, "--port", str(worker), "--webui-port", str(worker_page), *own, address],
    )
    with contextlib.ExitStack() as stack:
        for number, (daemon, *arguments) in enumerate(daemons):
            log = tmp_path / f"daemon{number}.log"
            said = stack.enter_context(log.open("wb"))
            command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{daemon}", *arguments]
            process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, cwd=tmp_path)
            stack.callback(process.wait)
            stack.callback(process.kill)
            _await(log, "I have been elected leader" if number == 0 else "Successfully registered with master", process)
        yield address


def _await(log, text, process):
    deadline = time.monotonic() + 90
    while text not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@pytest.fixture(scope="session")
def hadoop_cluster(tmp_path_factory):
    """The HADOOP_HOME of a Hadoop of one node that all tests share."""
    with contextlib.ExitStack() as stack:
        yield require(lambda: stack.enter_context(running_cluster(tmp_path_factory.mktemp("hadoop"))))


@pytest.fixture
def hadoop(hadoop_cluster, monkeypatch):
    """A Hadoop that the environment names."""
    monkeypatch.setenv("HADOOP_HOME", str(hadoop_cluster))
    return hadoop_cluster
