"""From the log to a screen."""

import threading

import msgspec
import pytest

from agentpool_jupyter.jupyter.live.feed import Feed
from agentpool_jupyter.pool.events import Delta
from tests.openai_server import OpenAIServer
from tests.programs import start
from tests.teams import of_type, play, said, team, until

from .test_view import Page, ordered


class Screen:
    """Keeps what it is shown; the first state opens the page."""

    def __init__(self):
        self.page = None
        self.patches = []
        self.kept = None

    def show_state(self, state, *, keep=False):
        if keep:
            self.kept = state
        else:
            self.page = Page(state)

    def show_patch(self, patch):
        self.patches.append(patch)
        if self.page is not None:
            self.page.apply(msgspec.json.decode(msgspec.json.encode(patch), type=type(patch)))


@pytest.fixture
def screen():
    return Screen()


def no_threads_of_feeds():
    return not [
        thread for thread in threading.enumerate() if thread.name.startswith(("agentpool-feed", "agentpool-paint"))
    ]


def test_a_run_is_shown_live_until_it_has_ended(pool, screen):
    """A page that opens at the start and follows the patches ends with the document; the threads end by themselves."""
    with OpenAIServer(rate=50, tokens=20) as server:
        run = team({"ann": "Talks.", "ben": "Talks."}, server).start(pool)
        feed = Feed(pool, run.id, screen)
        feed.show_again()
        run.wait(30)
        assert feed.ended.wait(10)
    turns = {turn["name"]: turn["text"] for turn in screen.page.state["turns"]}
    assert turns == {turn.name: turn.text for turn in run.document().turns}
    assert ordered(msgspec.to_builtins(screen.kept)) == screen.page.ordered()
    assert screen.kept.run.status == "finished"
    until(no_threads_of_feeds)


def test_a_view_that_opens_late_catches_up(pool, screen):
    with OpenAIServer(rate=50, tokens=30) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        feed = Feed(pool, run.id, screen)
        until(lambda: len(screen.patches) > 3)
        feed.show_again()
        begun = len(screen.page.state["turns"][0]["text"])
        run.wait(30)
        assert feed.ended.wait(10)
    assert 0 < begun < len(screen.page.state["turns"][0]["text"])
    assert screen.page.state["turns"][0]["text"] == run.document().turns[0].text


def test_patches_are_fewer_than_events_and_numbered(pool, screen):
    """What arrives between two updates goes out together."""
    with OpenAIServer(rate=400, tokens=200) as server:
        # A busy machine reads a stream in few large pieces: then there is one delta for many tokens.
        run = team({f"a{i}": "Talks." for i in range(5)}, server, max_tokens=200, flush=0.0).start(pool)
        feed = Feed(pool, run.id, screen)
        run.wait(30)
        assert feed.ended.wait(10)
    assert len(screen.patches) < len(of_type(pool, Delta))
    assert [patch.seq for patch in screen.patches] == list(range(1, len(screen.patches) + 1))


def test_a_run_that_has_ended_is_shown_as_it_was(pool, screen, server):
    """Whatever came after it in the pool is not part of it."""
    run = play(pool, {"ann": "Talks."}, server)
    text = run.document().turns[0].text
    play(pool, {"ann": "Talks."}, server)
    feed = Feed(pool, run.id, screen)
    assert feed.ended.wait(10)
    feed.close()
    assert [turn.text for turn in screen.kept.turns] == [text]
    assert screen.kept.run.status == "finished"


_WRITER = """
import sys
from agentpool_jupyter import open_pool
from tests.teams import team

run = team({"ann": "Talks.", "ben": "Talks."}, model="test", base_url=sys.argv[1]).start(open_pool("bakery"))
print(run.id, flush=True)
run.wait()
"""


def test_a_run_of_another_process_is_shown_live(pool, screen):
    with OpenAIServer(rate=40, tokens=40) as server, start(_WRITER, server.base_url) as writer:
        run = writer.stdout.readline().strip()
        feed = Feed(pool, run, screen)
        feed.show_again()
        until(lambda: said(pool, "ann"))
        until(lambda: any(turn["text"] for turn in screen.page.state["turns"]))
        assert screen.kept is None
        assert feed.ended.wait(20)
        assert writer.wait(20) == 0
    assert {turn["name"]: turn["text"] for turn in screen.page.state["turns"]} == {
        turn.name: turn.text for turn in pool.document().turns
    }


def test_closing_shows_what_is_left_and_leaves_no_thread(pool, screen):
    """Twice is fine, and so is closing the pool underneath."""
    with OpenAIServer(rate=30, tokens=100) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        feed, other = Feed(pool, run.id, screen), Feed(pool, run.id, Screen())
        until(lambda: any(patch.append for patch in screen.patches))
        feed.close()
        feed.close()
        assert feed.ended.is_set()
        assert screen.kept.turns[0].text
        run.stop()
        pool.close()
        assert other.ended.wait(10)
    until(no_threads_of_feeds)


def test_stopping_is_shown_at_once(pool, screen):
    with OpenAIServer(rate=30, tokens=100) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        feed = Feed(pool, run.id, screen)
        until(lambda: screen.patches)
        feed.stopping()
        until(lambda: any(patch.run and patch.run.status == "stopping" for patch in screen.patches))
        run.stop()
        assert feed.ended.wait(10)
    assert screen.kept.run.status == "stopped"
