"""A turn explained: what it was asked, had read and not read, said, did, and what it came from."""

from __future__ import annotations

import networkx as nx
import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import PositionError, UserError
from tests.openai_server import Asks, Cut, OpenAIServer, Refuse
from tests.teams import play, say

CHAIN = {"ann": "Talks.", "ben": {"role": "Checks.", "listens": ["ann"]}, "cleo": {"role": "Adds.", "listens": ["ben"]}}


def names(turns):
    return [turn.name for turn in turns]


@pytest.fixture
def chain(pool, server):
    """Ann reacts to a person, ben to ann, cleo to ben and not to ann."""
    pool.post("Mind the rent.")
    play(pool, CHAIN, server)
    return pool


def test_a_turn_is_explained(chain):
    """With the prompt as it was sent, what it had read, and what it came from."""
    found = ap.trace(chain, "cleo#1")
    assert found.prompt.verified
    assert "[ben#1]" in found.prompt.messages[1]["content"]
    assert names(found.seen) == ["you#1", "ben#1"]
    assert [(one.turn.name, one.why) for one in found.unseen] == [("ann#1", "cleo does not listen to ann")]
    assert names(found.parents) == ["you#1", "ben#1"]
    assert names(found.ancestors) == ["you#1", "ann#1", "ben#1"]
    assert found.descendants == []
    assert "".join(one.text for one in found.said) == found.turn.text
    assert (found.tokens, found.errors, found.effects) == (found.turn.usage.total, [], [])
    assert 0 <= found.first_token <= found.seconds


def test_the_graph_is_of_turns_and_readings(chain):
    """With the critical path marked, which is the whole chain."""
    graph = ap.trace(chain, "ann#1").graph
    assert isinstance(graph, nx.DiGraph)
    assert set(graph.edges) >= {("you#1", "ann#1"), ("ann#1", "ben#1"), ("ben#1", "cleo#1"), ("you#1", "ben#1")}
    assert ("ann#1", "cleo#1") not in graph.edges
    assert nx.is_directed_acyclic_graph(graph)
    assert [name for name, facts in graph.nodes(data=True) if facts["critical"]][-3:] == ["ann#1", "ben#1", "cleo#1"]


def test_the_text_is_complete_and_the_page_escaped(pool, server):
    pool.post("<script>alert(1)</script>\x1b[31m red")
    play(pool, {"ann": "Talks."}, server)
    found = ap.trace(pool, "ann#1")
    assert "<script>alert(1)</script>" in str(found)
    assert "\x1b" not in str(found)
    html = found._repr_html_()
    assert "<script>" not in html
    assert "<svg" in html
    assert found.turn.text.strip() in " ".join(str(found).split())
    for part in ("exactly as it was sent", "What it said", "came from 1 turn", found.turn.run):
        assert part in str(found)


def test_retries_and_errors_are_told(pool, server):
    """An attempt that was made again is part of its turn."""
    server.fault(Refuse(503, retry_after="0.01"), times=1)
    server.fault(Cut(3), times=1)
    play(pool, {"ann": "Talks."}, server)
    found = ap.trace(pool, "ann#1")
    assert [attempt.turn.status for attempt in found.attempts] == ["failed", "failed", "finished"]
    assert len(found.errors) == 2
    assert all(prompt.verified for prompt in found.prompts)
    assert len(found.prompts) == 3
    failures = ap.trace(pool, failures=True)
    assert (len(failures.turns), len(failures.failures)) == (0, 2)
    assert "attempt 2" in str(failures)


def test_calls_and_what_became_of_them_are_told(pool, server):
    def stock(item: str) -> int:
        """Say how much there is of an item."""
        return len(item)

    server.fault(Asks((("stock", {"item": "rye"}),), after=3), times=1)
    play(pool, {"ann": "Looks."}, server, tools=["stock"], functions={"stock": stock})
    found = ap.trace(pool, "ann#1")
    (effect,) = found.effects
    assert [prompt.way for prompt in found.prompts] == ["", "called"]
    assert 'stock(item="rye"): done' in str(found)
    told = ap.trace(pool, effect.id[-5:])
    assert told.turn.turn.name == "ann#1"
    assert 'stock(item="rye"): done, asked for by ann' in str(told)
    assert "stock" in told._repr_html_()


def test_an_agent_a_run_and_a_branch_are_traced(chain):
    run = next(iter(chain.runs))
    assert names(ap.trace(chain, "ben").turns) == ["ben#1"]
    assert names(ap.trace(chain, run).turns) == ["ann#1", "ben#1", "cleo#1"]
    assert names(ap.trace(chain, "main").turns) == ["you#1", "ann#1", "ben#1", "cleo#1"]
    assert ap.trace(chain, run).critical_path == ["ann#1", "ben#1", "cleo#1"]
    assert ap.trace(chain, run)["ben#1"].turn.name == "ben#1"
    assert "Critical path: ann#1 → ben#1 → cleo#1" in str(ap.trace(chain, run))
    assert "<svg" in ap.trace(chain)._repr_html_()


