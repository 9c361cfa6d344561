"""Texts cut into thoughts, and the part of a text that is alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.recall.text.shingles import shingles, tokens
from agentpool_jupyter.recall.text.thoughts import LEAST, MOST, around, thoughts

LEASE = "The oven lease comes first, because nothing bakes without an oven."
RENT = "The rent is due in May, and it has to be paid in cash."
CHINESE = "\u5148\u306b\u7d75\u66ff\u3048\u306e\u6599\u7406\u3092\u4f5c\u308b\u3002"
texts = st.text(st.sampled_from("ab c.!?\n\u663c\u3002\u0e01é")) | st.text()


@given(texts)
def test_thoughts_together_are_the_text(text):
    """Nothing is lost, and none but an only one is too short to be asked about."""
    parts = thoughts(text)
    assert "".join(parts) == text
    assert len(parts) == 1 or all(len(tokens(part)) >= LEAST for part in parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"{LEASE} {RENT}", [f"{LEASE} ", RENT]),
        (f"{LEASE}\n{RENT}\n", [f"{LEASE}\n", f"{RENT}\n"]),
        (f"I agree. {LEASE} So it is. Yes.", [f"I agree. {LEASE} So it is. Yes."]),
        (f"{LEASE} I agree. {RENT}", [f"{LEASE} ", f"I agree. {RENT}"]),
        (CHINESE * 2, [CHINESE, CHINESE]),
        ("", []),
    ],
)
def test_sentences_and_lines_are_thoughts(text, parts):
    """Short ones belong to the next, or, at the end, to the one before."""
    assert thoughts(text) == parts


def test_a_text_without_full_stops_is_cut_between_words():
    parts = thoughts("bread and butter " * 100)
    assert len(parts) > 3
    assert all(len(part) <= MOST + LEAST * 7 and part.endswith(" ") for part in parts)


@given(st.lists(st.sampled_from([LEASE, RENT, "Filler. ", "Words that nobody asked about stand here in a row. "])))
def test_what_is_shown_of_a_text_stands_in_it(parts):
    """It begins where it says, and is about as long as it may be."""
    text = " ".join(parts)
    found = around(text, shingles(LEASE), 100)
    shown = found.text.removeprefix("[…] ").removesuffix(" […]")
    assert text[found.start :].startswith(shown)
    assert len(shown) <= max(100, MOST + LEAST * 7)
    if LEASE in parts:
        assert LEASE in shown


def test_what_is_shown_is_the_part_that_is_alike_with_what_stands_about_it():
    filler = "Words that nobody asked about stand here in a row. "
    text = filler * 20 + LEASE + " " + filler * 20
    found = around(text, shingles(LEASE), 300)
    assert found.text.startswith("[…] ")
    assert found.text.endswith(" […]")
    assert LEASE in found.text
    assert 200 < len(found.text) < 320
