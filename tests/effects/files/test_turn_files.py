"""Agents share files: what a turn has not read it does not overwrite, and what it is told lets it repair."""

import asyncio
import json
import threading

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.agents.runs.claims import take
from agentpool_jupyter.effects.files.conflicts import conflicts_of
from agentpool_jupyter.effects.files.excerpts import excerpt, unified
from agentpool_jupyter.effects.files.turn_files import FILE_TOOLS, TurnFiles
from agentpool_jupyter.effects.perform import EffectRequest, Performer, answer_of
from agentpool_jupyter.pool.events import EffectFailed, EffectStarted, File
from tests.programs import at_once
from tests.teams import of_type


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def url(request, store):
    """The address of an empty store of each kind."""
    return str(store) if request.param == "sqlite" else request.getfixturevalue("kafka_url")


async def never():
    """No vote is waited for."""
    raise AssertionError


class Agent:
    """An agent in a turn of its own, in a run that is held here."""

    def __init__(self, pool, name, turn, claim):
        self.pool, self.name = pool, name
        self.claim = claim
        self.turn = turn
        self.files = TurnFiles(pool, "main", self.header)
        self.files.turn = turn
        self.numbers = 0

    def header(self):
        return self.pool.header("main", "r1", self.name, self.claim.id)

    def call(self, name, *, key="", **arguments):
        """Make a call as a model's would be, and return the answer as data, or as a text."""
        tool = self.files.tools[name]
        self.numbers += 1
        request = EffectRequest(
            tool=tool,
            arguments=tool.read(json.dumps(arguments)),
            key=key or f"{self.turn}-{self.numbers}",
            header=self.header,
            turn=self.turn,
        )

        async def store(events):
            self.pool.append(events)

        call = asyncio.run(Performer(self.pool, store, print, never).perform(request))
        self.files.note(call)
        return call.ended.result if hasattr(call.ended, "result") else answer_of(call)


@pytest.fixture
def claim(pool):
    return take(pool, "main", "r1")


@pytest.fixture
def ann(pool, claim):
    return Agent(pool, "ann", "t1", claim)


@pytest.fixture
def ben(pool, claim):
    return Agent(pool, "ben", "t2", claim)


def conflicts(pool, *turns):
    found = conflicts_of(pool.effects.values(), turns)
    return dict(found.concurrent), dict(found.repaired)


def test_models_are_told_of_four_tools_and_of_no_key(ann):
    told = {name: tool.described["function"] for name, tool in ann.files.tools.items()}
    assert tuple(told) == FILE_TOOLS
    assert {name: list(one["parameters"]["properties"]) for name, one in told.items()} == {
        "read_file": ["path", "first_line"],
        "write_file": ["path", "text"],
        "edit_file": ["path", "old", "new"],
        "list_files": ["folder"],
    }
    assert all(one["description"] for one in told.values())


def test_files_are_written_read_edited_and_listed(pool, ann, ben):
    assert ann.call("write_file", path="recipes/bread.md", text="flour\n") == {
        "path": "recipes/bread.md",
        "version": 1,
        "bytes": 6,
    }
    assert ben.call("read_file", path="recipes/bread.md") == {
        "path": "recipes/bread.md",
        "version": 1,
        "text": "flour\n",
    }
    assert ben.call("edit_file", path="recipes/bread.md", old="flour", new="rye flour")["version"] == 2
    file = pool.document().files["recipes/bread.md"]
    assert (file.text, file.agent, file.entry.turn) == ("rye flour\n", "ben", "t2")
    assert ann.call("list_files")["files"] == [{"path": "recipes/bread.md", "version": 2, "bytes": 10, "by": "ben"}]
    assert ann.call("list_files", folder="recipes/")["files"]
    assert ann.call("list_files", folder="cakes")["files"] == []
    assert ben.call("write_file", path="recipes/bread.md", text="spelt\n")["version"] == 3
    assert conflicts(pool, "t1", "t2") == ({}, {})


