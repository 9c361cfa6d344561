"""Agents are reminded of earlier reasoning before they speak, and between strides."""

import contextlib
import sqlite3
import threading

import pytest

from agentpool_jupyter import open_pool, resume
from agentpool_jupyter.agents.prompt.frame import unframed
from agentpool_jupyter.agents.reminders.cue import Cue
from agentpool_jupyter.agents.reminders.search import ReminderSearch
from agentpool_jupyter.agents.team.spec import RecallSpec
from agentpool_jupyter.pool import Pool
from agentpool_jupyter.pool.events import Message, Recall, TurnContinued, TurnFinished, TurnStarted
from agentpool_jupyter.recall import RecallIndex
from agentpool_jupyter.recall.backends.index_file import stamped
from agentpool_jupyter.recall.pools import MOST_OPEN
from agentpool_jupyter.services.broker_setup import free_port
from tests.openai_server import Cut, OpenAIServer, expected
from tests.programs import output
from tests.recall.counting_store import CountingStore
from tests.recall.redis_server import RedisServer
from tests.teams import asked, of_type, play, prompt, team, until

LEASE = "The oven lease comes first, because nothing bakes without an oven."
PAST = f"We began with the shop. {LEASE} Then we hired a baker who knew rye."
ALONE = {"ann": {"role": "Talks.", "listens": []}}
RECALL = {"k": 3, "threshold": 0.5, "from": ["pools", "library"]}
EARLIER = "From earlier work, which may help:"


@pytest.fixture
def past(store):
    """Another pool of the store, in which somebody said something."""
    with open_pool("bistro") as bistro:
        bistro.post(PAST, "planner")
        yield bistro


