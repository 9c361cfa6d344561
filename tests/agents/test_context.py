"""What an agent reads before it speaks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentpool_jupyter.agents.budget import prompt_bound
from agentpool_jupyter.agents.context import BYTES_PER_TOKEN, build_context, turns_read
from agentpool_jupyter.agents.spec import AgentSpec, TeamSpec
from agentpool_jupyter.pool import fold
from agentpool_jupyter.pool.events import Delta, Message, TurnFailed, TurnFinished, TurnStarted

PLANNER = AgentSpec(name="planner", role="Drafts the plan.")
CRITIC = AgentSpec(name="critic", role="Names the weakest claim.")
DEAF = AgentSpec(name="builder", listens=())
TEAM = TeamSpec(task="Plan {a} bakery & {{b}}.", agents=(PLANNER, CRITIC, DEAF))
SLACK = 80  # bytes; the promise is "about", and one heading may be longer than was reckoned


def history(*turns):
    """The document of whole turns, each ``(agent, text)``; people's are messages."""
    events = []
    for number, (agent, text) in enumerate(turns):
        if agent == "you":
            events.append(Message(id=f"t{number}", agent=agent, text=text))
            continue
        header = {"agent": agent, "turn": f"t{number}"}
        events.append(TurnStarted(id=f"s{number}", **header, model="m"))
        events.append(Delta(id=f"d{number}", **header, seq=0, text=text))
        events.append(TurnFinished(id=f"f{number}", **header, deltas=1))
    return placed(events)


def placed(events):
    from agentpool_jupyter.pool.codec import encode
    from tests.pool.strategies import stored

    return fold(stored([encode(event) for event in events]))


def prompt(context):
    return "\n".join(message["content"] for message in context.messages)


def size(context):
    return sum(len(message["content"].encode()) for message in context.messages)


def test_the_prompt_has_the_role_the_task_and_the_team():
    """Braces in any of them are left as they are."""
    context = build_context(history(), TEAM, PLANNER, tokens=1000)
    assert [message["role"] for message in context.messages] == ["system", "user"]
    for part in ("planner", "Drafts the plan.", "critic", "builder", "Plan {a} bakery & {{b}}."):
        assert part in prompt(context)
    assert (context.seen, context.record) == (0, {})


def test_what_others_said_is_there_and_ones_own_is_marked():
    context = build_context(
        history(("you", "Go {on}."), ("planner", "Flour."), ("critic", "Salt?")), TEAM, PLANNER, tokens=1000
    )
    assert "[you#1]\nGo {on}." in prompt(context)
    assert "[planner#1 (you)]\nFlour." in prompt(context)
    assert "[critic#1]\nSalt?" in prompt(context)
    assert context.seen == 7
    assert context.record == {"read": {"you": 8, "planner": 6, "critic": 5}, "since": 0}


def test_partial_text_is_read_and_marked():
    """A turn that still runs, and one that broke off."""
    context = build_context(
        placed(
            [
                TurnStarted(id="a", agent="critic", turn="t", model="m"),
                Delta(id="b", agent="critic", turn="t", seq=0, text="Half a"),
                TurnStarted(id="c", agent="builder", turn="u", model="m"),
                Delta(id="d", agent="builder", turn="u", seq=0, text="Bro"),
                TurnFailed(id="e", agent="builder", turn="u", error="503"),
            ]
        ),
        TEAM,
        PLANNER,
        tokens=1000,
    )
    assert "[critic#1 (still speaking)]\nHalf a" in prompt(context)
    assert "[builder#1 (broken off)]\nBro" in prompt(context)


def test_who_listens_to_nobody_reads_people_and_itself():
    document = history(("you", "Hello."), ("critic", "Unheard."), ("builder", "Mine."))
    context = build_context(document, TEAM, DEAF, tokens=1000)
    assert "Hello." in prompt(context)
    assert "Mine." in prompt(context)
    assert "Unheard." not in prompt(context)
    assert "dropped" not in context.record