def test_a_turn_of_a_line_that_was_left_is_found(chain, server):
    """Where only one line has it; else the branch has to be named."""
    left = ap.trace(chain, "cleo#1").turn.id
    chain.rollback("ann#1")
    assert ap.trace(chain, "cleo#1").turn.id == left
    play(chain, CHAIN, server)
    assert ap.trace(chain, "cleo#1").turn.id != left
    assert ap.trace(chain, "cleo#1", branch="main").turn.id == left
    chain.rollback("you#1")
    with pytest.raises(UserError, match=r"more than one other has it \(main, main-2\)"):
        ap.trace(chain, "cleo#1")


def test_what_is_not_there_is_told_with_what_is_near(chain):
    with pytest.raises(UserError, match=r"no turn, agent, run, branch or effect 'cloe#1'.*cleo#1"):
        ap.trace(chain, "cloe#1")
    with pytest.raises(PositionError, match="no branch 'nowhere'"):
        ap.trace(chain, "cleo#1", branch="nowhere")


def test_a_python_agents_turn_is_traced(pool):
    """It has no prompt, and has read all that there was."""
    pool.post("Mind the rent.")
    play(pool, {"ann": {"python": "look"}}, functions={"look": lambda document: f"{len(document.turns)} turns"})
    found = ap.trace(pool, "ann#1")
    assert (found.prompt, found.tokens, names(found.seen)) == (None, 0, ["you#1"])
    assert "Python agent" in str(found)
    assert ap.trace(pool, "you#1").descendants[0].name == "ann#1"


def test_what_was_cut_or_left_out_is_told(pool, server):
    for number in range(6):
        pool.post(f"{number} " + "word " * 60)
    play(pool, {"ann": "Talks."}, server, context=250)
    found = ap.trace(pool, "ann#1")
    whys = {one.turn.name: one.why for one in found.unseen}
    assert found.prompt.verified
    assert any("left out for want of room" in why for why in whys.values())


def test_a_turn_that_nobody_finished_is_traced(pool):
    say(pool, "Half a", finish=False)
    found = ap.trace(pool, "planner#1")
    assert (found.turn.status, found.seconds) == ("running", None)
    assert "Half a" in str(found)


@pytest.mark.parametrize("stride", [0, 5])
def test_the_read_set_is_that_of_the_rebuilt_prompts(pool, stride):
    """Reading references alone, and rebuilding every prompt, come to the same."""
    pool.post("Mind the rent.")
    with OpenAIServer(tokens=30, prefill="continue", rate=400) as server:
        play(pool, {"ann": {"role": "Talks.", "stride": stride}, "ben": "Checks.", "cleo": "Adds."}, server, turns=3)
    for turn in pool.document().turns:
        found = ap.trace(pool, turn.name)
        assert all(prompt.verified for prompt in found.prompts)
        if turn.model:
            read = {one.turn.name for prompt in found.attempts[-1].prompts for one in prompt.read}
            assert set(names(found.seen)) == read


@pytest.mark.kafka
def test_a_turn_is_explained_on_kafka(kafka_url, server):
    with ap.open_pool("bakery", kafka_url) as pool:
        pool.post("Mind the rent.")
        play(pool, CHAIN, server)
        found = ap.trace(pool, "cleo#1")
        assert found.prompt.verified
        assert names(found.ancestors) == ["you#1", "ann#1", "ben#1"]


def test_a_task_that_was_handed_over_is_followed_down_and_up(pool, server):
    """From the call to the run that worked on it, and from there to who asked."""
    cooks = {"about": "Know all of baking.", "turns": 1, "agents": {"baker": "Bakes."}}
    server.fault(Asks((("cooks", {"task": "What does flour cost?"}),)), contains="You are ann.", times=1)
    play(pool, {"ann": {"role": "Asks.", "tools": ["cooks"]}}, server, teams={"cooks": cooks})
    first, below = pool.runs.values()
    found = ap.trace(pool, "ann#1")
    assert f"the task went to run {below.id}" in str(found)
    assert ap.trace(pool, found.effects[0].id).run == below.id
    told = str(ap.trace(pool, below.id))
    assert f"Run {below.id} works for run {first.id}, asked by ann at offset" in told
    baker = ap.trace(pool, "baker#1")
    assert baker.prompt.verified
    assert baker.turn.branch == "cooks"
