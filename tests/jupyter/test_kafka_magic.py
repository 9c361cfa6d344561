"""``%kafka``: a real local Apache Kafka, run from a notebook."""

import os
import threading

import pytest
from IPython.core.error import UsageError

from agentpool_jupyter import open_pool
from agentpool_jupyter.services import broker
from tests.kafka_fixtures import running_broker


@pytest.mark.kafka
def test_a_notebook_moves_to_kafka_and_back(shell, tmp_path, store):
    """Magics and Python alike; a pool of the same name on the other log is another pool, and stays there."""
    open_pool("bakery").post("on the file")
    assert "on the file" in shell.run_line_magic("pool", "bakery").text
    data = tmp_path / "kafka"
    with running_broker(data) as status:
        url = f"kafka://{status.address}"
        shown = repr(shell.run_line_magic("kafka", f"start --port {status.port} --data {data}"))
        assert f"store          {url}" in shown
        assert f"--store {url}, or %kafka start --use" in shown
        assert os.environ["AGENTPOOL_STORE"] == str(store)
        shown = repr(shell.run_line_magic("kafka", f"start --port 0 --data {data} --use"))
        assert "has its pools there" in shown
        assert os.environ["AGENTPOOL_STORE"] == url

        shell.run_line_magic("pool", "use bakery")
        with open_pool("bakery") as pool:
            assert pool.store.url == url
            pool.post("on Kafka")
        assert [turn.text for turn in shell.run_line_magic("pool", "").turns] == ["on Kafka"]

        stopped = repr(shell.run_line_magic("kafka", f"stop --data {data}"))
        assert stopped == f"stopped; its pools stay in {data}. The pools of this notebook are in {store} again"
        assert not broker.status(data).running
        assert [turn.text for turn in shell.run_line_magic("pool", "bakery").turns] == ["on the file"]
        assert repr(shell.run_line_magic("kafka", f"stop --data {data}")) == f"no Kafka runs with data in {data}"


@pytest.mark.kafka
def test_kafka_is_not_stopped_below_a_team(shell, kafka_broker):
    go_on, data = threading.Event(), kafka_broker.data
    shell.run_line_magic("kafka", f"start --port 0 --data {data} --use")
    shell.user_ns["wait"] = lambda _document: go_on.wait(30) and None
    shell.run_cell_magic("agents", "waiting --bg -o run", "agents:\n  waiter: {python: wait}\ntask: Wait.\n")
    with pytest.raises(UsageError, match=r"a team of this notebook works there \(.+\): `%agents stop` first"):
        shell.run_line_magic("kafka", f"stop --data {data}")
    assert broker.status(data).running
    go_on.set()
    shell.run_line_magic("agents", "stop")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("begin", "%kafka takes one of start, status, stop, not 'begin'"),
        ("start stop", "%kafka takes one of start, status, stop, not 'start stop'"),
        ("stop --use", "--use and --port belong to `%kafka start`, not to 'stop'"),
    ],
)
def test_mistakes_are_told_in_a_line(shell, tmp_path, line, told):
    with pytest.raises(UsageError) as caught:
        shell.run_line_magic("kafka", f"{line} --data {tmp_path}")
    assert str(caught.value) == told


def test_where_none_runs_it_says_how_to_start_one(shell, tmp_path):
    assert repr(shell.run_line_magic("kafka", f"--data {tmp_path}")) == (
        f"no Kafka runs with data in {tmp_path}: `%kafka start` starts it"
    )
