"""What an agent reads before it speaks."""

from __future__ import annotations

import itertools
import json
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.prompt.build import BYTES_PER_TOKEN, Reminder, build_prompt
from agentpool_jupyter.agents.prompt.record import turns_read
from agentpool_jupyter.agents.prompt.shares import SHARES
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.agents.turns.budget import prompt_bound
from agentpool_jupyter.pool import fold
from agentpool_jupyter.pool.events import Delta, Message, TurnFailed, TurnFinished, TurnStarted

PLANNER = AgentSpec(name="planner", role="Drafts the plan.")
CRITIC = AgentSpec(name="critic", role="Names the weakest claim.")
DEAF = AgentSpec(name="builder", listens=())
TEAM = TeamSpec(task="Plan {a} bakery & {{b}}.", agents=(PLANNER, CRITIC, DEAF))
SLACK = 80  # bytes; the promise is "about", and one heading may be longer than was reckoned


def history(*turns):
    """The document of whole turns, each ``(agent, text)``; people's are messages."""
    return placed(whole(turns))


def whole(turns):
    events = []
    for number, (agent, text) in enumerate(turns):
        if agent == "you":
            events.append(Message(id=f"t{number}", agent=agent, text=text))
            continue
        header = {"agent": agent, "turn": f"t{number}"}
        events.append(TurnStarted(id=f"s{number}", **header, model="m"))
        events.append(Delta(id=f"d{number}", **header, seq=0, text=text))
        events.append(TurnFinished(id=f"f{number}", **header, deltas=1))
    return events


def talk(rounds, words, *, agents=("planner", "critic"), run_over=False):
    """The events of a conversation: in each round all speak, and each has seen the rounds before.

    With ``run_over`` they all begin before one of them has ended.
    """
    events = []
    for number in range(rounds):
        seen = len(events)
        begun, said = [], []
        for agent in agents:
            header = {"agent": agent, "turn": f"{agent}{number}"}
            text = f"{agent} {number}: " + "word " * words
            begun.append(TurnStarted(id=f"s{agent}{number}", **header, model="m", seen=seen))
            said.append(Delta(id=f"d{agent}{number}", **header, seq=0, text=text))
            said.append(TurnFinished(id=f"f{agent}{number}", **header, deltas=1))
        events += (
            [*begun, *said]
            if run_over
            else [e for b, i in zip(begun, range(99), strict=False) for e in (b, said[2 * i], said[2 * i + 1])]
        )
    return events


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
    context = build_prompt(history(), TEAM, PLANNER, tokens=1000)
    assert [message["role"] for message in context.messages] == ["system", "user"]
    for part in ("planner", "Drafts the plan.", "critic", "builder", "Plan {a} bakery & {{b}}."):
        assert part in prompt(context)
    assert (context.seen, context.record) == (0, {"sizes": {"task": size(context)}, "wording": 1})


def test_what_others_said_is_there_and_ones_own_is_marked():
    context = build_prompt(
        history(("you", "Go {on}."), ("planner", "Flour."), ("critic", "Salt?")), TEAM, PLANNER, tokens=1000
    )
    assert "[you#1]\n  Go {on}." in prompt(context)
    assert "[planner#1 (you)]\n  Flour." in prompt(context)
    assert "[critic#1]\n  Salt?" in prompt(context)
    assert context.seen == 7
    sizes = context.record.pop("sizes")
    assert context.record == {"read": {"you": 8, "planner": 6, "critic": 5}, "since": 0, "wording": 1}
    assert (set(sizes), sum(sizes.values())) == ({"task", "own", "new"}, size(context))


