"""Time travel while a team speaks, as its page shows it."""

from playwright.sync_api import expect

from agentpool_jupyter.pool.events import Head, RunFinished
from tests.openai_server import Drip
from tests.teams import asked, of_type, speaks, until

from .cells import THREE, team_cell
from .notebook_page import grow


def live(server, cells, open_notebook, name):
    """Open a notebook whose planner has spoken, and whose critic and treasurer surely still do."""
    server.fault(Drip(40), contains=speaks("planner"), times=1)
    agents = {**THREE, "planner": {"role": "Drafts the plan.", "max_tokens": 30}}
    notebook = open_notebook(team_cell(name, agents, server, "--bg"), *cells)
    notebook.run(1)
    grow(notebook.lane("critic"), notebook.lane("treasurer"))
    return notebook


def plain(text):
    """A text as a page shows it: its words."""
    return " ".join(text.split())


def test_a_live_team_is_rolled_back_in_a_second_cell(open_notebook, kept, server, photo):
    """The streams stop, what they still said never shows on the restored line, and undo brings the old line back."""
    cells = ["%rollback planner#1", "%pool", "%pool log", "%diff main", "%rollback --undo", "%pool", "%branch"]
    notebook = live(server, cells, open_notebook, "back")
    pool = kept("back")
    photo("1-live", notebook.cells.nth(1))

    notebook.run(2)
    expect(notebook.output(2)).to_contain_text("rolled back: the head is on the new branch 'main-2'")
    expect(notebook.picture(1)).to_contain_text("stopped")
    assert server.until(lambda server: server.open_streams == 0)
    assert [event.reason for event in of_type(pool, RunFinished)] == ["moved"]
    photo("2-rolled-back", notebook.cells.nth(1))

    restored = pool.document()
    old = {turn.agent: turn for turn in pool.document("main").turns}
    assert {agent: turn.status for agent, turn in old.items()} == {
        "planner": "finished",
        "critic": "cancelled",
        "treasurer": "cancelled",
    }
    kept_of_it = restored.turn("treasurer#1").text  # cut off in the middle of its sentence
    late = plain(old["treasurer"].text.removeprefix(kept_of_it))
    assert old["treasurer"].text.startswith(kept_of_it)
    assert len(late.split()) > 3
    assert restored.turn("critic#1") is None

    notebook.run(3)
    shown = plain(notebook.output(3).inner_text())
    for turn in restored.turns:
        assert plain(turn.text) in shown
    for text in (late, plain(old["critic"].text)):
        assert text not in shown
        assert text not in plain(restored.text)
        assert text in plain(notebook.output(2).inner_text())  # the diff says what left

    notebook.run(4)
    graph = notebook.output(4)
    expect(graph).to_contain_text("HEAD → main-2")
    expect(graph).to_contain_text("planner#1")
    notebook.run(5)
    expect(notebook.output(5).locator(".agentpool-diff")).to_contain_text("critic#1 (removed)")
    photo("3-log-and-diff", notebook.cells.nth(4))

    notebook.run(6)
    expect(notebook.output(6)).to_contain_text("undone: the head is on branch 'main' again")
    notebook.run(7)
    whole = plain(notebook.output(7).inner_text())
    assert all(plain(turn.text) in whole for turn in old.values())
    notebook.run(8)
    photo("4-undone", notebook.cells.nth(6))
    assert [event.to for event in of_type(pool, Head)] == ["main-2", "main"]
    assert pool.document("main-2") == restored


def test_a_team_goes_on_from_where_it_was_rolled_back_to(open_notebook, kept, server, photo):
    """At once, in the next cell: the planner is not asked again, the others are, and the page shows the new line."""
    cells = ["%rollback planner#1\n%agents resume", "%pool log -n 40"]
    server.stamp = True  # else a model that is asked the same again would say the same again
    notebook = live(server, cells, open_notebook, "on")
    server.fault(Drip(1000))
    server.tokens = 40
    notebook.run(2)
    expect(notebook.output(2).locator(".ap-place")).to_contain_text("main-2")
    expect(notebook.status().last).to_contain_text("finished")
    notebook.run(3)
    photo("1-resumed", notebook.cells.nth(2))
    pool = kept("on")
    assert [len(asked(server, agent)) for agent in THREE] == [1, 2, 2]
    document = plain(notebook.output(2).last.inner_text())
    for turn in pool.document().turns:
        assert plain(turn.text) in document
    left = pool.document("main").turn("critic#1").text.split()
    assert left
    assert not set(left) & set(document.split())
    expect(notebook.picture(1)).to_contain_text("main · stopped")
    expect(notebook.output(3)).to_contain_text("resumed: Plan a bakery")


def test_a_dry_run_leaves_the_team_alone(open_notebook, kept, server, photo):
    """It shows what would leave, in colour, while the lanes go on growing."""
    notebook = live(server, ["%rollback planner#1 --dry-run"], open_notebook, "dry")
    notebook.run(2)
    expect(notebook.output(2)).to_contain_text("nothing was changed")
    expect(notebook.output(2).locator("del").first).to_be_visible()
    grow(notebook.lane("critic"), notebook.lane("treasurer"))
    photo("1-dry-run", notebook.cells.nth(2))
    pool = kept("dry")
    assert pool.branches == ["main"]
    notebook.stop()
    until(lambda: of_type(pool, RunFinished))
