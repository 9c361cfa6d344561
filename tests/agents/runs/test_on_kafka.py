"""A team on a real Apache Kafka: the same as on the embedded log."""

from __future__ import annotations

import threading

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.agents import stop_run
from agentpool_jupyter.errors import RunFailedError
from agentpool_jupyter.pool import fold
from agentpool_jupyter.services import broker
from tests.kafka_fixtures import running_broker
from tests.openai_server import OpenAIServer, expected
from tests.programs import start
from tests.teams import play, prompt, until

pytestmark = pytest.mark.kafka

_TEAM = """
task: Plan a bakery.
turns: {turns}
model: some-model
base_url: {base_url}
agents:
  planner: Drafts the plan.
  critic: {{role: Names the weakest point., listens: [planner]}}
  treasurer: Says what things cost.
"""

_READER = """
import sys
import agentpool_jupyter as ap
from agentpool_jupyter.errors import RunFailedError
with ap.open_pool("bakery", sys.argv[1]) as pool:
    print("ready", flush=True)
    for event in pool.follow():
        print(event.offset, event.type, event.id, flush=True)
        if event.type == "release":
            break
"""


def test_a_second_process_sees_the_same_events_in_the_same_order(kafka_url):
    """What one process's team writes, another process follows live: the same events, in one order."""
    with OpenAIServer(rate=200, tokens=30) as server, ap.open_pool("bakery", kafka_url) as pool:
        reader = start(_READER, kafka_url)
        assert reader.stdout.readline() == "ready\n"
        run = ap.Team.from_yaml(_TEAM.format(turns=2, base_url=server.base_url)).start(pool)
        assert run.wait(60)
        there = reader.communicate(timeout=60)[0].splitlines()
        here = [f"{event.offset} {event.type} {event.id}" for event in pool.events()]
        assert there == here
        assert run.reason == "turns"
        assert [turn.status for turn in pool.document().turns] == ["finished"] * 6
        assert fold(pool.events()).text == pool.document().text


def test_a_run_is_stopped_by_who_only_has_its_pool(kafka_url):
    with OpenAIServer(rate=20, tokens=1000) as server, ap.open_pool("bakery", kafka_url) as pool:
        run = ap.Team.from_yaml(_TEAM.format(turns=1, base_url=server.base_url)).start(pool)
        with ap.open_pool("bakery", kafka_url) as other:
            assert stop_run(other).finished.reason == "stopped"
        assert run.wait(10)
    assert (run.reason, run.detail.endswith("asked for it")) == ("stopped", True)


def test_a_broker_that_is_away_in_mid_run_loses_nothing(tmp_path):
    """A team whose broker goes away and comes back finishes, and the document has every word once."""
    with (
        OpenAIServer(rate=20, tokens=60) as server,
        running_broker(tmp_path / "kafka") as status,
        ap.open_pool("bakery", f"kafka://{status.address}") as pool,
    ):
        run = ap.Team.from_yaml(_TEAM.format(turns=1, base_url=server.base_url)).start(pool)
        away = threading.Event()

        def outage() -> None:
            until(lambda: any(request.sent > 10 for request in server.requests))
            broker.stop(tmp_path / "kafka")
            away.set()
            server.until(lambda server: server.open_streams == 0)  # all that was on its way waits to be stored
            broker.start(status.port, tmp_path / "kafka")

        thread = threading.Thread(target=outage)
        thread.start()
        assert run.wait(120)
        thread.join()
        assert away.is_set()
        assert run.status == "finished"
        turns = pool.document().turns
        assert [turn.status for turn in turns] == ["finished"] * 3
        said = {expected(request.messages, tokens=60) for request in server.requests}
        assert {turn.text for turn in turns} == said


@pytest.mark.nightly
def test_a_broker_that_stays_away_ends_the_run_with_one_clear_error(tmp_path):
    """When the broker does not come back, the run fails and says where Kafka was expected and what to do."""
    with OpenAIServer(rate=20, tokens=100) as server, running_broker(tmp_path / "kafka") as status:
        url = f"kafka://{status.address}?delivery_timeout_ms=3000&patience_ms=3000&timeout_ms=2000"
        with ap.open_pool("bakery", url) as pool:
            run = ap.Team.from_yaml(_TEAM.format(turns=1, base_url=server.base_url)).start(pool)
            until(lambda: any(request.sent > 10 for request in server.requests))
            broker.stop(tmp_path / "kafka")
            with pytest.raises(RunFailedError, match=rf"Kafka at {status.address} did not .*kafka") as failure:
                run.wait(60)
            assert "\n" not in str(failure.value)


def test_agents_recall_what_stands_in_other_pools_of_the_cluster(kafka_url, tmp_path, monkeypatch):
    """The index is a file of this machine; what was said elsewhere a moment ago is in the next prompt."""
    monkeypatch.setenv("AGENTPOOL_INDEX", str(tmp_path / "recall.index"))
    said = "The oven lease comes first, because nothing bakes without an oven."
    with (
        OpenAIServer(tokens=10) as server,
        ap.open_pool("bistro", kafka_url) as bistro,
        ap.open_pool("bakery", kafka_url) as pool,
    ):
        bistro.post(f"Mark my words. {said} Then comes the rest.", "planner")
        pool.post(said)
        agents = {"ann": {"role": "Talks.", "listens": []}}
        run = play(pool, agents, server, recall={"from": "pools"})
        assert run.report().notes == []
        assert "[planner#1 in bistro]\n  Mark my words." in prompt(server.requests[0])
        assert run.report().total.recalled > 0
