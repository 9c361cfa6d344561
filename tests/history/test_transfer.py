"""A pool as one file."""

import gzip
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import LogCorruptError, UserError
from agentpool_jupyter.history import export_pool, import_pool
from agentpool_jupyter.history.transfer import check_export
from agentpool_jupyter.snapshots.keeper import status

RECORDS = st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps({"text": text}).encode())
DAMAGES = [lambda b: b[: len(b) // 2], lambda b: b"not gzip", lambda b: gzip.compress(b"[]\n")]


@given(st.lists(RECORDS, max_size=20))
def test_a_round_trip_is_identical(tmp_path_factory, values):
    """Whatever the records are, and byte for byte, also as a file."""
    folder = tmp_path_factory.mktemp("trip")
    with open_pool("bakery", folder / "a") as pool:
        if values:
            pool.append_records(values)
        assert export_pool(pool, folder / "one.gz") == len(values)
    with import_pool(folder / "one.gz", store=folder / "b") as copy:
        assert list(copy.records()) == values
        export_pool(copy, folder / "two.gz")
    assert (folder / "one.gz").read_bytes() == (folder / "two.gz").read_bytes()


def test_what_a_person_agreed_to_beforehand_does_not_come_along(pool, tmp_path):
    """It may have been another person."""
    pool.grant("pay", within=1e6)
    export_pool(pool, tmp_path / "x.gz")
    with import_pool(tmp_path / "x.gz", "copy") as copy:
        assert [grant.revoked for grant in copy.effects.grants.values()] == [True]
        assert copy.grants == []
    assert len(pool.grants) == 1


def test_events_are_lines_of_json(pool, tmp_path):
    """So that common tools read an export."""
    pool.post("hello")
    export_pool(pool, tmp_path / "x.gz")
    head, times, event, foot = map(json.loads, gzip.decompress((tmp_path / "x.gz").read_bytes()).splitlines())
    assert times["times"] == [next(pool.events()).time]
    assert (head["pool"], head["records"], event["text"], len(foot["sha256"])) == ("bakery", 1, "hello", 64)


def test_a_pool_that_exists_is_not_written_over(pool, tmp_path):
    pool.post("hello")
    export_pool(pool, tmp_path / "x.gz")
    with pytest.raises(UserError, match="exists and is not empty: choose another name"):
        import_pool(tmp_path / "x.gz")
    with import_pool(tmp_path / "x.gz", "other") as copy:
        assert copy.document().text == pool.document().text


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_told_and_nothing_is_stored(pool, tmp_path, damage):
    for i in range(100):
        pool.post(f"message {i}")
    export_pool(pool, tmp_path / "x.gz")
    (tmp_path / "x.gz").write_bytes(damage((tmp_path / "x.gz").read_bytes()))
    with pytest.raises(LogCorruptError, match="damaged"):
        import_pool(tmp_path / "x.gz", "other")
    with pytest.raises(LogCorruptError, match="damaged"):
        check_export(tmp_path / "x.gz")
    assert "other" not in pool.store.names()


def test_a_changed_record_is_noticed(pool, tmp_path):
    pool.post("hello")
    export_pool(pool, tmp_path / "x.gz")
    text = gzip.decompress((tmp_path / "x.gz").read_bytes()).replace(b"hello", b"hallo")
    (tmp_path / "x.gz").write_bytes(gzip.compress(text))
    with pytest.raises(LogCorruptError, match="do not match its checksum"):
        import_pool(tmp_path / "x.gz", "other")


def test_what_another_process_is_writing_is_left_alone(pool, tmp_path):
    """It may export to the same file at this moment, and neither may be garbled."""
    for i in range(100):
        pool.post(f"message {i}")
    with (tmp_path / "x.gz.part").open("wb") as others:
        others.write(b"theirs")
        others.flush()
        assert export_pool(pool, tmp_path / "x.gz") == 100
        others.write(b", all of it")
    assert check_export(tmp_path / "x.gz").records == 100
    assert (tmp_path / "x.gz.part").read_bytes() == b"theirs, all of it"
    assert {path.name for path in tmp_path.glob("x.gz*")} == {"x.gz", "x.gz.part"}


def test_copies_are_not_mixed_with_what_a_pool_of_that_name_has_left(pool, store, tmp_path):
    """Its file was removed, and what SQLite keeps beside it was not."""
    for i in range(8):
        pool.post(f"message {i}")
    export_pool(pool, tmp_path / "x.gz")
    with open_pool("dead") as dead:
        dead.post("dead")
        (store / "left-wal").write_bytes((store / "dead.sqlite-wal").read_bytes())
    dead.store.delete("dead")
    (store / "left-wal").rename(store / "dead.sqlite-wal")
    with import_pool(tmp_path / "x.gz", "dead") as copy:
        assert list(copy.records()) == list(pool.records())


def test_files_that_cannot_be_used_are_told(pool, tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        import_pool(tmp_path / "none.gz")
    with pytest.raises(UserError, match="cannot write"):
        export_pool(pool, tmp_path / "no" / "folder" / "x.gz")


def test_a_file_that_is_there_is_not_written_over(pool, tmp_path):
    (tmp_path / "x.gz").write_bytes(b"a thesis")
    with pytest.raises(UserError, match=r"there is a file .*x\.gz already: choose another name, or write over it"):
        export_pool(pool, tmp_path / "x.gz")
    assert (tmp_path / "x.gz").read_bytes() == b"a thesis"
    export_pool(pool, tmp_path / "x.gz", overwrite=True)
    assert check_export(tmp_path / "x.gz").records == 0
    assert [path.name for path in tmp_path.glob("x.gz*")] == ["x.gz"]


def crafted(path, *lines, spaces=0):
    """Write a file that has the form of an export, with a checksum that is right; ``spaces`` megabytes end it."""
    digest = hashlib.sha256()
    with gzip.open(path, "wb", compresslevel=1) as file:
        for line in lines:
            text = line if isinstance(line, bytes) else json.dumps(line).encode()
            digest.update(text)
            file.write(text + b"\n")
        for _ in range(spaces):
            file.write(b" " * 1_000_000)
        file.write(json.dumps({"sha256": digest.hexdigest()}).encode() + b"\n")
    return path


def head(**fields):
    return {"agentpool": 2, "pool": "crafted", "records": 1, "rows": 0} | fields


DEEP = b"[" * 100_000 + b"]" * 100_000
SAID = {"type": "message", "id": "m", "text": "hello"}
CRAFTED = {
    "a head without an end": ([], 1),
    "a record without an end": ([head(), {"times": [1]}], 140),
    "times without an end": ([head(), b'{"times": [' + b"1," * 40_000], 0),
    "fewer than no records": ([head(records=-5)], 0),
    "a time that no clock says": ([head(), {"times": [10**30]}, SAID], 0),
    "a time before all": ([head(), {"times": [-1]}, SAID], 0),
    "a deep head": ([b'{"agentpool":2,"pool":' + DEEP + b"}"], 0),
    "a row too few": ([head(rows=1), {"times": [1]}, SAID], 0),
}


@pytest.mark.parametrize(("lines", "spaces"), CRAFTED.values(), ids=CRAFTED)
def test_what_no_export_of_ours_holds_is_refused(store, tmp_path, lines, spaces):
    with pytest.raises(LogCorruptError, match="damaged"):
        import_pool(crafted(tmp_path / "x.gz", *lines, spaces=spaces))
    assert list(store.glob("*")) == []


def test_a_name_that_leads_elsewhere_is_refused(store, tmp_path):
    with pytest.raises(UserError, match="cannot name a pool"):
        import_pool(crafted(tmp_path / "x.gz", head(pool="../../x"), {"times": [1]}, SAID))


def test_snapshots_are_made_of_the_records_and_not_of_what_the_file_says(store, tmp_path):
    """Earlier versions wrote theirs behind the records: whatever stands there is passed over."""
    records = [SAID | {"id": str(i), "text": f"message {i}"} for i in range(1_100)]
    times = ({"times": [1] * count} for count in (1_000, 100))
    rows = ({"table": "sqlite_master; drop table nodes", "row": [1]}, b'{"table":"nodes","row":' + DEEP + b"}")
    lines = [head(records=1_100, rows=2), next(times), *records[:1_000], next(times), *records[1_000:], *rows]
    with import_pool(crafted(tmp_path / "x.gz", *lines)) as pool:
        assert status(pool)[0] == 1_024
        assert [turn.text for turn in pool.document().turns] == [record["text"] for record in records]