def test_the_latest_of_everyone_stays_and_the_oldest_goes_first():
    """What was left out is recorded, by agent; what stays keeps its order."""
    words = "word " * 60
    turns = [(agent, f"{agent} {i} {words}") for i in range(20) for agent in ("planner", "critic")]
    context = build_context(history(("you", f"person {words}"), *turns), TEAM, CRITIC, tokens=1000)
    text = prompt(context)
    kept = [
        turn.id for turn in turns_read(context.record, history(("you", f"person {words}"), *turns).turns, TEAM, CRITIC)
    ]
    assert "planner 19" in text
    assert "critic 19" in text
    assert "person word" in text
    assert "planner 0 " not in text
    assert kept == sorted(kept, key=lambda key: int(key[1:]))
    assert sum(context.record["dropped"].values()) + len(kept) == 41
    assert set(context.record["dropped"]) == {"planner", "critic"}


def test_whom_an_agent_listens_to_by_name_is_kept_before_others():
    listener = AgentSpec(name="critic", listens=("planner",))
    team = TeamSpec(task="x", agents=(PLANNER, listener))
    words = "word " * 60
    turns = [(agent, f"{agent} {i} {words}") for i in range(6) for agent in ("planner", "critic")]
    context = build_context(history(*turns), team, listener, tokens=600)
    assert context.record["dropped"]["critic"] > context.record["dropped"]["planner"]


def test_the_end_of_a_huge_turn_is_kept():
    """Where its conclusion stands; also in a script of several bytes a letter."""
    for letters in ("ab ", "é", "\U0001f35e"):
        context = build_context(history(("critic", letters * 20_000 + " THE END")), TEAM, PLANNER, tokens=500)
        assert prompt(context).count("THE END") == 1
        assert "[…] " in prompt(context)
        assert "\ufffd" not in prompt(context)
        assert 500 * BYTES_PER_TOKEN * 0.8 < size(context) <= 500 * BYTES_PER_TOKEN + SLACK


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["you", "planner", "critic", "builder"]),
            st.integers(0, 900),
            st.sampled_from("aé\U0001f35e"),
        ),
        max_size=25,
    ),
    st.sampled_from([PLANNER, CRITIC, DEAF]),
    st.integers(200, 2000),
)
def test_it_fits(turns, agent, tokens):
    """In bytes at three a token; everything heard is either in or recorded as left out."""
    document = history(*((who, f"{letter * length}!") for who, length, letter in turns))
    context = build_context(document, TEAM, agent, tokens=tokens)
    assert size(context) <= tokens * BYTES_PER_TOKEN + SLACK
    heard = [who for who, _, _ in turns if who in ("you", agent.name) or agent.hears(who)]
    read = turns_read(context.record, document.turns, TEAM, agent)
    assert len(read) + sum(context.record.get("dropped", {}).values()) == len(heard)
    cut = context.record.get("cut", [])
    for turn in read:
        whole = [f"[{turn.name}{mark}]\n{turn.text.strip()}" for mark in ("", " (you)")]
        assert any(text in prompt(context) for text in whole) == (turn.id not in cut)
    assert json.loads(json.dumps(context.record)) == context.record


@pytest.mark.parametrize("tokens", [100, 400])
def test_the_record_grows_with_the_budget_not_with_the_history(tokens):
    """So that a pool grows linearly however long the team talks."""
    sizes = [
        len(json.dumps(build_context(history(*[("critic", "Yes.")] * count), TEAM, PLANNER, tokens=tokens).record))
        for count in (50, 500)
    ]
    assert sizes[1] <= sizes[0] + 40  # the counts have another digit, and so have the turns' ids
    assert sizes[0] < tokens * BYTES_PER_TOKEN


def test_the_digest_names_the_exact_prompt():
    """The same for the same document, another for any other text, role or task."""
    document = history(("critic", "Salt?"))
    digest = build_context(document, TEAM, PLANNER, tokens=1000).digest
    assert len(digest) == 64
    assert build_context(document.copy(), TEAM, PLANNER, tokens=1000).digest == digest
    assert build_context(history(("critic", "Salt!")), TEAM, PLANNER, tokens=1000).digest != digest
    assert build_context(document, TEAM, CRITIC, tokens=1000).digest != digest
    other = TeamSpec(task="Else", agents=TEAM.agents)
    assert build_context(document, other, PLANNER, tokens=1000).digest != digest


def test_the_bound_of_a_prompt_is_above_its_bytes():
    """No tokenizer of today makes more tokens than there are bytes."""
    context = build_context(history(("critic", "é\U0001f35e" * 50)), TEAM, PLANNER, tokens=1000)
    assert prompt_bound(context.messages) > size(context)
