"""Files of a pool: versions in the log, at every position, on both stores."""

import threading

import pytest

from agentpool_jupyter import compact, export_pool, fold, import_pool, open_pool, snapshot
from agentpool_jupyter.errors import FileChangedError, LogCorruptError, UserError
from agentpool_jupyter.pool.events import Claim, File, FilePiece
from agentpool_jupyter.pool.files.packing import LARGEST, PIECE, digest_of_contents
from tests.programs import at_once, output
from tests.teams import of_type, say

BYTES = bytes(range(256))


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def url(request, store):
    """The address of an empty store of each kind."""
    return str(store) if request.param == "sqlite" else request.getfixturevalue("kafka_url")


def texts(document):
    return {path: file.text for path, file in document.files.items()}


def test_a_file_is_there_at_every_position_as_it_was(url):
    with open_pool("bakery", url) as pool:
        first = pool.write_file("recipes/bread.md", "flour", agent="ann")
        pool.post("Salt?")
        second = pool.write_file("recipes/bread.md", "flour, salt", agent="ben")
        pool.write_file("crumb.bin", BYTES)
        pool.delete_file("crumb.bin")
        assert texts(pool.document(at=first.offset)) == texts(pool.document(at=1)) == {"recipes/bread.md": "flour"}
        assert texts(pool.document()) == {"recipes/bread.md": "flour, salt"}
        assert pool.document(second.offset + 1).files["crumb.bin"].data == BYTES
        assert pool.document(at=0).files["recipes/bread.md"] == first
        found = pool.document().files["recipes/bread.md"]
        assert (found.number, found.agent, found.size, found.offset) == (2, "ben", 11, second.offset)
        assert found.digest == digest_of_contents(b"flour, salt")
    with open_pool("bakery", url) as pool:
        assert texts(pool.document()) == {"recipes/bread.md": "flour, salt"}


def test_a_rollback_takes_files_back_and_undo_brings_them_again(url):
    with open_pool("bakery", url) as pool:
        pool.write_file("bread.md", "flour")
        say(pool, "Add salt.")
        pool.write_file("bread.md", "flour, salt")
        pool.write_file("cake.md", "sugar")
        pool.rollback("planner#1")
        assert texts(pool.document()) == {"bread.md": "flour"}
        pool.write_file("bread.md", "flour, yeast")
        assert pool.document().files["bread.md"].number == 2
        pool.undo()
        assert texts(pool.document()) == {"bread.md": "flour, salt", "cake.md": "sugar"}
        assert texts(pool.document("main-2")) == {"bread.md": "flour, yeast"}


def test_of_twenty_who_write_at_once_one_does_and_the_others_are_told_of_it(url):
    """The log's order decides, for processes and threads alike."""
    with open_pool("bakery", url) as pool, open_pool("bakery", url) as other:
        pool.write_file("bread.md", "flour")
        barrier, told, wrote = threading.Barrier(20), [], []

        def write(number):
            barrier.wait()
            try:
                wrote.append((pool, other)[number % 2].write_file("bread.md", f"flour {number}", read=1))
            except FileChangedError as error:
                told.append((error.read, error.number))

        at_once(*[lambda number=number: write(number) for number in range(20)])
        (winner,) = wrote
        assert told == [(1, 2)] * 19
        for reader in (pool, other):
            assert reader.document().files["bread.md"] == winner
        assert fold(pool.events()).files.entries == pool.document().files.entries


