"""The best matches, gathered a few at a time, are those of all at once."""

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.recall.backends.items import Item, Source
from agentpool_jupyter.recall.matches import Found
from agentpool_jupyter.recall.ranking import _Best


def plainly(found, k):
    """From the best down, whatever overlaps nothing that is better."""
    kept = []
    for one in sorted(found, key=lambda one: (-one.score, -one.id)):
        if not any(one.item.overlaps(other.item) for other in kept):
            kept.append(one)
    return kept[:k]


places = st.tuples(st.sampled_from(["pool:a", "file:b", "file:c"]), st.sampled_from("01"), st.integers(0, 5))
finds = st.lists(st.tuples(places, st.sampled_from([0.2, 0.5, 1.0])), max_size=30, unique_by=lambda one: one[0])


@given(finds, st.integers(1, 5))
def test_what_comes_at_once(made, k):
    """Of passages that overlap only the best, of equals the newest first."""
    best = _Best(k)
    found = [
        Found(score, number, Item(source=Source(source), key=key, part=part, text=""), "resembles", score, score)
        for number, ((source, key, part), score) in enumerate(made)
    ]
    best.take(found)
    expected = plainly(found, k)
    assert best.found == expected
    assert best.least == (expected[-1].score if len(expected) == k else 0.0)


@given(finds, st.integers(1, 40))
def test_what_comes_bit_by_bit(made, k):
    """Where nothing overlaps, in whatever order it comes."""
    best, found = _Best(k), []
    for number, (_, score) in enumerate(made):
        item = Item(source=Source("pool:a"), key=f"{number}", text="")
        found.append(Found(score, number, item, "resembles", score, score))
        best.take(found[-1:])
    assert best.found == plainly(found, k)


def test_what_is_found_twice_is_there_once():
    """With its better score: two texts of a query may find one passage."""
    item = Item(source=Source("pool:a"), key="t", text="")
    best = _Best(3)
    for score in (0.5, 0.9, 0.9, 0.2):
        best.take([Found(score, 7, item, "resembles", score, score)])
    assert [one.score for one in best.found] == [0.9]