def test_a_write_over_a_newer_version_is_refused_and_repaired(pool, ann, ben):
    ann.call("write_file", path="bread.md", text="flour\nwater\n")
    ben.call("read_file", path="bread.md")
    ann.call("write_file", path="bread.md", text="flour\nwater\nsalt\n")
    told = ben.call("write_file", path="bread.md", text="flour\nwater\nyeast\n")
    assert told["refused"].startswith("nothing was written: bread.md has version 2 by ann, and you had read version 1")
    assert (told["version"], told["text"]) == (2, "flour\nwater\nsalt\n")
    assert told["diff"].splitlines()[2:] == ["@@ -1,2 +1,3 @@", " flour", " water", "+salt"]
    assert len(of_type(pool, File)) == 2
    assert conflicts(pool, "t1", "t2") == ({"ben": 1}, {})
    assert ben.call("write_file", path="bread.md", text="flour\nwater\nsalt\nyeast\n")["version"] == 3
    assert conflicts(pool, "t1", "t2") == ({"ben": 1}, {"ben": 1})
    assert conflicts(pool, "t1") == ({}, {})


def test_a_file_that_was_not_read_is_not_overwritten(ann, ben):
    ann.call("write_file", path="bread.md", text="flour\n")
    told = ben.call("write_file", path="bread.md", text="rye\n")
    assert "version 1 by ann, and you had not read it" in told["refused"]
    assert told["diff"].splitlines()[-2:] == ["-flour", "+rye"]
    assert ben.call("write_file", path="bread.md", text="rye\n")["version"] == 2


def test_an_edit_of_a_newer_version_is_refused(pool, ann, ben):
    ann.call("write_file", path="bread.md", text="flour")
    ben.call("read_file", path="bread.md")
    ann.call("edit_file", path="bread.md", old="flour", new="flour, salt")
    assert ben.call("edit_file", path="bread.md", old="flour", new="rye")["text"] == "flour, salt"
    assert ben.call("edit_file", path="bread.md", old="flour", new="rye")["version"] == 3
    assert conflicts(pool, "t2") == ({"ben": 1}, {"ben": 1})


@pytest.mark.parametrize(("old", "count"), [("a", 2), ("x", 0), ("", 0)])
def test_an_edit_needs_a_text_that_stands_once(pool, ann, old, count):
    ann.call("write_file", path="bread.md", text="a b a")
    assert f"`old` stands {count} times in version 1" in ann.call("edit_file", path="bread.md", old=old, new="c")
    assert pool.document().files["bread.md"].text == "a b a"
    assert "no file 'cake.md' to edit" in ann.call("edit_file", path="cake.md", old="a", new="b")


def test_a_file_that_was_deleted_meanwhile_is_told(pool, ann, ben):
    ann.call("write_file", path="bread.md", text="flour")
    ben.call("read_file", path="bread.md")
    pool.delete_file("bread.md")
    told = ben.call("write_file", path="bread.md", text="rye")
    assert told["refused"] == "nothing was written: bread.md was deleted by you, and you had read version 1"
    assert ben.call("write_file", path="bread.md", text="rye")["version"] == 3
    pool.delete_file("bread.md")
    cem = Agent(pool, "cem", "t3", ben.claim)
    assert cem.call("write_file", path="bread.md", text="spelt")["version"] == 5


@pytest.mark.parametrize("path", ["../bread.md", "/etc/passwd", "a\\b", ".git/config", ""])
def test_paths_that_no_file_may_have_are_told(pool, ann, path):
    for name, more in (("read_file", {}), ("write_file", {"text": "x"}), ("edit_file", {"old": "a", "new": "b"})):
        assert "cannot be the path of a file" in ann.call(name, path=path, **more)
    assert not of_type(pool, File)


def test_what_is_no_text_is_told(pool, ann):
    pool.write_file("crumb.bin", bytes(range(256)))
    assert "holds no text, but 256 bytes" in ann.call("read_file", path="crumb.bin")
    assert "holds no text now" in ann.call("write_file", path="crumb.bin", text="x")["refused"]


