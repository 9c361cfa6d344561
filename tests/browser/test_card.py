"""A turn that is selected is selected everywhere; its card and the graph of turns say what the log says."""

import json
import re

import pytest
from playwright.sync_api import expect

import agentpool_jupyter as ap
from tests.openai_server import Hold, Says
from tests.teams import speaks

from .cells import team_cell

PLAN = """## Plan

The **lease** comes first: $5 now and $6 later.

- rye <b>flour</b>
- an oven, before anything else is bought
"""
AGENTS = {
    "planner": "Drafts the plan for $7 and $8.",
    "critic": {"role": "Names its weakest point.", "listens": ["planner"]},
    "treasurer": "Says what things cost.",
}


def selected(page):
    """The turns that are marked as the selected one, by view."""
    return {
        "lane": [
            turn.get_attribute("data-turn") for turn in page.locator(".ap-lane .ap-turn[data-picked=selected]").all()
        ],
        "bar": page.locator(".ap-bar-turn[data-picked]").count(),
        "card": page.locator(".ap-card:visible .ap-card-title").all_text_contents(),
    }


def selects(page, name):
    """Wait until a turn is selected in the lanes, the timeline and the card, and no other is."""
    expect(page.locator(".ap-card-title")).to_have_text(name)
    expect(page.locator(f".ap-lane .ap-turn[data-turn='{name}'][data-picked=selected]")).to_be_visible()
    assert selected(page) == {"lane": [name], "bar": 1, "card": [name]}


def words_of(card):
    """The messages of the prompt that is open."""
    messages = card.locator(".ap-prompt[open] .ap-prompt-message")
    return [
        {"role": one.locator("b").text_content(), "content": one.locator("pre").text_content()}
        for one in messages.all()
    ]


def fact(page, what):
    return (
        page.get_by_test_id("card")
        .locator("dt", has_text=re.compile(f"^{what}$"))
        .locator("xpath=following-sibling::dd[1]")
    )


@pytest.fixture
def dark(jupyter):
    """Where JupyterLab's theme is set for pages that are opened later, and taken back."""
    path = jupyter.settings / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def complaints(page):
    """What our code says to the browser's console when something is wrong."""
    found = []
    page.on(
        "console",
        lambda said: found.append(said.text) if said.type == "error" and "blob:" in str(said.location) else None,
    )
    return found


@pytest.mark.usefixtures("keeps_widgets")
def test_a_turn_is_selected_everywhere_and_explained(open_notebook, page, kept, server, photo, dark, complaints):  # noqa: PLR0917
    """While the cell blocks, by mouse and by keyboard; prompt, tokens and cost are the log's; nothing is markup."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    server.rate, server.tokens = 400, 40
    hold = Hold(4)
    server.fault(Says(PLAN), times=1, contains=speaks("planner"))
    server.fault(hold, times=1, contains=speaks("critic"))
    notebook = open_notebook(team_cell("card", AGENTS, server, turns=2, price={"input": 2, "output": 8}))
    notebook.start(1)
    expect(notebook.lane("critic").locator(".ap-turn-text")).not_to_be_empty()
    pool = kept("card")

    told_while_the_cell_blocks(notebook, pool)
    photo("1-while-the-cell-blocks")
    page.get_by_role("button", name="Close the card").click()
    expect(page.get_by_test_id("card")).to_be_hidden()

    page.get_by_role("button", name="Turns", exact=True).click()
    page.get_by_test_id("turn-graph").get_by_role("button", name=re.compile("^critic#1, running")).click()
    selects(page, "critic#1")
    expect(fact(page, "state")).to_have_text("running")
    server.release(hold)
    notebook.ended(1)
    expect(fact(page, "state")).to_contain_text("finished")
    says_what_it_took(page, pool)
    page.locator(".ap-edge", has_text="critic#1 read planner#1").dispatch_event("click")
    expect(page.locator(".ap-lane .ap-turn[data-picked=read]")).to_have_attribute("data-turn", "planner#1")
    drawn = graph_is_the_traces(page, pool)
    photo("2-graph-of-turns")

    selected_by_keys(notebook)
    selected_in_timeline_and_graph_of_agents(notebook)
    looked_up_and_followed(page, pool)
    photo("3-card", page.get_by_test_id("card"))
    page.set_viewport_size({"width": 800, "height": 1000})
    photo("4-narrow", page.get_by_test_id("card"))

    # Saved, without the kernel of the run, and in the dark.
    page.set_viewport_size({"width": 1366, "height": 1000})
    notebook.save()
    dark.write_text(json.dumps({"theme": "JupyterLab Dark"}))
    notebook.server.end_kernels()
    notebook.server.give_kernel(notebook.name)
    notebook.open()
    knows_what_was_saved(page, drawn)
    photo("5-dark-without-kernel")
    assert not complaints


def told_while_the_cell_blocks(notebook, pool):
    """A click into the words of a turn selects it; its prompt is the log's to the letter, and what it said Markdown."""
    page, card = notebook.page, notebook.page.get_by_test_id("card")
    notebook.lane("planner").locator("strong", has_text="lease").click()
    selects(page, "planner#1")
    expect(card.locator(".ap-prompt")).to_have_count(1)
    expect(notebook.prompt(1)).to_have_text("[*]:")
    card.locator(".ap-prompt summary").click()
    expect(card.locator(".ap-prompt summary")).to_contain_text("exactly as it was sent")
    assert words_of(card) == ap.trace(pool, "planner#1").prompt.messages
    said = card.locator("[data-part=said]")
    expect(said.locator("strong", has_text="lease")).to_be_visible()
    expect(said).to_contain_text("$5 now and $6 later")
    expect(said).to_contain_text("<b>flour</b>")
    expect(card.locator("[data-part=spread]")).to_contain_text("critic#1")


