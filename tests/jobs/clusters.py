"""Real engines for tests of jobs: a Spark of one master and one worker, a Hadoop of one node."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentpool_jupyter.jobs import engines
from tests.jobs.hadoop_cluster import QUICK, running_cluster
from tests.needs import require


@pytest.fixture(scope="session")
def spark_java():
    """The JAVA_HOME of a Java that can run Spark."""
    require(engines.find("spark").check)
    return require(lambda: engines.find("spark").environment({}))["JAVA_HOME"]


@pytest.fixture
def spark_environment(spark_java, monkeypatch):
    """The environment in which Spark's scripts run; a Java that can run it comes first."""
    monkeypatch.setenv("JAVA_HOME", spark_java)
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", QUICK)


@pytest.fixture(scope="session")
def spark_cluster(spark_java, tmp_path_factory):
    """The address of a standalone Spark of one master and one worker, on 127.0.0.1, that all tests share."""
    import pyspark

    folder = tmp_path_factory.mktemp("spark")
    home = Path(pyspark.__file__).parent
    environment = os.environ | {
        "JAVA_HOME": spark_java,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOG_DIR": str(folder),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": QUICK,
    }
    environment.pop("PYTHONPATH", None)  # workers get our code with the job, not from this clone
    here = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
    with contextlib.ExitStack() as stack:

        def start(daemon, *arguments):
            log = folder / f"{daemon}.log"
            said = stack.enter_context(log.open("wb"))
            command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{daemon}", *here, *arguments]
            process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, cwd=folder)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return log, process

        master = start("master.Master")
        address = told(r"Starting Spark master at (spark://\S+)", *master)
        told("I have been elected leader", *master)
        own = ["--cores", "2", "--memory", "1g", "--work-dir", str(folder / "work")]
        told("Successfully registered with master", *start("worker.Worker", *own, address))
        yield address


@pytest.fixture
def spark_master(spark_environment, spark_cluster):
    """The address of the shared Spark, in an environment that reaches it."""
    return spark_cluster


def told(pattern, log, process):
    """Wait until a process has written something to its log, and return what is in the pattern's parentheses."""
    deadline = time.monotonic() + 90
    while (found := re.search(pattern, log.read_text())) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found[found.re.groups]


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


@pytest.fixture(params=["local", "spark", "hadoop"])
def shared_engine(request):
    """An engine that shares a job out among processes, and its options: on this machine, a Spark, a Hadoop."""
    match request.param:
        case "local":
            return "local", {"num_cores": 2}
        case "spark":
            return "spark", {"spark_master": request.getfixturevalue("spark_master")}
        case _:
            request.getfixturevalue("hadoop")
            return "hadoop", {}
