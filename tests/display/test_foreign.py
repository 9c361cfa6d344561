"""Texts of others: no terminal obeys them, and no page makes formulas of them."""

from __future__ import annotations

import pytest

from agentpool_jupyter import diff
from agentpool_jupyter.agents.runs.report import Report
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.display.changes import ChangedSection, Hunk, changes_to_html, changes_to_text
from agentpool_jupyter.display.console import Console
from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.display.hits import Hit, hits_html, hits_text
from agentpool_jupyter.display.note import Note, answer_html, prompts_html, remarks_html
from agentpool_jupyter.display.progress import ProgressBar
from agentpool_jupyter.display.screen import AgentView, RunView, State, TurnView
from agentpool_jupyter.display.still import Still
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.display.terminal import TextScreen
from agentpool_jupyter.history import history_graph
from agentpool_jupyter.pool import Document

EVIL = "from $5 to $9 \x1b]52;c;cm0=\x07 \x1b[2J\x1b]0;pwned\x07 \x9b2J \u202egnp\rover"
FIT = r"from $5 to $9 \x1b]52;c;cm0=\x07 \x1b[2J\x1b]0;pwned\x07 \x9b2J \u202egnp\rover"


def spoken(text):
    run = RunView(pool="bakery", reason=text)
    agents = [AgentView(name="ann", note=text)]
    return State(seq=0, run=run, agents=agents, turns=[TurnView(id="t", name="ann#1", agent="ann", text=text)])


def table_of(text):
    return Table((text,), [(text,)])


def in_terminal(text):
    lines = []
    TextScreen(Console(lines.append)).show_state(spoken(text), keep=True)
    return lines[0]


def hit(text):
    return Hit(text, text, 1.0, "resembles", 1.0, 1.0, text, text)


CHANGE = [ChangedSection("ann#1", "added", EVIL, [Hunk("added", EVIL)])]
SAID = {
    "a table": repr(table_of(EVIL)),
    "an empty table": repr(Table(("a",), [], empty=EVIL)),
    "a note": repr(Note(EVIL)),
    "a bar": repr(ProgressBar(EVIL, None)),
    "a picture": repr(Still(spoken(EVIL))),
    "changes": changes_to_text(EVIL, CHANGE),
    "hits": hits_text([hit(EVIL)], EVIL, [EVIL]),
    "a run in a terminal": in_terminal(EVIL),
}
DRAWN = {
    "a table": table_of(EVIL)._repr_html_(),
    "an empty table": Table(("a",), [], empty=EVIL)._repr_html_(),
    "a folded table": table_of(EVIL).folded_html("files", is_open=True),
    "a bar": ProgressBar(EVIL, None)._repr_html_(),
    "a picture": Still(spoken(EVIL))._repr_html_(),
    "changes": changes_to_html("head", [EVIL, CHANGE]),
    "hits": hits_html([hit(EVIL)], EVIL, [EVIL]),
    "an answer": answer_html(EVIL, EVIL, [EVIL]),
    "remarks": remarks_html([EVIL]),
    "prompts": prompts_html(EVIL, [(EVIL, [{"role": "user", "content": EVIL}])]),
}


@pytest.mark.parametrize("what", SAID)
def test_no_terminal_obeys_a_text(what):
    assert "pwned" in SAID[what]
    assert SAID[what] == printable(SAID[what])


@pytest.mark.parametrize("what", DRAWN)
def test_no_page_makes_formulas_of_amounts(what):
    """MathJax 3 passes over the one class, MathJax 2 over the other; both say so at the root."""
    root, outside = "mathjax_ignore tex2jax_ignore", DRAWN[what].partition('<div class="mathjax_ignore')[0]
    assert root in DRAWN[what]
    assert "$" not in outside


def test_a_pool_is_shown_so_too(pool, capsys):
    from IPython.core.formatters import DisplayFormatter

    pool.post(EVIL)
    report = Report(Document(), TeamSpec(task="t", agents=(AgentSpec(name="ann"),)), "r", [EVIL])
    for thing in (pool.document(), history_graph(pool), diff(pool, "-1"), report):
        data, _ = DisplayFormatter().format(thing)
        assert "pwned" in data["text/plain"]
        assert data["text/plain"] == printable(data["text/plain"])
        assert "$" not in data["text/html"].partition("mathjax_ignore")[0]


def test_what_is_text_stays_as_it_is():
    """Tabs, lines, other alphabets and marks of their direction; a line that ends as on Windows ends like others."""
    assert printable(EVIL) == FIT
    kept = "a\tb\nשלום \u200fעולם 🍰 é नमस्ते"  # noqa: RUF001 - on purpose
    assert printable(kept) == kept
    assert printable("a\r\nb\ud800") == "a\nb\\ud800"