def says_what_it_took(page, pool):
    """Tokens by what they were, cost and latencies, and what was read."""
    found = ap.trace(pool, "critic#1")
    usage = found.turn.usage
    tokens = f"^{usage.total:,} = prompt {usage.prompt:,} .*said {usage.completion:,}$"
    expect(fact(page, "tokens")).to_have_text(re.compile(tokens))
    assert float(fact(page, "cost").text_content().strip("$")) == pytest.approx(found.cost, rel=0.05)
    expect(fact(page, "latency")).to_have_text(f"first token {found.first_token:.2f} s · total {found.seconds:.2f} s")
    read = " ".join(turn.name for turn in found.seen)
    expect(page.locator("[data-part=read] p").first).to_have_text(f"It had read {len(found.seen)}: {read}")


def graph_is_the_traces(page, pool):
    """Each turn is a node and each reading an edge; returns what the edges are called."""
    graph, causes = page.get_by_test_id("turn-graph"), ap.trace(pool).causes
    expect(graph.locator(".ap-node")).to_have_count(len(causes.turns))
    names = {key: turn.name for key, turn in causes.turns.items()}
    edges = {f"{names[key]} read {names[cause]}" for key, own in causes.causes.items() for cause in own}
    expect(graph.locator(".ap-edge")).to_have_count(len(edges))
    assert set(graph.locator(".ap-edge > title").all_text_contents()) == edges
    return edges


def selected_by_keys(notebook):
    """From a turn to its card and back; along the graph; and the notebook takes none of the keys."""
    page, card = notebook.page, notebook.page.get_by_test_id("card")
    name = notebook.lane("treasurer").get_by_role("button", name="treasurer#1", exact=True)
    name.focus()
    page.keyboard.press("Enter")
    selects(page, "treasurer#1")
    expect(card.locator(".ap-card-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(name).to_be_focused()
    page.get_by_test_id("turn-graph").get_by_role("button", name=re.compile("^planner#1")).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    selects(page, "treasurer#1")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(notebook.cells).to_have_count(2)


def selected_in_timeline_and_graph_of_agents(notebook):
    """A bar stands for its turn, and does not lead to another moment; an agent stands for its latest turn."""
    page = notebook.page
    page.locator(".ap-row[data-agent=planner] .ap-bar-turn > .ap-bar-said").last.click()
    selects(page, "planner#2")
    expect(page.locator(".ap-now")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("card")).to_be_hidden()
    page.get_by_role("button", name="Agents", exact=True).click()
    notebook.graph_is_drawn()
    box = page.locator(".ap-graph-canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 34)  # three stand in a ring, the first at its top
    selects(page, "planner#2")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("card")).to_be_hidden()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 34)
    selects(page, "planner#2")


def looked_up_and_followed(page, pool):
    """What is like it; where words stand, from there to their turn; and its prompt on the clipboard."""
    card = page.get_by_test_id("card")
    card.get_by_role("button", name="Look up").click()
    found = ap.similar(pool, "planner#2")
    expect(card.locator("[data-part=alike]")).to_contain_text(f"{len(found)} found" if found else "Nothing alike")
    card.get_by_role("textbox", name="Words to follow").fill("an oven, before anything else is bought")
    card.get_by_role("button", name="Follow").click()
    expect(card.locator(".ap-card-places")).to_contain_text("stands in 1 turn")
    card.locator(".ap-card-places .ap-ref").click()
    selects(page, "planner#1")
    card.locator(".ap-prompt summary").click()
    card.get_by_role("button", name="Copy the system message").click()
    expect(card.locator(".ap-prompt-message .ap-copy").first).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == ap.trace(pool, "planner#1").prompt.messages[0]["content"]


def knows_what_was_saved(page, drawn):
    """The graph is the same; the card says what the page knows, and that the rest needs a kernel."""
    graph, card = page.get_by_test_id("turn-graph"), page.get_by_test_id("card")
    page.get_by_role("button", name="Turns", exact=True).click()
    expect(graph.locator(".ap-edge")).to_have_count(len(drawn))
    assert set(graph.locator(".ap-edge > title").all_text_contents()) == drawn
    graph.get_by_role("button", name=re.compile("^critic#1")).click()
    selects(page, "critic#1")
    expect(card.locator(".ap-card-note")).to_contain_text("%trace critic#1")
    expect(card.locator("[data-part=read]")).to_contain_text("It came from planner#1")
    expect(fact(page, "latency")).to_contain_text("total")
    expect(card.get_by_role("button", name="Look up")).to_be_disabled()