def test_partial_text_is_read_and_marked():
    """A turn that still runs, and one that broke off."""
    context = build_prompt(
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
    assert "[critic#1 (still speaking)]\n  Half a" in prompt(context)
    assert "[builder#1 (broken off)]\n  Bro" in prompt(context)


def test_who_listens_to_nobody_reads_people_and_itself():
    document = history(("you", "Hello."), ("critic", "Unheard."), ("builder", "Mine."))
    context = build_prompt(document, TEAM, DEAF, tokens=1000)
    assert "Hello." in prompt(context)
    assert "Mine." in prompt(context)
    assert "Unheard." not in prompt(context)
    assert "dropped" not in context.record


def test_the_latest_of_everyone_stays_and_the_oldest_goes_first():
    """What was left out is recorded, by agent; what stays keeps its order."""
    words = "word " * 60
    turns = [(agent, f"{agent} {i} {words}") for i in range(20) for agent in ("planner", "critic")]
    context = build_prompt(history(("you", f"person {words}"), *turns), TEAM, CRITIC, tokens=1000)
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
    context = build_prompt(history(*turns), team, listener, tokens=600)
    assert context.record["dropped"]["critic"] > context.record["dropped"]["planner"]


def test_the_end_of_a_huge_turn_is_kept():
    """Where its conclusion stands; also in a script of several bytes a letter."""
    for letters in ("ab ", "é", "\U0001f35e"):
        context = build_prompt(history(("critic", letters * 20_000 + " THE END")), TEAM, PLANNER, tokens=500)
        assert prompt(context).count("THE END") == 1
        assert "[…] " in prompt(context)
        assert "\ufffd" not in prompt(context)
        assert 500 * BYTES_PER_TOKEN * 0.8 < size(context) <= 500 * BYTES_PER_TOKEN + SLACK


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
    context = build_prompt(document, TEAM, agent, tokens=tokens)
    assert size(context) <= tokens * BYTES_PER_TOKEN + SLACK
    heard = [who for who, _, _ in turns if who in ("you", agent.name) or agent.hears(who)]
    read = turns_read(context.record, document.turns, TEAM, agent)
    assert len(read) + sum(context.record.get("dropped", {}).values()) == len(heard)
    cut = context.record.get("cut", [])
    for turn in read:
        whole = [f"[{turn.name}{mark}]\n  {turn.text.strip()}" for mark in ("", " (you)")]
        assert any(text in prompt(context) for text in whole) == (turn.id not in cut)
    assert json.loads(json.dumps(context.record)) == context.record


@pytest.mark.parametrize("tokens", [100, 400])
def test_the_record_grows_with_the_budget_not_with_the_history(tokens):
    """So that a pool grows linearly however long the team talks."""
    sizes = [
        len(json.dumps(build_prompt(history(*[("critic", "Yes.")] * count), TEAM, PLANNER, tokens=tokens).record))
        for count in (50, 500)
    ]
    assert sizes[1] <= sizes[0] + 40  # the counts have another digit, and so have the turns' ids
    assert sizes[0] < tokens * BYTES_PER_TOKEN


# What goes into which part ---------------------------------------------------------------------------------


def test_what_is_new_is_what_ended_since_it_last_read():
    """Also what it had read only in part; what it has read whole is of another part, and people's words are no own."""
    events = [*talk(1, 5), Message(id="m", agent="you", text="Mind the rent.")]
    events += [
        TurnStarted(id="x", agent="critic", turn="late", model="m", seen=7),
        Delta(id="y", agent="critic", turn="late", seq=0, text="While it spoke"),
        TurnStarted(id="s", agent="planner", turn="p1", model="m", seen=len(events) + 2),
        TurnFinished(id="z", agent="critic", turn="late", deltas=1),
        Delta(id="d", agent="planner", turn="p1", seq=0, text="Second."),
        TurnFinished(id="f", agent="planner", turn="p1", deltas=1),
    ]
    context = build_prompt(placed(events), TEAM, PLANNER, tokens=1000)
    sizes = context.record["sizes"]
    texts = {"own": ["planner 0: " + "word " * 5, "Second."], "new": ["While it spoke"], "heard": []}
    assert sizes["new"] == len("[critic#2]\n  While it spoke") + 2
    assert sizes["own"] == sum(len(f"[planner#1 (you)]\n  {text.strip()}") + 2 for text in texts["own"])
    assert sizes["heard"] == len("[critic#1]\n  critic 0: word word word word word[you#1]\n  Mind the rent.") + 4
    assert sum(sizes.values()) == size(context)


def test_each_part_has_its_share_where_all_want_more():
    """The own thread does not push the others out, nor they it."""
    hits = [Reminder(f"{number} " * 60, "notes") for number in range(9)]
    context = build_prompt(placed(talk(30, 60, run_over=True)), TEAM, PLANNER, tokens=1500, recall=hits)
    sizes = context.record["sizes"]
    room = 1500 * BYTES_PER_TOKEN - sizes["task"]
    assert 0.5 * 1500 * BYTES_PER_TOKEN < size(context) <= 1500 * BYTES_PER_TOKEN + SLACK
    assert all(300 < sizes[part] <= room / 2 for part in SHARES)


def test_a_large_team_is_heard_in_excerpts():
    """Of many long turns the ends are read, rather than two or three of them whole; a person's word is read whole."""
    crowd = tuple(AgentSpec(name=f"a{i}") for i in range(12))
    team = TeamSpec(task="x", agents=(PLANNER, *crowd))
    document = history(("you", "Hurry. " * 90), *((agent.name, f"{agent.name} " * 600) for agent in crowd))
    context = build_prompt(document, team, PLANNER, tokens=2500)
    assert set(context.record["read"]) >= {"you", "a11", "a10", "a9", "a8", "a7", "a6", "a5"}
    assert "Hurry. " * 89 in prompt(context)
    assert "t0" not in context.record["cut"]
    assert size(context) <= 2500 * BYTES_PER_TOKEN + SLACK


def test_of_a_large_team_only_some_are_named():
    """What every prompt has in front does not grow with the team."""
    crowd = tuple(AgentSpec(name=f"a{i:03}") for i in range(200))
    context = build_prompt(history(), TeamSpec(task="x", agents=(PLANNER, *crowd)), PLANNER, tokens=1000)
    assert "a011 and 188 more" in prompt(context)
    assert "a012" not in prompt(context)


def test_who_is_alone_may_fill_the_room_with_its_own_thread():
    """What a part does not need the others get."""
    context = build_prompt(placed(talk(40, 60, agents=("planner",))), TEAM, PLANNER, tokens=2000)
    assert context.record["sizes"]["own"] > 0.4 * 2000 * BYTES_PER_TOKEN


def test_what_is_too_far_back_is_not_looked_at():
    """So that a prompt takes the same time however long the document is; how much that is, is recorded."""
    document = history(*[("critic", "Yes.")] * 3000)
    context = build_prompt(document, TEAM, PLANNER, tokens=100_000)
    read = turns_read(context.record, document.turns, TEAM, PLANNER)
    assert context.record["older"] + len(read) == 3000
    assert 1024 <= len(read) < 1024 + 256


def test_the_turn_that_goes_on_is_left_out_and_its_text_makes_room():
    """Its text will stand behind the prompt."""
    begun = "So far " * 100
    events = talk(2, 5)
    events += [
        TurnStarted(id="s", agent="planner", turn="now", model="m", seen=5),
        Delta(id="d", agent="planner", turn="now", seq=0, text=begun),
    ]
    context = build_prompt(placed(events), TEAM, PLANNER, tokens=400, going_on="now", begun=begun)
    assert "So far" not in prompt(context)
    assert size(context) + len(begun) <= 400 * BYTES_PER_TOKEN + SLACK
    assert sum(context.record["sizes"].values()) == size(context) + len(begun)
    read = turns_read(context.record, placed(events).turns, TEAM, PLANNER)
    assert [turn.name for turn in read] == ["critic#1", "planner#2", "critic#2"]
    assert "So far" in prompt(build_prompt(placed(events), TEAM, PLANNER, tokens=1000))


HIT = Reminder("Rent a corner shop. " * 10, "bistro, planner#2")


def test_what_was_recalled_stands_there_with_its_source():
    """Best first, as far as it fits; what is in the prompt already is not said twice."""
    known = Reminder("Flour is dear.", "elsewhere")
    hits = [HIT, known, Reminder("x" * 3000, "notes.md, line 4"), Reminder("y" * 4000, "more.md, line 1")]
    document = history(("critic", "Flour is dear."), ("planner", "z" * 3000), ("critic", "w" * 3000))
    context = build_prompt(document, TEAM, PLANNER, tokens=2400, recall=hits)
    text = prompt(context)
    assert text.index("From earlier work") < text.index(f"[bistro, planner#2]\n  {HIT.text.strip()}")
    assert "[elsewhere]" not in text
    assert context.record["recalled"][0] == "bistro, planner#2"
    assert context.record["missed"] == 4 - len(context.record["recalled"])
    assert context.record["sizes"]["recall"] > len(HIT.text)
    assert size(context) <= 2400 * BYTES_PER_TOKEN + SLACK
    assert text.index("[bistro") < text.index("The task:")


# What servers' prompt caches find again ----------------------------------------------------------------------


def common(one, other):
    """How many bytes two prompts have in common from their beginning on."""
    one, other = prompt(one).encode(), prompt(other).encode()
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@pytest.mark.parametrize("run_over", [False, True])
def test_consecutive_prompts_begin_alike_where_the_document_only_grew(run_over):
    """All but the task at the end, as long as everything fits."""
    events = talk(8, 40, run_over=run_over)
    prompts = [build_prompt(placed(events[: 6 * number]), TEAM, PLANNER, tokens=100_000) for number in range(1, 9)]
    for before, after in itertools.pairwise(prompts):
        assert common(before, after) >= size(before) - before.record["sizes"]["task"]


def test_unfinished_text_stands_last_so_that_it_spoils_nothing():
    """What was read in part before is read whole, in its place by when it ended."""
    events = talk(3, 40)
    half = [
        TurnStarted(id="s", agent="critic", turn="slow", model="m"),
        Delta(id="d", agent="critic", turn="slow", seq=0, text="Half"),
    ]
    end = [
        Delta(id="e", agent="critic", turn="slow", seq=1, text=" and half."),
        TurnFinished(id="f", agent="critic", turn="slow", deltas=2),
    ]
    events = [*half, *events]
    before = build_prompt(placed(events), TEAM, PLANNER, tokens=100_000)
    after = build_prompt(placed(events + end), TEAM, PLANNER, tokens=100_000)
    assert "Half and half." in prompt(after)
    assert common(before, after) >= size(before) - before.record["sizes"]["task"] - len(
        "[critic#1 (still speaking)]\n  Half"
    )


def test_prompts_mostly_begin_alike_where_not_all_fits():
    """What has to go, goes in blocks."""
    events = talk(60, 20)
    prompts = [build_prompt(placed(events[: 6 * number]), TEAM, PLANNER, tokens=1200) for number in range(30, 61)]
    shared = [common(before, after) / size(before) for before, after in itertools.pairwise(prompts)]
    assert prompts[-1].record["dropped"]
    assert statistics.median(shared) > 0.5


# The account -------------------------------------------------------------------------------------------------


def test_the_digest_names_the_exact_prompt():
    """The same for the same document, another for any other text, role or task."""
    document = history(("critic", "Salt?"))
    digest = build_prompt(document, TEAM, PLANNER, tokens=1000).digest
    assert len(digest) == 64
    assert build_prompt(document.copy(), TEAM, PLANNER, tokens=1000).digest == digest
    assert build_prompt(history(("critic", "Salt!")), TEAM, PLANNER, tokens=1000).digest != digest
    assert build_prompt(document, TEAM, CRITIC, tokens=1000).digest != digest
    other = TeamSpec(task="Else", agents=TEAM.agents)
    assert build_prompt(document, other, PLANNER, tokens=1000).digest != digest


def test_the_bound_of_a_prompt_is_above_its_bytes():
    """No tokenizer of today makes more tokens than there are bytes."""
    context = build_prompt(history(("critic", "é\U0001f35e" * 50)), TEAM, PLANNER, tokens=1000)
    assert prompt_bound(context.messages) > size(context)
