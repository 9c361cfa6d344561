"""What both kinds of backend promise."""

import numpy as np
import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import IndexUnavailableError
from agentpool_jupyter.recall import RecallIndex, similar
from agentpool_jupyter.recall.backends.backend import Bulk
from agentpool_jupyter.recall.backends.buckets import postings
from agentpool_jupyter.recall.backends.items import Item, file_source, pool_source
from agentpool_jupyter.recall.matches import Search
from agentpool_jupyter.recall.ranking import candidates, find
from agentpool_jupyter.recall.text.shingles import shingles
from agentpool_jupyter.recall.text.signatures import sign_texts

LEASE = "the oven lease comes first because nothing bakes without an oven"
BAKERY = pool_source("bakery")


def items(*texts, source=BAKERY):
    return [Item(source=source, key=f"t{i}", text=text) for i, text in enumerate(texts)]


def texts(backend, query, question="both", threshold=0.5):
    return [one.item.text for one in find(backend, [query], Search(question, threshold, 10, lambda _: True))]


@pytest.mark.parametrize("question", ["resembles", "contained", "both"])
def test_what_is_put_is_found(backend, question):
    backend.put(BAKERY, b"m1", items(LEASE, "jam is red"))
    assert texts(backend, LEASE, question) == [LEASE]
    assert (len(backend), backend.mark(BAKERY), backend.sources()) == (2, b"m1", [BAKERY])


def test_putting_twice_changes_nothing(backend):
    """Only the mark moves on."""
    backend.put(BAKERY, b"m1", items(LEASE))
    backend.put(BAKERY, b"m2", items("something else", "jam is red"))
    assert texts(backend, LEASE) == [LEASE]
    assert texts(backend, "something else") == []
    assert (len(backend), backend.mark(BAKERY)) == (2, b"m2")


def bulk(made, mark=b"m2", source=BAKERY):
    """What a job makes of items."""
    signed = sign_texts([item.text for item in made])
    kinds = {}
    for kind in ("bands", "shingles"):
        keys = [getattr(one, kind) for one in signed]
        places = np.repeat(np.arange(len(made), dtype=np.uint32), [len(one) for one in keys])
        kinds[kind] = np.sort(postings(np.concatenate(keys), places))
    return Bulk(source, made, [one.hashes for one in signed], **kinds, settle=lambda _: mark)


def test_what_a_job_has_made_stands_among_the_rest(backend):
    """Put before, between and after; asked at the end, or all the time; what is there already stays."""
    notes = file_source("/notes.md")
    said = [f"{LEASE} says number {word}" for word in ("one", "two", "three", "four", "five", "six")]
    for asked in ("never", "always"):
        for number, text in enumerate(said):
            item = Item(source=BAKERY, key=f"t{number}", text=text)
            if number % 2:
                backend.put_bulk(bulk([Item(source=BAKERY, key="t0", text="something else"), item]))
            else:
                backend.put(BAKERY, b"m1", [item])
            if asked == "always":
                for question in ("resembles", "contained"):
                    assert sorted(texts(backend, LEASE, question)) == sorted(said[: number + 1])
        for question in ("resembles", "contained", "both"):
            assert sorted(texts(backend, LEASE, question)) == sorted(said)
            assert texts(backend, "something else", question) == []
        assert (len(backend), backend.mark(BAKERY)) == (6, b"m2")
        backend.drop(BAKERY)
        assert texts(backend, LEASE, "resembles") == texts(backend, LEASE) == []
    backend.put(notes, b"m1", items("jam is red", source=notes))
    assert texts(backend, "jam is red") == ["jam is red"]


def test_the_mark_that_a_job_sets_depends_on_the_one_that_is_there(backend):
    """Where it may not be set, nothing is put."""

    def settle(mark):
        if mark == b"m9":
            message = "the mark has moved"
            raise IndexUnavailableError(message)
        return (mark or b"") + b"+"

    made = bulk(items(LEASE))._replace(settle=settle)
    backend.put_bulk(made)
    assert backend.mark(BAKERY) == b"+"
    backend.put_bulk(made)
    assert backend.mark(BAKERY) == b"++"
    backend.put(BAKERY, b"m9", [])
    made = bulk(items("jam is red", "bread is brown"))._replace(settle=settle)
    with pytest.raises(IndexUnavailableError, match="has moved"):
        backend.put_bulk(made)
    assert (backend.mark(BAKERY), len(backend)) == (b"m9", 1)


