"""Agents that are functions of the notebook."""

from __future__ import annotations

import asyncio
import threading

import pytest

from agentpool_jupyter.errors import SpecError
from agentpool_jupyter.pool.events import Message, TurnFailed, TurnStarted
from tests.openai_server import OpenAIServer
from tests.teams import of_type, play, prompt, said, team, until


def pipeline(name="check"):
    """A model that drafts, and a function that reads it."""
    return {"draft": {"role": "Drafts.", "listens": []}, "checker": {"python": name, "listens": ["draft"]}}


def test_a_function_reads_the_document_and_speaks(pool):
    """What it returns is its turn; its document is the pool as it had been when the turn began."""
    read = []

    def check(document):
        read.append(document)
        return f"{len(document.turns[0].text.split())} words"

    with OpenAIServer(tokens=7) as server:
        run = play(pool, pipeline(), server, functions={"check": check})
    checked = run.document().turn("checker#1")
    assert (checked.text, checked.status, checked.model) == ("7 words", "finished", "python:check")
    assert [turn.name for turn in read[0].turns] == ["draft#1", "checker#1"][: len(read[0].turns)]
    assert checked.seen == read[0].at + 1
    assert run.report().rows[1].turns == 1


def test_a_function_is_heard_by_models(pool):
    agents = {"clock": {"python": "tell", "listens": []}, "ann": {"role": "Answers.", "listens": ["clock"]}}
    with OpenAIServer(tokens=5) as server:
        play(pool, agents, server, functions={"tell": lambda _: "It is noon."})
        assert "[clock#1]\n  It is noon." in prompt(server.requests[0])


def test_an_async_function_speaks(pool):
    async def check(document):
        await asyncio.sleep(0)
        return f"read {len(document.turns)}"

    play(pool, {"ann": {"python": "check"}}, functions={"check": check})
    assert pool.document().turn("ann#1").text == "read 0"


def test_a_callable_that_returns_an_awaitable_speaks(pool):
    """An async function that is wrapped, bound or an object's ``__call__`` is one all the same."""

    class Checker:
        async def __call__(self, document):
            return "object"

    async def check(word, document):
        return word

    functions = {"bound": Checker(), "wrapped": lambda document: check("wrapped", document)}
    play(pool, {"ann": {"python": "bound"}, "ben": {"python": "wrapped"}}, functions=functions)
    assert {turn.text for turn in pool.document().turns} == {"object", "wrapped"}


@pytest.mark.parametrize("answer", [None, "", "  \n"])
def test_a_function_with_nothing_to_say_is_not_shown_and_wakes_nobody(pool, answer):
    agents = {"quiet": {"python": "hush", "listens": []}, "ann": {"python": "talk", "listens": ["quiet"]}}
    run = play(pool, agents, functions={"hush": lambda _: answer, "talk": lambda _: "heard something"})
    assert run.document().turns == []
    assert run.report().rows[0].turns == 1
    assert run.reason == "quiescent"


def test_an_exception_is_the_functions_failed_turn(pool):
    """It names the function and the line; the others go on, and the function may speak again."""
    calls = []

    def fragile(document):
        calls.append(document)
        if len(calls) == 1:
            message = "no flour"
            raise ValueError(message)
        return "flour is there"

    agents = {"ann": {"python": "fragile", "listens": ["draft", "task"]}, "draft": {"role": "Drafts.", "listens": []}}
    with OpenAIServer(tokens=5) as server:
        run = play(pool, agents, server, turns=2, functions={"fragile": fragile})
    (failed,) = of_type(pool, TurnFailed)
    assert failed.error.startswith("ValueError: no flour (fragile, line ")
    assert (failed.kind, failed.retriable) == ("python", False)
    assert [turn.status for turn in run.document().turns if turn.agent == "ann"] == ["failed", "finished"]
    assert run.status == "finished"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError()])
