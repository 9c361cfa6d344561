"""What a tool prints stands in the log, and still where it would have gone."""

import asyncio
import io
import sys
import threading

from agentpool_jupyter import open_pool
from agentpool_jupyter.effects.printed import Printed
from tests.openai_server import Asks
from tests.teams import play


def test_what_is_printed_is_kept_and_passed_on(capsys):
    before = sys.stdout
    with Printed() as printed:
        print("flour", end=" ")
        sys.stdout.writelines(["and ", "salt"])
        assert sys.stdout.isatty() == before.isatty()
    assert (printed.text, capsys.readouterr().out) == ("flour and salt", "flour and salt")
    assert sys.stdout is before
    print("later")
    assert printed.text == "flour and salt"


def test_each_has_its_own(capsys):
    """Two at once, on one loop and in threads; whoever else prints is nobody's."""
    meeting = threading.Barrier(3)

    def bake(what):
        meeting.wait(20)
        print(f"{what}\n", end="")
        meeting.wait(20)

    async def one(what):
        with Printed() as printed:
            await asyncio.to_thread(bake, what)
        return printed.text

    async def both():
        return await asyncio.gather(one("bread"), one("rolls"), asyncio.to_thread(bake, "nobody's"))

    bread, rolls, _ = asyncio.run(both())
    assert (bread, rolls) == ("bread\n", "rolls\n")
    assert sorted(capsys.readouterr().out.split("\n")) == ["", "bread", "nobody's", "rolls"]


def test_a_stream_that_was_put_in_its_place_stays(monkeypatch):
    other = io.StringIO()
    with Printed():
        monkeypatch.setattr(sys, "stdout", other)
    assert sys.stdout is other


def test_there_may_be_no_standard_output(monkeypatch):
    """As in a program without a console."""
    monkeypatch.setattr(sys, "stdout", None)
    with Printed() as printed:
        print("nowhere")
    assert printed.text == ""


def test_much_is_cut_and_a_secret_at_the_cut_is_none_of_it(monkeypatch):
    monkeypatch.setenv("OVEN_API_KEY", "sesame-open-now")
    with Printed() as printed:
        print("a" * 7_993 + "sesame-open-now" + "b" * 50_000, end="")
    assert "sesame" not in printed.text
    assert printed.text.endswith("\n(cut: 58,008 characters were printed)")
    assert len(printed.text) < 8_100


def test_a_tools_output_is_in_the_log_and_answers_for_one_that_returns_nothing(store, server):
    def weigh(item: str) -> int:
        print(f"weighs {item}")
        return 3

    def show(item: str) -> None:
        print(f"shows {item}")

    def burn(item: str) -> None:
        print(f"burns {item}")
        raise OSError(item)

    functions = {"weigh": weigh, "show": show, "burn": burn}
    server.fault(Asks(tuple((name, {"item": "salt"}) for name in functions)), times=1)
    with open_pool("bakery", str(store)) as pool:
        play(pool, {"ann": "Looks."}, server, tools=list(functions), functions=functions)
        ended = {effect.proposal.tool: effect.ended for effect in pool.effects.values()}
    assert {name: end.output for name, end in ended.items()} == {
        "weigh": "weighs salt\n",
        "show": "shows salt\n",
        "burn": "burns salt\n",
    }
    answers = [message["content"] for message in server.requests[-1].messages if message["role"] == "tool"]
    assert answers == ["3", "shows salt", "error: OSError: salt"]