@contextlib.contextmanager
def held(store):
    """Another program holds the index."""
    with contextlib.closing(sqlite3.connect(stamped(store / "recall.index"), isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


def recalled(request):
    """What stands in a prompt behind the heading of what was recalled, by source."""
    _, found, rest = prompt(request).partition(EARLIER)
    sections = rest.rpartition("\n\nThe task:")[0].split("\n\n") if found else []
    return {
        heading[1:-1]: unframed(text)
        for heading, _, text in (one.strip().partition("\n") for one in sections if one.strip())
    }


# What is found ----------------------------------------------------------------------------------------------


def test_what_others_said_before_enters_the_prompt_with_its_source(pool, past, server):
    """What is asked is what is new to the agent: here a person's message."""
    pool.post(LEASE)
    run = play(pool, ALONE, server, recall=RECALL)
    (request,) = server.requests
    assert recalled(request) == {"planner#1 in bistro": PAST}
    (event,) = of_type(pool, Recall)
    (started,) = of_type(pool, TurnStarted)
    assert (event.turn, event.offset, event.agent, event.note) == (started.turn, started.offset + 1, "ann", "")
    (hit,) = event.hits
    place = {"pool": "bistro", "turn": past.document().turns[0].id, "name": "planner#1", "offset": 0, "end": 0}
    assert hit.items() >= {"source": "planner#1 in bistro", "score": 1.0, "question": "contained", **place}.items()
    assert started.context["recalled"] == ["planner#1 in bistro"]
    assert run.report().total.recalled > 0
    assert run.report().notes == []


def test_where_nothing_is_new_the_task_is_asked(pool, past, server):
    play(pool, ALONE, server, task=LEASE, recall=RECALL)
    assert recalled(server.requests[0]) == {"planner#1 in bistro": PAST}


def test_without_recall_nothing_is_looked_up(pool, past, store, server):
    """Nor for an agent that wants none of its team's."""
    pool.post(LEASE)
    play(pool, ALONE, server)
    play(pool, {"ann": {"role": "Talks.", "recall": False}, "ben": "Talks."}, server, recall=True)
    assert not any(recalled(request) for request in [server.requests[0], *asked(server, "ann")])
    assert recalled(asked(server, "ben")[0])
    assert {event.agent for event in of_type(pool, Recall)} == {"ben"}


def test_a_document_of_the_library_has_its_file_and_line(pool, tmp_path, server):
    notes = tmp_path / "notes.md"
    notes.write_text("# Bread\n" + "Filler of other things that nobody asked about.\n" * 100 + f"{LEASE}\nThe end.\n")
    with RecallIndex(pool.store) as index:
        index.library.add(notes)
    pool.post(LEASE)
    play(pool, ALONE, server, recall=RECALL)
    ((source, text),) = recalled(server.requests[0]).items()
    (hit,) = of_type(pool, Recall)[0].hits
    assert source == hit["source"] == f"notes.md:{hit['line']}"
    assert hit["file"].endswith("/notes.md")
    assert hit["text"] == text
    assert str(tmp_path) not in prompt(server.requests[0])
    assert str(tmp_path).encode() not in b"".join(pool.records())
    line = text.split("\n").index(LEASE) + hit["line"]
    assert notes.read_text().split("\n")[line - 1] == LEASE
    assert len(text) < 800


def test_of_two_files_of_one_name_the_one_that_went_in_is_recorded(pool, tmp_path, server):
    """Where there is room for one of them."""
    for number in range(2):
        (tmp_path / f"{number}").mkdir()
        filler = f"Filler number {number} of other things that nobody asked about.\n" * 9
        (tmp_path / f"{number}" / "README.md").write_text(f"{LEASE}\n{filler}")
    with RecallIndex(pool.store) as index:
        index.library.add(tmp_path / "*" / "README.md")
    pool.post(LEASE)
    play(pool, ALONE, server, recall=RECALL, context=300)
    assert prompt(server.requests[0]).count("README.md") == 1
    ((source, text),) = recalled(server.requests[0]).items()
    (hit,) = of_type(pool, Recall)[0].hits
    (started,) = of_type(pool, TurnStarted)
    assert started.context["recalled"] == [source] == ["README.md:1"]
    assert started.context["missed"] == 1
    assert hit["text"] == text


def test_a_threshold_and_a_number_of_hits_hold(pool, past, server):
    """The best come first."""
    past.post(f"{LEASE} Or so they say, when they are asked about it.", "critic")
    past.post(f"{LEASE} Indeed.", "builder")
    past.post("The oven lease comes first, said somebody who had never baked at all.", "fool")
    pool.post(LEASE)
    play(pool, ALONE, server, recall={"k": 2, "threshold": 0.9})
    assert len(recalled(server.requests[0])) == 2
    scores = [hit["score"] for hit in of_type(pool, Recall)[0].hits]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0.9


def test_only_this_pool(pool, past, server):
    """With ``from: pool``: here it is what was rolled back."""
    pool.post(f"{PAST} It was long ago.", "old")
    pool.clear()
    pool.post(LEASE)
    play(pool, ALONE, server, recall={"from": "pool"})
    (source,) = recalled(server.requests[0])
    assert source == "old at 0 of branch main in bakery"


def test_what_another_agent_finished_is_found_by_the_next_prompt(pool, past, server):
    """In whatever pool of the store, and however short ago."""
    for text in ("The first rent is due in May, in cash.", "Rye keeps for a week in a cool cellar."):
        past.post(f"Mark this. {text} That was it.", "planner")
        pool.post(text)
        play(pool, ALONE, server, recall=RECALL)
    first, second = server.requests
    assert ["rent" in text for text in recalled(first).values()] == [True]
    assert ["Rye" in text for text in recalled(second).values()] == [True]


# What is left out --------------------------------------------------------------------------------------------


def test_what_is_in_the_prompt_already_is_not_recalled(pool, store, server):
    """Neither the message that was asked with, nor other turns, nor the same text in another pool."""
    pool.post(LEASE)
    pool.post(f"{LEASE} Says who?")
    with open_pool("copy") as copy:
        copy.post(LEASE)
        copy.post(f"{LEASE} Says who?")
    play(pool, ALONE, server, recall=RECALL)
    assert recalled(server.requests[0]) == {}
    assert of_type(pool, Recall) == []


def test_what_several_pools_say_is_recalled_once(pool, past, server):
    """And what else there is takes its place, however many copies there are."""
    for number in range(15):
        with open_pool(f"copy{number}") as copy:
            copy.post(PAST, "planner")
    past.post(f"Listen to this for a moment. {LEASE} Then comes the sign above the door.", "critic")
    pool.post(LEASE)
    play(pool, ALONE, server, recall={"k": 2})
    texts = list(recalled(server.requests[0]).values())
    assert len(texts) == 2
    assert PAST in texts


@pytest.mark.parametrize("stride", [0, 15])
def test_an_agent_never_recalls_its_present_turn_nor_attempts_at_it(pool, past, stride):
    """A stride's own text is asked about; what it found is neither itself nor what broke off before."""
    pool.post(LEASE)
    with OpenAIServer(tokens=60, prefill="continue") as server:
        server.fault(Cut(after=8), nth=0)
        play(pool, ALONE, server, turns=2, stride=stride, max_tokens=60, recall={"threshold": 0.1, "k": 10})
    hits = [hit for event in of_type(pool, Recall) for hit in event.hits]
    attempts = {event.turn for event in of_type(pool, TurnStarted)}
    assert [turn.status for turn in pool.document().turns] == ["finished"] * 2
    assert len(attempts) == (1 if stride else 2)
    assert hits
    assert not any(hit["turn"] in attempts for hit in hits)


def test_agents_that_are_not_listened_to_are_not_heard_by_the_back_door(pool, past, server):
    """Their turns of this pool are not recalled; those of other pools are."""
    agents = {"ann": {"role": "Talks.", "turns": 1, "listens": []}, "ben": {"role": "Talks.", "listens": []}}
    pool.post(f"{LEASE} Says ben.", "ben")
    pool.post(LEASE)
    play(pool, agents, server, recall={"threshold": 0.3})
    assert list(recalled(asked(server, "ann")[0])) == ["planner#1 in bistro"]


# Strides -----------------------------------------------------------------------------------------------------


def test_every_stride_asks_with_what_was_said_so_far(pool, store):
    """What resembles the words that an agent has just said is in its next prompt."""
    with OpenAIServer(tokens=40, prefill="continue") as server:
        with open_pool("rehearsal") as rehearsal:
            play(rehearsal, ALONE, server, stride=10, max_tokens=40)
            words = rehearsal.document().text.split()
        pool.store.delete("rehearsal")
        with open_pool("bistro") as bistro:
            bistro.post("Long ago one said " + " ".join(words[8:30]) + " and meant it.", "planner")
        play(pool, ALONE, server, stride=10, max_tokens=40, recall={"from": "pools", "threshold": 0.3})
        requests = [request for request in server.requests if EARLIER in prompt(request)]
    events = of_type(pool, Recall)
    (turn,) = pool.document().turns
    assert turn.status == "finished"
    assert requests
    assert all("planner#1 in bistro" in recalled(request) for request in requests)
    assert {event.turn for event in events} == {turn.id}
    before = {event.offset: event for event in pool.events()}
    assert all(isinstance(before[event.offset - 1], TurnStarted | TurnContinued) for event in events)
    read = [event.context.get("recalled") for event in of_type(pool, TurnContinued) if event.turn == turn.id]
    assert [sources for sources in read if sources] == [[hit["source"] for hit in event.hits] for event in events]


# When it cannot be done --------------------------------------------------------------------------------------


def test_an_index_that_is_away_is_told_once_and_turns_go_on(pool, monkeypatch, server):
    port = free_port()
    monkeypatch.setenv("AGENTPOOL_INDEX", f"redis://127.0.0.1:{port}/0")
    run = play(pool, {"ann": "Talks.", "ben": "Talks."}, server, turns=2, recall=RECALL)
    assert (run.status, run.reason) == ("finished", "turns")
    assert [turn.status for turn in run.document().turns] == ["finished"] * 4
    (event,) = of_type(pool, Recall)
    assert str(port) in event.note
    assert event.hits == []
    assert run.notes == run.report().notes == [event.note]
    assert f"recall: {event.note}" in repr(run.report())
    assert f"recall: {event.note}".split("'")[0] in run.report()._repr_html_()
    assert run.report().to_dict()["notes"] == [event.note]


@pytest.fixture
def redis(tmp_path):
    """A Redis that is not there yet."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


def test_a_redis_that_comes_and_goes_is_asked_while_it_is_there(pool, past, redis, monkeypatch, server):
    """Between the agent's first and second turn it is started, and stopped before the third."""
    monkeypatch.setenv("AGENTPOOL_INDEX", redis.url)
    switches = iter([redis.start, redis.stop])

    def switch(document):
        next(switches)()
        return f"Something was switched after {len(document)} turns. {LEASE}"

    agents = {"ann": {"role": "Talks.", "listens": ["task", "tom"]}, "tom": {"python": "switch", "listens": ["ann"]}}
    functions = {"switch": switch}
    run = play(pool, agents, server, functions=functions, turns=3, recall={"from": "pools"}, task=LEASE)
    assert [bool(recalled(request)) for request in server.requests] == [False, True, False]
    assert str(redis.port) in run.report().notes[0]
    assert "ann" in {turn.agent for turn in run.document().turns if turn.status == "finished"}


def test_a_damaged_index_is_made_anew_and_told(pool, past, store, server):
    pool.post(LEASE)
    stamped(store / "recall.index").write_bytes(b"no index at all" * 1000)
    run = play(pool, ALONE, server, recall=RECALL)
    assert list(recalled(server.requests[0])) == ["planner#1 in bistro"]
    assert "rebuilt from the log" in of_type(pool, Recall)[0].note
    assert run.report().notes == [of_type(pool, Recall)[0].note]
    assert str(store) not in run.report().notes[0]


def test_a_document_that_is_gone_is_told_without_its_folders(pool, tmp_path, server):
    notes = tmp_path / "old notes" / "notes.md"
    notes.parent.mkdir()
    notes.write_text(LEASE)
    with RecallIndex(pool.store) as index:
        index.library.add(notes)
    notes.unlink()
    pool.post(f"{LEASE} Says who?")
    play(pool, ALONE, server, recall=RECALL)
    assert "notes lacks files" in of_type(pool, Recall)[0].note
    assert str(tmp_path).encode() not in b"".join(pool.records())


def test_another_pool_that_cannot_be_read_is_told(pool, past, store, server):
    """What can be read is found all the same, and what the index has of the other."""
    with open_pool("broken") as broken, RecallIndex(pool.store) as index:
        broken.post(f"{LEASE} And then we rented a shop.", "critic")
        index.follow(broken)
    file = next(path for path in store.rglob("*") if "broken" in path.name and path.is_file())
    file.write_bytes(b"no pool at all" * 1000)
    pool.post(LEASE)
    run = play(pool, ALONE, server, recall=RECALL)
    assert "planner#1 in bistro" in recalled(server.requests[0])
    assert "broken" in run.report().notes[0]


def test_an_index_that_does_not_answer_is_not_waited_for(pool, past, store, server):
    """It is told once; the turn goes on, and the run ends though the index is still held."""
    pool.post(LEASE)
    with RecallIndex(pool.store) as index:
        index.follow(past)
    with held(store):
        run = play(pool, {"ann": "Talks.", "ben": "Talks."}, server, recall=RECALL)
    assert run.status == "finished"
    assert "the index did not answer" in run.report().notes[0]
    assert not any(recalled(request) for request in server.requests)
    assert [event.note for event in of_type(pool, Recall)] == run.report().notes


_MISSING = """
import os, sys
sys.modules["rensa"] = None
from agentpool_jupyter import Team, open_pool
from agentpool_jupyter.errors import ExtraMissingError
try:
    Team.from_yaml("task: x\\nmodel: m\\nbase_url: http://127.0.0.1:9/v1\\nrecall: true").start(open_pool("bakery"))
except ExtraMissingError as error:
    print(error)
"""


def test_a_missing_library_is_told_before_anything_starts(pool):
    assert "`recall` needs rensa: pip install 'agentpool-jupyter[recall]'" in output(_MISSING)
    assert pool.end == 0


# Limits and history ----------------------------------------------------------------------------------------


def test_what_is_recalled_counts_for_the_budget_and_is_reported(pool, past):
    """A prompt with it needs more tokens than there are; without it they suffice."""
    pool.post(LEASE)
    with OpenAIServer(tokens=5) as server:
        plain = play(pool, ALONE, server, max_tokens=5)
        (request,) = server.requests
        tight = {"tokens": len(str(request.messages)) + 5 + len(PAST) // 2}
        pool.clear()
        pool.post(LEASE)
        assert play(pool, ALONE, server, max_tokens=5, budget=tight).reason == "turns"
        pool.clear()
        pool.post(LEASE)
        assert play(pool, ALONE, server, max_tokens=5, budget=tight, recall=RECALL).reason == "budget"
    assert plain.report().total.recalled == 0


def test_a_rollback_and_a_resumed_run_recall_as_well(pool, past, server):
    """The document is the same with the events of recall, and a run goes on behind them."""
    pool.post(LEASE)
    agents = {"ann": "Talks.", "ben": {"role": "Talks.", "listens": ["ann"]}}
    run = play(pool, agents, server, recall=RECALL)
    pool.rollback("ann#1")
    assert [turn.name for turn in pool.document().turns] == ["you#1", "ann#1"]
    again = resume(pool, run.id)
    assert again.wait(60)
    requests = asked(server, "ben")
    assert [turn.name for turn in pool.document().turns] == ["you#1", "ann#1", "ben#1"]
    assert "planner#1 in bistro" in recalled(requests[-1])
    texts = [turn.text for turn in pool.document().turns]
    assert texts[2] == expected(requests[-1].messages)
    assert {event.branch for event in of_type(pool, Recall)} == {"main", "main-2"}
    assert of_type(pool, TurnFinished)[-1].branch == "main-2"


def test_a_stop_while_something_is_looked_up_ends_the_run(pool, past, store, server):
    """Before the turn began; the look-up ends by itself, later."""
    pool.post(LEASE)
    with RecallIndex(pool.store) as index:
        index.follow(past)
    before = set(threading.enumerate())

    def looking_up():
        return [one for one in set(threading.enumerate()) - before if one.name.startswith("agentpool-recall")]

    with held(store):
        run = team(ALONE, server, recall=RECALL).start(pool)
        until(looking_up)
        run.stop()
        assert looking_up()
    assert run.status == "stopped"
    assert server.requests == []
    assert of_type(pool, TurnStarted) == []
    until(lambda: not looking_up())


# Many pools --------------------------------------------------------------------------------------------------


@pytest.fixture
def search(pool):
    """The search of a run's agents."""
    with contextlib.closing(ReminderSearch(pool)) as search:
        yield search


def cue(**fields):
    return Cue(RecallSpec(k=1), (LEASE,), **{"known": "", **fields})


def test_of_many_pools_few_stay_open(store):
    """And all of them are looked through, also those that are not open, whatever grew last."""
    for number in range(40):
        with open_pool(f"pool{number}") as other:
            other.post(f"{LEASE} Said in pool {number}.")
    counting = CountingStore(store)
    with Pool(counting.open("bakery"), counting) as pool:
        with contextlib.closing(ReminderSearch(pool)) as search:
            for number in (0, 20, 39):
                asked = Cue(RecallSpec(k=1, threshold=0.9), (f"{LEASE} Said in pool {number}.",), known="")
                (reminder,), notes = search.find(asked)
                assert (reminder.source, notes) == (f"you#1 in pool{number}", [])
            with open_pool("pool39") as other:  # kept open, as it is among those that grew last
                other.post("Jam is sweet and red and keeps for a year.")
            ((reminder,), notes) = search.find(Cue(RecallSpec(k=1), ("Jam is sweet and red and keeps",), known=""))
            assert reminder.source == "you#2 in pool39"
            assert counting.open_now == 1 + MOST_OPEN
        assert (counting.open_now, counting.most) == (1, 1 + MOST_OPEN + 1)


def test_what_is_said_between_two_look_ups_is_found_at_once(pool, search):
    """In the run's own pool, and in one in which nothing had been said."""
    with open_pool("bistro") as other:
        assert search.find(cue()) == ([], [])
        pool.post(f"{LEASE} Indeed.")
        ((reminder,), _) = search.find(cue(seen=1))
        assert reminder.source == "you#1 in bakery"
        other.post(f"{LEASE} Not so.")
        ((reminder,), _) = search.find(cue(known=f"{LEASE} Indeed.", seen=1))
        assert reminder.source == "you#1 in bistro"


def test_pools_that_come_and_go_between_two_look_ups(pool, search):
    assert search.find(cue()) == ([], [])
    with open_pool("bistro") as other:
        other.post(f"{LEASE} Indeed.")
    ((reminder,), _) = search.find(cue())
    assert reminder.source == "you#1 in bistro"
    pool.store.delete("bistro")
    assert search.find(cue()) == ([], [])


def test_what_is_known_takes_nobodys_place_however_often_it_was_said(pool, past, search):
    """Neither in the prompt, nor by others."""
    header = past.header(past.branch, agent="critic")
    past.append([Message(**header | {"id": past.new_id()}, text=LEASE) for _ in range(900)])
    (reminder,), _ = search.find(cue(known=LEASE))
    assert reminder.text == PAST
    found, _ = search.find(cue()._replace(spec=RecallSpec(k=3)))
    assert [reminder.text for reminder in found] == [LEASE, PAST]


def test_a_look_up_ends_where_hundreds_say_what_is_known(pool, past, search):
    """Each with something of its own, in a part that would not be read."""
    common = f"{LEASE} " + " ".join(f"Then step {number} of the plan follows at once." for number in range(20))
    header = past.header(past.branch, agent="critic")
    texts = [f"{common} Thus spoke number {number}." for number in range(700)]
    past.append([Message(**header | {"id": past.new_id()}, text=text) for text in texts])
    assert search.find(cue(known=common)) == ([], [])