def test_a_long_file_is_read_in_parts(pool, ann):
    lines = [f"line {number}\n" for number in range(1, 10_001)]
    pool.write_file("long.txt", "".join(lines))
    first = ann.call("read_file", path="long.txt")
    stop = first["text"].count("\n")
    assert first["lines"] == f"1 to {stop} of 10000; read on with first_line={stop + 1}"
    assert ann.call("read_file", path="long.txt", first_line=stop + 1)["text"].startswith(f"line {stop + 1}\n")
    assert ann.call("read_file", path="long.txt", first_line=9_999)["text"] == "line 9999\nline 10000\n"
    assert ann.call("edit_file", path="long.txt", old="line 7777\n", new="")["version"] == 2


def test_of_those_who_write_at_the_same_moment_the_first_in_the_log_counts(url):
    """The others are told so after reading back, and one after the other repairs."""
    with open_pool("bakery", url) as pool:
        claim = take(pool, "main", "r1")
        agents = [Agent(pool, f"a{number}", f"t{number}", claim) for number in range(6)]
        agents[0].call("write_file", path="list.md", text="")
        barrier = threading.Barrier(6)
        told = []

        def add(agent):
            text = agent.call("read_file", path="list.md")["text"]
            barrier.wait()
            while "refused" in (answer := agent.call("write_file", path="list.md", text=f"{text}{agent.name}\n")):
                told.append(agent.name)
                text = answer["text"]

        at_once(*[lambda agent=agent: add(agent) for agent in agents])
        file = pool.document().files["list.md"]
        assert sorted(file.text.split()) == [agent.name for agent in agents]
        assert file.number == 7
        concurrent, repaired = conflicts(pool, *[agent.turn for agent in agents])
        assert sum(concurrent.values()) == len(told) >= 5
        assert sum(repaired.values()) == 5


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("name", ["write_file", "edit_file"])
def test_a_write_whose_process_died_in_the_middle_is_made_once(pool, claim, name, written):
    """Before or after it was written: whoever goes on finds its key in the log."""
    ann = Agent(pool, "ann", "t1", claim)
    ann.call("write_file", path="bread.md", text="flour")
    more = {"text": "rye"} if name == "write_file" else {"old": "flour", "new": "rye"}
    ended = []

    class DiedError(Exception):
        pass

    async def store(events):
        if not isinstance(events[-1], EffectStarted) and hasattr(events[-1], "result"):
            raise DiedError
        pool.append(events)
        if isinstance(events[-1], EffectStarted) and not written:
            raise DiedError

    tool = ann.files.tools[name]
    arguments = tool.read(json.dumps({"path": "bread.md", **more}))
    request = EffectRequest(tool=tool, arguments=arguments, key="k", header=ann.header, turn="t1")
    with pytest.raises(DiedError):
        asyncio.run(Performer(pool, store, ended.append, never).perform(request))
    assert len(of_type(pool, File)) == 1 + written
    pool.append([EffectFailed(**ann.header(), proposal=list(pool.effects)[-1], error="its process died", doubt=True)])
    again = Agent(pool, "ann", "t3", claim)
    again.files.note(next(iter(pool.effects.values())))
    assert again.call(name, key="k", path="bread.md", **more)["version"] == 2
    assert [event.key for event in of_type(pool, File)][1:] == ["k"]
    assert pool.document().files["bread.md"].text == "rye"


def test_excerpts_and_diffs_are_bounded():
    assert excerpt("a\nb\n") == {"text": "a\nb\n"}
    assert excerpt("") == {"text": ""}
    assert excerpt("x" * 100, most=60) == {"text": "x" * 10, "lines": "the beginning of line 1, which is too long"}
    assert excerpt("a\nb", 7) == {"text": "", "lines": "there are only 2"}
    assert unified("a\n" * 200_000, "b\n", ("x", "y")) == ""
    assert unified("".join(f"{n}\n" for n in range(9000)), "", ("x", "y")) == ""
