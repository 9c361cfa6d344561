"""What two texts are compared by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.recall.text.shingles import containment, jaccard, normalise, shingles, tokens

sets = st.frozensets(st.text(max_size=3))


def test_prose_is_pairs_of_words():
    assert shingles("The oven, the lease!") == {"the oven", "oven the", "the lease"}


def test_punctuation_line_breaks_and_case_change_nothing():
    assert shingles("First: the\n  OVEN lease.") == shingles("first the oven lease")


def test_code_keeps_its_names_whole():
    assert tokens("def top_up(oven_2): return self.lease*2") == [
        "def",
        "top_up",
        "oven_2",
        "return",
        "self",
        "lease",
        "2",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\uff46\uff55\uff4c\uff4c\u3000w", "full w"),
        ("ﬁne oﬀer", "fine offer"),
        ("Straße ein", "STRASSE ein"),
        ("cafe\u0301 au", "café AU"),
        ("bak\u00adery and co\u200bpy", "bakery and copy"),
        ("\ufeffthe \u202aoven\u202c\u200e is\ufe0f \u2060hot", "the oven is hot"),
        ("the\u00a0oven\u202fis hot", "the oven is hot"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0646\u0627\u0646",
            "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645 \u0646\u0627\u0646",
        ),
        ("\x1b[1;31mthe oven\x1b[0m is hot", "the oven is hot"),
        ("the neigh-\nbour\u00ad\r\n  hood bak\u2010 \nery", "the neighbourhood bakery"),
        ("THE NEIGH-\nBOUR", "the neighbour"),
    ],
)
def test_what_looks_the_same_is_the_same(one, other):
    assert shingles(one) == shingles(other)


@pytest.mark.parametrize(
    "text", ["the well-known oven", "Anti-\nAmerican oven", "- the\n- oven", "in 1990-\n1995 -\nthen"]
)
def test_hyphens_that_are_not_at_the_end_of_a_broken_word_separate(text):
    """Nor does a capital letter go on with a word."""
    assert shingles(text) == shingles(text.replace("-", " "))


@given(st.text(st.sampled_from("ab\u00e9-\n \u00ad\u200b\u3164\x1b[m\ud83d\u0345")))
def test_normalising_twice_is_once(text):
    """But where taking away makes a broken word, as two orders to a terminal within each other do."""
    once = normalise(text)
    if not ({"-", "\x1b"} & set(text)):
        assert normalise(once) == once


def test_scripts_without_spaces_are_compared_by_three_characters():
    """So that a sentence of Chinese, Japanese or Thai is more than one word."""
    assert "我 们 先" in shingles("我们先租烤箱")
    assert jaccard(shingles("我们先租烤箱\uff0c然后买面粉"), shingles("我们先租烤箱\uff0c然后买糖")) > 0.5
    assert jaccard(shingles("昼のパンを焼く前に窯を借りる"), shingles("昼のパンを焼く前に窯を買う")) > 0.5
    assert len(shingles("เราเช่าเตาอบก่อนแล้วซื้อแป้ง")) > 10


def test_marks_belong_to_their_words():
    """Hindi and vowelled Arabic are written with spaces, and with marks that are no letters."""
    assert tokens("रोटी की दुकान") == ["रोटी", "की", "दुकान"]
    assert tokens("كِتَابٌ جديد") == ["كِتَابٌ", "جديد"]


def test_hangul_has_words():
    assert tokens("빵집 오븐") == ["빵집", "오븐"]


def test_mixed_text_has_both():
    assert {"the oven", "烤 箱 is", "is new"} <= shingles("the oven 烤箱 is new")


@pytest.mark.parametrize("blank", ["", " ", "\n\t \u3000"])
def test_a_blank_text_has_none(blank):
    assert shingles(blank) == frozenset()


@pytest.mark.parametrize("word", ["oven", "Oven!", " OVEN\n"])
def test_one_word_is_one_shingle(word):
    assert shingles(word) == {"oven"}


def test_a_text_of_signs_is_its_signs():
    assert shingles("=> 🍞") == {"= >", "> 🍞"}


@given(st.text())
def test_only_a_blank_text_has_none(text):
    """Whatever the text is, it does not fail, and it is empty only where nothing is to be seen."""
    assert bool(shingles(text)) == bool("".join(tokens(text)))


@given(sets, sets)
def test_the_laws_of_jaccard_and_containment(one, other):
    """Both lie between 0 and 1, and nothing resembles more than it is contained."""
    assert jaccard(one, other) == jaccard(other, one)
    assert 0 <= jaccard(one, other) <= containment(one, other) <= 1
    assert jaccard(one, one) == containment(one, one) == (1.0 if one else 0.0)


def test_ten_megabytes():
    assert len(shingles("the oven lease comes first " * 400_000)) == 5
