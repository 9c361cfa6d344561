"""Real engines for tests of jobs: a Spark of one master and one worker, a Hadoop of one node."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.jobs import engines
from tests.jobs.hadoop_cluster import running_cluster
from tests.jobs.ports import free_ports


def require(start):
    """Do something that needs Java, Spark or Hadoop; where they cannot be had, skip (in CI: fail) and say why."""
    try:
        return start()
    except AgentPoolError as error:
        if os.environ.get("AGENTPOOL_REQUIRE_ALL") == "1":
            raise
        pytest.skip(f"{error}")


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
