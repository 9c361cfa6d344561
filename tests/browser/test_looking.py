"""What of a run one looks at: found, chosen, copied, and followed only by who is at its end."""

import re

from playwright.sync_api import expect

from .cells import THREE, team_cell
from .notebook_page import grow


def test_what_was_said_is_searched_chosen_and_copied(open_notebook, page, kept, server, photo):
    """Keys that are pressed in it do not reach the notebook."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    server.rate, server.tokens = 500, 30
    notebook = open_notebook(team_cell("looked", THREE, server))
    notebook.run(1)
    expect(notebook.status()).to_contain_text("finished")
    turns = kept("looked").document().turns
    word = next(word for word in turns[0].text.split() if word not in turns[1].text + turns[2].text)
    page.get_by_role("button", name="Document").click()
    page.locator(".ap-document-text").click()
    page.keyboard.press("/")
    page.keyboard.type(word)
    shown = page.locator(".ap-document .ap-turn")
    expect(shown).to_have_count(1)
    expect(page.locator(".ap-found")).to_have_text("1 of 3 turns")
    assert page.evaluate("[...CSS.highlights.get('agentpool-found')].map(String)")[0] == word
    photo("1-found", page.locator(".ap-document-text"))
    page.keyboard.press("Escape")
    expect(shown).to_have_count(3)
    page.locator(".ap-name[data-name=critic]").click()
    expect(shown).to_have_count(2)
    page.get_by_role("button", name="Copy what is shown, as Markdown").click()
    copied = "\n\n".join(f"### {turn.name}\n\n{turn.text.strip()}" for turn in turns if turn.agent != "critic")
    assert page.evaluate("navigator.clipboard.readText()") == copied
    expect(notebook.cells).to_have_count(2)


def test_a_lane_follows_its_end_only_while_one_is_there(open_notebook, page, server, photo):
    """Who reads further up is left there, and told how much is new, and where it begins."""
    server.rate, server.tokens = 100, 150
    notebook = open_notebook(team_cell("followed", {"ann": "Talks.", "ben": "Talks, too."}, server, turns=4))
    notebook.start(1)
    whole, lane = page.get_by_test_id("lane-ann"), notebook.lane("ann")
    box, back = whole.locator(".ap-lane-text"), whole.locator(".ap-latest")
    page.wait_for_function("box => box.scrollTop > 100", arg=box.element_handle())
    box.hover()
    page.mouse.wheel(0, -50)
    expect(back).to_be_visible()
    top = box.evaluate("box => box.scrollTop")
    grow(lane)
    assert box.evaluate("box => box.scrollTop") == top
    expect(back).to_have_text(re.compile("↓ [1-9] new"))
    photo("1-held")
    back.click()
    expect(back).to_be_hidden()
    expect(lane.locator("[data-new]")).to_have_count(1)
    photo("2-back")
    notebook.ended(1)
    assert box.evaluate("box => box.scrollHeight - box.clientHeight - box.scrollTop") < 2