@pytest.mark.parametrize("size", [PIECE, PIECE + 1, LARGEST])
def test_large_contents_come_back_as_they_were_and_no_record_is_large(url, size):
    data = (BYTES * (size // 256 + 1))[:size]
    with open_pool("bakery", url) as pool:
        pool.write_file("large.bin", data)
        assert max(len(value) for value in pool.records()) < 1_000_000
        assert len(of_type(pool, FilePiece)) == (0 if size == PIECE else -(-size // PIECE))
    with open_pool("bakery", url) as pool:
        assert pool.document().files["large.bin"].data == data


def test_contents_that_are_too_large_are_refused_and_nothing_is_stored(pool):
    with pytest.raises(UserError, match=r"has 5,000,001 bytes, and a file of a pool at most 5,000,000"):
        pool.write_file("large.bin", bytes(LARGEST + 1))
    assert pool.end == 0


def test_control_characters_do_not_make_a_record_larger_than_base_64_would(pool):
    pool.write_file("zeros.txt", bytes(PIECE))
    assert max(len(value) for value in pool.records()) < 1_000_000
    assert pool.document().files["zeros.txt"].data == bytes(PIECE)


def test_half_a_character_is_told(pool):
    with pytest.raises(UserError, match="holds half a character"):
        pool.write_file("a.md", "\ud800")


def test_a_file_that_is_no_text_says_so(pool):
    file = pool.write_file("crumb.bin", BYTES)
    assert not file.is_text
    with pytest.raises(UserError, match=r"holds no text, but 256 bytes: use `.data`"):
        file.text  # noqa: B018 - reading it is the point


def test_a_document_without_its_log_has_no_contents(pool):
    pool.write_file("bread.md", "flour")
    with pytest.raises(UserError, match="take the document from its pool"):
        fold(pool.events()).files["bread.md"].data  # noqa: B018 - as above


def test_a_write_says_what_it_had_read(pool):
    pool.write_file("bread.md", "flour", agent="ann", read=0)
    with pytest.raises(FileChangedError, match="has version 1 by ann, and none was read"):
        pool.write_file("bread.md", "salt", read=0)
    with pytest.raises(UserError, match="and no version 2"):
        pool.write_file("bread.md", "salt", read=2)
    pool.delete_file("bread.md", read=1)
    with pytest.raises(UserError, match=r"no file 'bread.md' to delete"):
        pool.delete_file("bread.md")
    assert pool.write_file("bread.md", "flour").number == 3
    assert len(of_type(pool, File)) == 3


def test_what_is_written_after_a_claim_was_superseded_counts_for_nothing(pool):
    def claim(epoch):
        made = Claim(**pool.header("main", "r1"), owner=f"h:{epoch}:1", epoch=epoch, lease=0.0, fencing=True)
        pool.append([made])
        return made.id

    first = claim(1)
    pool.append([File(**pool.header("main", "r1", "ann", first), path="bread.md", digest="a" * 64)])
    claim(2)
    pool.append([File(**pool.header("main", "r1", "ann", first), path="bread.md", read=1, digest="b" * 64)])
    assert pool.document().files["bread.md"].number == 1
    assert pool.document(at=pool.end - 1).files["bread.md"].number == 1


@pytest.mark.parametrize("field", [{"path": "../b"}, {"read": -1}, {"digest": "x"}, {"size": LARGEST + 1}])
def test_versions_that_ours_could_not_be_are_passed_over(pool, field):
    fields = {"path": "a", "digest": "a" * 64, "size": 1} | field
    pool.append([File(**pool.header("main"), **fields)])
    assert not pool.document().files


def test_contents_that_are_not_what_the_version_says_are_told(pool):
    pool.append([File(**pool.header("main"), path="a", digest="a" * 64, size=5, text="flour")])
    with pytest.raises(LogCorruptError, match="does not hold the contents"):
        pool.document().files["a"].data  # noqa: B018 - as above


def test_snapshots_keep_them_at_every_position_without_their_contents(pool):
    numbers = {}
    for number in range(700):
        pool.write_file(f"f{number % 7}.md", f"{number}")
        numbers[pool.end - 1] = number
        pool.post("ok")
    before = {at: dict(pool.document(at=at).files.entries) for at in range(0, pool.end, 97)}
    assert snapshot(pool, engine="inline").end == 1024
    with open_pool(pool.name, pool.store.url) as quick:
        for at, entries in before.items():
            assert quick.document(at=at).files.entries == entries
        latest = max(number for at, number in numbers.items() if at <= 1000 and number % 7 == 3)
        assert quick.document(at=1000).files["f3.md"].text == f"{latest}"


@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.nightly])], indirect=True
)
def test_they_outlive_compaction_and_go_along_in_an_export(url, tmp_path):
    with open_pool("bakery", url) as pool:
        pool.write_file("large.bin", BYTES * 4000)
        for number in range(30):
            say(pool, "Flour, water, salt and time. " * 40)
            pool.write_file("bread.md", f"flour {number}")
            for _ in range(40):
                pool.post("ok")
        before = pool.document().files
        compact(pool, archive=False)
        assert pool.document().files.entries == before.entries
        export_pool(pool, tmp_path / "bakery.gz")
    with import_pool(tmp_path / "bakery.gz", "other") as other:
        assert other.document().files.entries == before.entries
        assert other.document().files["large.bin"].data == BYTES * 4000
        assert other.document().files["bread.md"].text == "flour 29"


def test_what_one_process_writes_another_reads(url):
    program = """
import sys
from agentpool_jupyter import open_pool
with open_pool("bakery", sys.argv[1]) as pool:
    pool.write_file("bread.md", "flour", agent="ann")
"""
    with open_pool("bakery", url) as pool:
        assert not pool.document().files
        output(program, url)
        assert texts(pool.document()) == {"bread.md": "flour"}
