"""What agents write is Markdown, and people see it as such: while it grows, in the end, and in every reading of it."""

import pytest
from playwright.sync_api import expect

from tests.openai_server import Hold, Says
from tests.teams import speaks

from .cells import team_cell

PLAN = """## Opening plan

The **lease** comes *first*: [the office](https://lease.example/form) wants $5 now and $6 later.

- Flour at `0.90` a kilo
  - rye, and *wheat*
- An oven

| what | cost | when |
|:-----|-----:|------|
| rent | 900 | each month |
| oven | 4,200 | once |

> Nothing bakes without an oven.

```python
def cost(months: int) -> int:
    "What it costs."  # in dollars
    return 4_200 + 900 * months
```

![the oven](https://spy.example/oven.png) and <script>window.broken = 1</script>

1. Sign.
2. Open.
"""
CRITIC = "The plan forgets **permits**.\n\n1. Health: six weeks\n2. Fire: three weeks\n\n" + "It is late. " * 30
AGENTS = {"planner": "Drafts the plan.", "critic": "Names its weakest point."}


@pytest.fixture
def server(server):
    """A model that writes Markdown, at a pace at which one can watch."""
    server.rate = 20
    server.fault(Says(CRITIC), times=None, contains=speaks("critic"))
    return server


def shows_the_plan(place):
    """Everything of it is there as what it is, and nothing of it as signs."""
    for tag, text in (
        ("strong", "lease"),
        ("li li", "rye, and wheat"),
        ("td", "4,200"),
        ("blockquote", "Nothing bakes"),
        ("pre code", "return 4_200 + 900 * months"),
        ("ol > li", "Open."),
    ):
        expect(place.locator(tag, has_text=text).first).to_be_visible()
    expect(place.locator("a", has_text="the office").first).to_have_attribute("href", "https://lease.example/form")
    expect(place).to_contain_text("the office (https://lease.example/form) wants $5 now and $6 later")
    expect(place).to_contain_text(
        "image: the oven (https://spy.example/oven.png) and <script>window.broken = 1</script>"
    )
    # The one image is the graph that we drew.
    expect(place.locator("img:not([src^='data:image/svg+xml']), script, mjx-container")).to_have_count(0)


@pytest.mark.parametrize("front_end", ["lab", pytest.param("notebooks", marks=pytest.mark.nightly)])
def test_markdown_is_seen_while_it_grows_and_wherever_it_is_read(open_notebook, page, server, photo, front_end):
    """In lanes, document, final picture, ``%pool``, ``%diff`` and ``%similar``; nothing is asked of another host."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    name = f"marked-{front_end}"
    after = ["%pool", "%diff 0", "%similar The lease comes first, the office wants $5 now and $6 later"]
    notebook = open_notebook(team_cell(name, AGENTS, server), *after, front_end=front_end)
    in_the_table = Hold(PLAN.index("| oven") // 4, PLAN)
    server.fault(in_the_table, times=None, contains=speaks("planner"))
    notebook.start(1)
    lane = notebook.lane("planner")
    expect(lane.locator("td", has_text="rent")).to_be_visible()
    expect(lane.locator("[data-turn='planner#1']")).to_have_attribute("data-status", "running")
    photo("1-table", notebook.output(1).first)
    server.release(in_the_table)
    expect(lane.locator("pre code", has_text="def cost")).to_be_visible()
    photo("2-code", notebook.output(1).first)
    notebook.page.get_by_role("button", name="Document").click()
    photo("3-document", notebook.output(1).first)
    server.rate = 1000
    notebook.ended(1)
    shows_the_plan(notebook.output(1).locator(".ap-document").first)
    photo("4-ended", notebook.output(1).first)
    for index in (2, 3, 4):
        notebook.run(index)
        if index == 4:
            for folded in notebook.output(index).locator("summary:visible").all():
                folded.click()
        photo(f"{index + 3}-{after[index - 2][1:5]}", notebook.output(index).first)
        shows_the_plan(notebook.cells.nth(index).locator(".jp-OutputArea"))
    notebook.save()
    notebook.open_without_kernel()
    shows_the_plan(notebook.picture(1))
    photo("8-no-kernel", notebook.picture(1))
    assert not [url for url in asked if ".example" in url]
    assert page.evaluate("window.broken") is None
