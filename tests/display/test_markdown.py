"""Markdown as agents write it: shown as Markdown, and harmless whatever is in it.

The fixtures, ``markdown.json``, are also read by ``labextension/test/markdown.test.ts``.
"""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.display.changes import ChangedSection, Hunk, changes_to_html
from agentpool_jupyter.display.hits import Hit, hit_html
from agentpool_jupyter.display.markdown import LONGEST, markdown_html, markdown_words

from .reader import Reader

FIXTURES = json.loads(Path(__file__).with_name("markdown.json").read_text("utf-8"))
TAGS = {"a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "small", "strong", "ul"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"aria-level", "class", "href", "rel", "role", "start", "style", "target"}
MARKUP = st.sampled_from(["#", "*", "_", "`", "~", "[", "]", "(", ")", "<", ">", "|", "-", "!", "\\", "&", "\n", " "])
WORDS = st.sampled_from(["http://a.b", "javascript:x", "data:x", "<img src=x>", "onerror=", '"', "'", "é", "🥐", "1."])
HOSTILE = {
    "a line of a megabyte": "word " * 200_000,
    "a line of brackets": "[" * 1_000_000,
    "a paragraph of brackets": ("[" * 500 + "\n") * 2_000,
    "deep quotes": ">" * 50_000,
    "deep lists": "+ " * 50_000,
    "many stars": "*a " * 300_000,
    "many images": "![" * 500_000,
}


def bare(html):
    """Without lines of the markup itself, which nobody sees, and without what the page's style sheet does there."""
    html = re.sub(r"(?<=>)\n|\n(?=<(?!/code))", "", html)
    return re.sub(r'(<pre|<code|aria-level="\d") style="[^"]*"', r"\1", html)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture["name"])
def test_a_text_is_shown_as_the_fixture_says(fixture):
    assert bare(markdown_html(fixture["text"])) == fixture["html"]


@given(st.lists(MARKUP | WORDS | st.text(max_size=5), max_size=60))
def test_no_text_makes_an_element_that_does_something(pieces):
    """What is drawn is of a few kinds, loads nothing, and leads to the web or a mailbox only."""
    html = markdown_html("".join(pieces))
    page = Reader(html)
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert all(re.match("(?i)https?://|mailto:", address) for address in re.findall('href="([^"]*)"', html))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_that_would_take_too_long_is_shown_as_it_was_written(text):
    """The paragraph that is too long, that is: signs in it are not looked for."""
    page = Reader(markdown_html(f"before **it**\n\n{text}"))
    assert text.split() == page.text.removeprefix("before it").split()
    assert "strong" in page.tags


def test_a_paragraph_of_the_most_characters_is_still_markdown():
    longest = "**" + "é" * (LONGEST - 4) + "**"
    assert "strong" in Reader(markdown_html(longest)).tags
    assert "strong" not in Reader(markdown_html(longest + "é")).tags


def test_changes_show_markdown_where_all_of_a_text_is_new():
    """Where words changed within, the text is shown as it was written: a mark may stand in the midst of a sign."""
    new = changes_to_html("", [[ChangedSection("ann#1", "added", "", [Hunk("added", "**Bread**")], markdown=True)]])
    assert {"ins", "strong", "p"} <= Reader(new).tags
    hunks = [Hunk("same", "**Bread"), Hunk("added", " and butter"), Hunk("same", "**")]
    changed = changes_to_html("", [[ChangedSection("ann#1", "changed", "", hunks, markdown=True)]])
    assert "**Bread and butter**" in Reader(changed).text
    file = changes_to_html("", [[ChangedSection("file a.py", "added", "", [Hunk("added", "a**b")])]])
    assert "a**b" in Reader(file).text


def test_a_hit_is_markdown_where_an_agent_said_it():
    said, scores = "# Plan\n\nThe **lease** first.", (1.0, "resembles", 1.0, 1.0)
    assert "The lease first." in Reader(hit_html(Hit(said, said, *scores, "ann#1", "", markdown=True))).text
    assert said in Reader(hit_html(Hit(said, said, *scores, "plan.py:1", ""))).text


def test_an_excerpt_is_told_in_words_without_signs():
    said = (
        "## Plan\n\nThe **lease** [first](https://a.b),\nthen `it`.\n\n- one\n\n```\nx = 1\n```\n| a | b |\n|---|---|"
    )
    assert markdown_words(said) == "Plan The lease first, then it. one x = 1 a b"
