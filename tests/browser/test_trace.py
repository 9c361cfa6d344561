"""Following words to their source, by clicks."""

from playwright.sync_api import expect

from tests.openai_server import Says

from .cells import team_cell

WRONG = "The rent of the corner shop is nine hundred euros a month."
AGENTS = {
    "planner": "Drafts the plan.",
    "critic": {"role": "Names its weakest point.", "listens": ["planner"]},
}


def test_a_phrase_is_followed_to_its_source(open_notebook, server, photo):
    """From a run to the turn that said it, from there to its prompt, as it was sent; nothing in it is markup."""

    server.fault(Says(f"We plan. {WRONG} <b>Cheap</b>."), contains="You are planner")
    server.fault(Says(f"So it is: {WRONG}"), contains="You are critic")
    notebook = open_notebook(
        team_cell("followed", AGENTS, server), "%trace", "%trace --text 'nine hundred euros a month'"
    )
    for cell in (1, 2, 3):
        notebook.run(cell)
    run = notebook.output(2)
    expect(run.locator("svg").first).to_be_visible()
    photo("1-run", run.last)
    phrase = notebook.output(3)
    expect(phrase.last).to_contain_text("It came in with planner#1")
    expect(phrase.last).to_contain_text("its own words")
    phrase.get_by_role("combobox").select_option(label="critic#1: planner#1")
    shown = phrase.locator(".agentpool-hits")
    expect(shown).to_contain_text("exactly as it was sent")
    expect(shown).to_contain_text("You are critic.")
    phrase.get_by_role("combobox").select_option(label="planner#1: its own words")
    expect(shown).to_contain_text("You are planner.")
    expect(shown).to_contain_text("<b>Cheap</b>")
    expect(shown.locator("svg")).to_be_visible()
    photo("2-source", shown)
