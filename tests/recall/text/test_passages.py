"""Long texts in overlapping passages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.recall.text.passages import SIZE, STEP, passages

long_texts = st.builds(
    lambda parts, times: "".join(parts) * times,
    st.lists(st.text("ab \n", max_size=300), max_size=30),
    st.integers(1, 8),
)


def test_a_short_text_is_one_passage():
    assert list(passages("a\nb")) == [(0, 1, "a\nb")]


def test_a_blank_text_has_none():
    assert list(passages(" \n ")) == []


@given(long_texts)
def test_a_passage_says_where_it_stands(text):
    """Each is a stretch of the text, on the line that it names, and none is longer than it should be."""
    for start, line, part in passages(text):
        assert text[start : start + len(part)] == part
        assert line == text.count("\n", 0, start) + 1
        assert len(part) <= SIZE


@given(long_texts, st.data())
def test_what_is_short_stands_whole_in_one(text, data):
    """Any stretch as long as the overlap is inside some passage, unless it is blank."""
    found = list(passages(text))
    start = data.draw(st.integers(0, max(0, len(text) - 1)))
    stretch = text[start : start + SIZE - STEP - 200]
    whole = any(at <= start and start + len(stretch) <= at + len(part) for at, _, part in found)
    assert whole or not stretch.strip()


def test_ten_megabytes_without_a_break():
    parts = list(passages("x" * 10_000_000))
    assert 9_000 < len(parts) < 11_000
    assert max(len(part.text) for part in parts) == SIZE