def test_no_exception_of_a_function_ends_more_than_its_turn(pool, error):
    def leave(document):
        raise error

    run = play(pool, {"ann": {"python": "leave"}, "ben": {"python": "talk"}}, functions={"leave": leave, "talk": str})
    assert run.document().turn("ann#1").status == "failed"
    assert run.status == "finished"


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()])
def test_no_exception_of_an_async_function_ends_more_than_its_turn(pool, error):
    async def leave(document):
        raise error

    run = play(pool, {"ann": {"python": "leave"}, "ben": {"python": "talk"}}, functions={"leave": leave, "talk": str})
    assert run.document().turn("ann#1").status == "failed"
    assert run.status == "finished"


def test_what_is_no_text_is_a_failed_turn(pool):
    play(pool, {"ann": {"python": "count"}}, functions={"count": lambda document: len(document.turns)})
    assert pool.document().turn("ann#1").error == "returned int, not text or None"


def test_a_function_that_is_not_there_is_told_before_anything_starts(pool):
    with pytest.raises(SpecError, match="there is no function 'check'; define it before this cell"):
        team(pipeline(), functions={"other": str}).start(pool)
    assert pool.end == 0


def test_a_function_that_blocks_holds_up_neither_the_others_nor_stop(pool):
    """It cannot be interrupted, so nothing waits for it: its turn is cancelled and its late answer goes nowhere."""
    release, returned = threading.Event(), threading.Event()

    def block(document):
        release.wait(60)
        returned.set()
        return "too late"

    run = team(
        {"slow": {"python": "block"}, "ann": {"python": "talk"}}, functions={"block": block, "talk": repr}
    ).start(pool)
    until(lambda: said(pool, "ann"))
    run.stop()
    assert not returned.is_set()
    release.set()
    assert returned.wait(10)
    assert {turn.agent: turn.status for turn in pool.document().turns} == {"slow": "cancelled", "ann": "finished"}
    assert "too late" not in pool.document().text


def test_stop_cancels_what_an_async_function_awaits(pool):
    """So that its own streams end too; one that blocks its loop holds up nobody."""
    cancelled, release, returned = threading.Event(), threading.Event(), threading.Event()

    async def listen(document):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def block(document):
        release.wait(60)  # what must not be done and is
        returned.set()

    agents = {"ann": {"python": "listen"}, "ben": {"python": "block"}}
    run = team(agents, functions={"listen": listen, "block": block}).start(pool)
    until(lambda: len(of_type(pool, TurnStarted)) == 2)
    run.stop()
    assert not returned.is_set()
    assert cancelled.wait(10)
    release.set()
    assert {turn.status for turn in pool.document().turns} == {"cancelled"}


def test_a_function_uses_the_notebooks_variables_as_they_are_then(pool):
    """It is called, not copied: state that it keeps lives on from turn to turn, and it may write to the pool."""
    state = {"count": 0}

    def tally(document):
        state["count"] += 1
        if state["count"] == 1:
            pool.post("go on")
        return f"call {state['count']}"

    play(pool, {"ann": {"python": "tally"}}, turns=2, functions={"tally": tally})
    assert state["count"] == 2
    assert [turn.text for turn in pool.document().turns if turn.agent == "ann"] == ["call 1", "call 2"]
    assert len(of_type(pool, Message)) == 1


def test_a_function_may_stop_its_own_run(pool):
    """From the run's thread, where waiting for the end would wait for itself."""
    runs = []

    async def stop(document):
        runs[0].stop()
        await asyncio.sleep(30)

    run = team({"ann": {"python": "stop"}}, functions={"stop": stop})
    started = threading.Event()

    async def stop_when_started(document):
        await asyncio.to_thread(started.wait)
        await stop(document)

    run.functions = {"stop": stop_when_started}
    runs.append(run.start(pool))
    started.set()
    assert runs[0].wait(10)
    assert runs[0].status == "stopped"


def test_a_function_does_not_change_what_others_read(pool):
    """Its document is its own: to break it breaks nobody else's."""

    def vandal(document):
        document._entries.clear()
        return "ha"

    agents = {"bad": {"python": "vandal"}, "ann": {"python": "read", "listens": ["bad"]}}
    functions = {"vandal": vandal, "read": lambda document: ",".join(turn.name for turn in document.turns)}
    play(pool, agents, functions=functions)
    assert pool.document().turn("ann#1").text == "bad#1"
    assert all(event.model.startswith("python:") for event in of_type(pool, TurnStarted))