def test_an_empty_shelf_finds_nothing(backend):
    assert texts(backend, LEASE, "resembles") == texts(backend, LEASE) == []
    assert (len(backend), backend.mark(BAKERY), backend.sources(), backend.places()) == (0, None, [], [])


def test_what_is_dropped_is_gone_and_may_come_again(backend):
    backend.put(BAKERY, b"m1", items(LEASE))
    backend.put(file_source("/notes.md"), b"m1", items(f"{LEASE} too", source=file_source("/notes.md")))
    assert len(texts(backend, LEASE)) == 2
    backend.drop(BAKERY)
    assert texts(backend, LEASE) == texts(backend, LEASE, "resembles") == [f"{LEASE} too"]
    assert (backend.mark(BAKERY), len(backend)) == (None, 1)
    backend.put(BAKERY, b"m1", items(LEASE))
    assert texts(backend, LEASE) == [LEASE, f"{LEASE} too"]


def test_blank_items_are_no_trouble(backend):
    backend.put(BAKERY, b"m1", items("", " ", LEASE))
    assert texts(backend, LEASE) == [LEASE]


def test_clearing_keeps_the_patterns_and_says_why(backend):
    backend.put(BAKERY, b"m1", items(LEASE))
    backend.set_places(["/docs/*.md"])
    backend.clear("was damaged (a test)")
    assert (len(backend), backend.sources(), backend.places()) == (0, [], ["/docs/*.md"])
    assert "was damaged (a test)" in backend.notes[-1]
    backend.put(BAKERY, b"m1", items(LEASE))
    assert texts(backend, LEASE) == [LEASE]


def test_ids_keep_their_order(backend):
    backend.put(BAKERY, b"m1", items("one two", "three four", "five six"))
    ids = [number for text in ("one two", "five six") for _, number in candidates(backend, shingles(text), "both", 0.5)]
    assert [item.text for _, item in backend.fetch([ids[1], 10**6, ids[0]])] == ["five six", "one two"]
    assert backend.fetch([]) == []


def test_candidates_come_with_a_bound_that_holds(backend):
    """No score is above it, and the best come first."""
    backend.put(BAKERY, b"m1", items("a b c d", "a b x d e", "a b"))
    bounds = [bound for bound, _ in candidates(backend, shingles("a b c d"), "contained", 0.1)]
    assert bounds == [1.0, pytest.approx(1 / 3), pytest.approx(1 / 3)]


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_two_indexes_share_one_shelf(kind, pool, tmp_path, request):
    """What one has taken in the other finds at once, and neither takes it in twice."""
    address = tmp_path / "shared.index" if kind == "sqlite" else request.getfixturevalue("redis_url")
    with RecallIndex(pool.store, address) as one, RecallIndex(pool.store, address) as other:
        pool.post(LEASE)
        assert len(similar(pool, LEASE, index=one)) == 1
        with open_pool("bakery") as again:
            again.post(f"{LEASE} again")
            assert len(similar(again, LEASE, index=other)) == 2
        assert len(similar(pool, LEASE, index=one)) == 2
        assert len(one.backend) == len(other.backend) == 2


def test_what_is_expected_is_known_before_it_is_there(backend):
    """A mark that is there stays."""
    notes, more = file_source("/notes.md"), file_source("/more.md")
    backend.put(notes, b"m1", items(LEASE, source=notes))
    backend.expect([notes, more])
    assert (backend.sources(), backend.mark(notes), backend.mark(more)) == ([more, notes], b"m1", b"")
    assert len(backend) == 1


def test_what_is_emptied_is_still_known(backend):
    notes = file_source("/notes.md")
    backend.put(notes, b"m1", items(LEASE, source=notes))
    backend.put(BAKERY, b"m1", items("jam is red"))
    backend.empty(notes)
    assert (backend.sources(), backend.mark(notes)) == ([notes, BAKERY], b"")
    assert (texts(backend, LEASE), texts(backend, "jam is red")) == ([], ["jam is red"])


def test_several_are_dropped_at_once(backend):
    notes = file_source("/notes.md")
    backend.put(notes, b"m1", items(LEASE, source=notes))
    backend.put(BAKERY, b"m1", items("jam is red"))
    backend.drop(notes, BAKERY, file_source("/unknown.md"))
    backend.drop()
    assert (backend.sources(), len(backend)) == ([], 0)
