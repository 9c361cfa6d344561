"""A turn's deltas and the text that they are."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.pool.events import Delta
from agentpool_jupyter.pool.gather import Gathered, as_one

from .strategies import WORDS


def delta(seq, text, folded=0):
    return Delta(id="d", turn="t", seq=seq, text=text, folded=folded)


def gathered(deltas):
    result = Gathered()
    for one in deltas:
        result.add(one)
    return result


@st.composite
def deliveries(draw):
    """The deltas of a turn and what compactions made of them, in any order, some often and some never."""
    whole = [delta(seq, text) for seq, text in enumerate(draw(st.lists(WORDS, min_size=1, max_size=8)))]
    written = list(whole)
    stood = list(whole)
    for _ in range(draw(st.integers(0, 3))):  # one compaction after the other: neighbours become one
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(stood) - 1)] * 2)))
        stood[first : last + 1] = [as_one(stood[first : last + 1])]
        written.append(stood[first])
    return [one.text for one in whole], draw(st.lists(st.sampled_from(written), max_size=16))


@given(deliveries(), st.data())
def test_any_order_of_duplicates_and_any_split_give_the_same_text(delivery, data):
    texts, deltas = delivery
    here = sorted({number for one in deltas for number in one.numbers})
    said = "".join(texts[number] for number in here)
    assert gathered(deltas).so_far() == said
    cuts = sorted(data.draw(st.lists(st.integers(0, len(deltas)), max_size=3)))
    joined = Gathered()
    for start, stop in zip([0, *cuts], [*cuts, len(deltas)], strict=True):
        later = gathered(deltas[start:stop])
        before = msgspec.json.encode(later)
        joined.add_all(later)
        assert msgspec.json.encode(later) == before
    assert joined == gathered(deltas)
    joined.settle(len(texts))
    assert (joined.so_far(), joined.text is None) == (said, len(here) < len(texts))


def test_adding_tells_whether_it_said_anything_new():
    found = gathered([delta(0, "a"), delta(1, "b")])
    more = (delta(0, "a"), delta(0, "ab", 2), delta(0, "ab", 2), delta(1, "b"))
    assert [found.add(one) for one in more] == [False, True, False, False]
    assert found.parts == {0: "ab", 1: ""}


def test_a_gap_is_passed_over_until_what_is_missing_comes():
    found = gathered([delta(0, "a"), delta(2, "c")])
    assert found.so_far() == "ac"
    found.settle(3)
    assert found.text is None
    found.add(delta(1, "b"))
    assert found.so_far() == "abc"
