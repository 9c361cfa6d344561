"""Where words came from, and how they spread."""

from __future__ import annotations

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import UserError
from tests.openai_server import Asks, Says
from tests.teams import play

WRONG = "The rent of the corner shop is nine hundred euros a month."


def origin(found):
    return {place.turn.name: place.origin for place in found.places}


def speak(*texts):
    """A Python agent that says these texts, one a turn."""
    left = list(texts)
    return lambda document: left.pop(0)


def test_a_phrase_is_followed_from_turn_to_turn(pool, server):
    """From who said it first, word for word or nearly so, to those who had read it there; who had not is told apart."""
    server.fault(Says(f"We plan. {WRONG} That is cheap."), contains="You are ann")
    server.fault(Says("So: the rent of the corner shop is nine hundred euros each month!"), contains="You are ben")
    server.fault(Says(f"I guess too: {WRONG.upper()}"), contains="You are cleo")
    server.fault(Says("We need flour."), contains="You are dora")
    agents = {
        "ann": "Talks.",
        "ben": {"role": "Checks.", "listens": ["ann"]},
        "cleo": {"role": "Adds.", "listens": []},
        "dora": {"role": "Buys.", "listens": ["ben"]},
    }
    play(pool, agents, server)
    found = ap.trace(pool, text="rent of the corner shop is nine hundred euros a month")
    assert origin(found) == {"ann#1": "its own words", "cleo#1": "its own words", "ben#1": "ann#1"}
    places = {place.turn.name: place for place in found.places}
    assert (places["ann#1"].exact, places["cleo#1"].exact, places["ben#1"].exact) == (True, True, False)
    assert 0.6 <= places["ben#1"].score < 1
    assert places["ann#1"].start == len("We plan. The ")
    assert places["ann#1"].turn.text[places["ann#1"].start :].startswith("rent of the corner")
    event = next(iter(pool.events(places["ann#1"].offset, places["ann#1"].offset + 1)))
    assert "rent" in event.text
    assert "ann#1" in places["ben#1"].read
    assert {place.turn.name for place in found.origins} == {"ann#1", "cleo#1"}
    assert "ben#1" in str(found)
    assert "<svg" in found._repr_html_()


def test_a_person_the_task_and_tools_are_sources_too(pool, server):
    pool.post(WRONG)

    def ask_bank(question: str) -> str:
        """Ask the bank."""
        return "The loan costs four percent of the sum each year."

    server.fault(Asks((("ask_bank", {"question": "loan?"}),)), times=1)
    server.fault(Says("The loan costs four percent of the sum each year. Open a bakery on the ninth of May."))
    task = "Open a bakery on the ninth of May."
    play(pool, {"ann": "Asks."}, server, tools=["ask_bank"], functions={"ask_bank": ask_bank}, task=task)
    assert origin(ap.trace(pool, text=WRONG)) == {"you#1": "a person"}
    assert "answered by a tool" in origin(ap.trace(pool, text="loan costs four percent of the sum"))["ann#1"]
    assert origin(ap.trace(pool, text="bakery on the ninth of May")) == {"ann#1": "the task"}


def test_what_was_recalled_is_a_source(store, server):
    with ap.open_pool("earlier") as earlier:
        earlier.post("The oven needs a permit, and the rent of the corner shop is due on the first of May.")
    server.fault(Says("Mind that the oven needs a permit, and the rent of the corner shop is due."))
    with ap.open_pool("now") as pool:
        pool.post("The rent of the corner shop is due on the first of May, what then?")
        play(pool, {"ann": "Talks."}, server, recall=True)
        (place,) = ap.trace(pool, text="the oven needs a permit").places
    assert place.origin == "recalled from you#1 in earlier"


def test_words_that_stand_nowhere(pool):
    pool.post("Mind the rent.")
    found = ap.trace(pool, text="a wholly different matter")
    assert (found.first, found.places, found.origins) == (None, [], [])
    assert "nowhere" in str(found)
    with pytest.raises(UserError, match="needs words"):
        ap.trace(pool, text=" ")


def test_a_phrase_on_a_line_that_was_left_is_not_on_this_one(pool):
    pool.post("One.")
    pool.post(WRONG)
    pool.rollback("you#1")
    assert ap.trace(pool, text=WRONG).places == []
    assert ap.trace(pool, text=WRONG, branch="main").first.turn.name == "you#2"
