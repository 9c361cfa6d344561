"""What a pool's file holds compressed is read as before, whoever reads, writes or is killed meanwhile."""

import contextlib
import itertools
import os
import signal
import sqlite3
import tempfile
import threading
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentpool_jupyter.errors import LogCorruptError
from agentpool_jupyter.log import Record, open_store
from tests.files import flip_bit, sql
from tests.programs import start

LARGE = b"l" * 1_100_000


def event(i):
    return b'{"type":"delta","id":"AbCdEfGh.%x","agent":"ann","ts":%d,"turn":"t","seq":%d,"text":"some words"}' % (
        i,
        i,
        i,
    )


def counts(path):
    """How many packs a file has, and how many records that are in none."""
    return sql(path, "SELECT (SELECT count(*) FROM packs), (SELECT count(*) FROM records)")[0]


@st.composite
def values(draw):
    """Stretches of small records, more and less than make a pack, with large ones between them."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        found += [event(i) for i in range(draw(st.sampled_from([1, 63, 64, 100, 1_500])))]
        found += [LARGE] * draw(st.booleans())
    return found


@settings(max_examples=25, deadline=None)
@given(values(), st.lists(st.integers(0, 9), min_size=1, max_size=9), st.data())
def test_all_that_is_read_stays_the_same(values, clock, data):
    """Ranges, the end and times, whatever the clock did; then some records are changed, and one is added."""
    records = [
        Record(i, time, value) for i, (time, value) in enumerate(zip(itertools.cycle(clock), values, strict=False))
    ]
    places = sorted({0, *data.draw(st.lists(st.integers(0, len(values)), max_size=4)), len(values)})
    with tempfile.TemporaryDirectory() as folder, open_store(folder).open("bakery") as log:
        log.append([b"x"])
        log._writer.execute("DELETE FROM records")
        log._writer.executemany("INSERT INTO records VALUES (?, ?, ?)", records)

        def seen():
            ranges = [list(log.read(a, b)) for a, b in itertools.combinations_with_replacement(places, 2)]
            return ranges, log.end(), [log.offset_at(time) for time in range(11)], list(itertools.chain(*followed(log)))

        before = seen()
        log.pack()
        assert seen() == before
        changed = {at: b"changed %d" % at for at in places if at < len(values)}
        log.rewrite(lambda _: changed.items())
        assert list(log.read()) == [one._replace(value=changed.get(one.offset, one.value)) for one in records]
        assert log.append([b"next"]) == [len(values)]


def followed(log):
    """Yield what a follower says until it has said all that is there."""
    end, follower = log.end(), log.follow()
    for batch in follower:
        yield batch
        if batch[-1].offset + 1 >= end:
            follower.close()


def test_a_pool_that_is_closed_takes_a_fraction_of_its_records(tmp_path):
    """It is packed when it is closed, and the file gives the space back; a second time changes nothing."""
    store = open_store(tmp_path)
    with store.open("bakery") as log:
        log.append([event(i) for i in range(5_000)])
        size = sum(len(record.value) for record in log.read())
    file = store.path("bakery")
    assert counts(file) == (5, 0)
    assert file.stat().st_size < size / 5
    before = file.read_bytes()
    with store.open("bakery") as log:
        assert [record.value for record in log.read()] == [event(i) for i in range(5_000)]
    assert file.read_bytes() == before


def test_few_records_wait_until_there_are_more(tmp_path):
    store = open_store(tmp_path)
    for session in range(1, 4):
        with store.open("bakery") as log:
            log.append([event(i) for i in range(30)])
        assert counts(store.path("bakery")) == ((0, session * 30) if session < 3 else (1, 0))


def test_copies_are_packed(tmp_path):
    store = open_store(tmp_path)
    records = [Record(i, 1_000 + i, event(i)) for i in range(3_000)]
    store.restore("bakery", iter(records))
    assert counts(store.path("bakery")) == (3, 0)
    with store.open("bakery") as log:
        assert list(log.read()) == records


def test_others_read_write_and_pack_meanwhile(tmp_path):
    """Each read gives every record once, as it was appended, from wherever it stands at that moment."""
    store = open_store(tmp_path)
    with store.open("bakery") as one, store.open("bakery") as other:
        stored = []
        done = threading.Event()

        def write(log):
            while not done.is_set():
                stored.extend(log.append([event(i) for i in range(200)]))

        def pack(log):
            while not done.is_set():
                log.pack()

        threads = [threading.Thread(target=act, args=(log,)) for act in (write, pack) for log in (one, other)]
        for thread in threads:
            thread.start()
        try:
            while one.end() < 20_000:
                for log in (one, other):
                    end = log.end()
                    assert {record.value[:15] for record in log.read(0, end)} <= {event(0)[:15]}
                    assert [record.offset for record in log.read(0, end)] == list(range(end))
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert sorted(stored) == list(range(one.end()))
        assert list(one.read()) == list(other.read())


_PACKER = """
import sys
from agentpool_jupyter.log import open_store
log = open_store(sys.argv[1]).open("bakery")
for i in range(1_000_000):
    for offset in log.append([b"%d %d" % (i, n) for n in range(40)]):
        sys.stdout.write(f"{offset}\\n")
    sys.stdout.flush()
    log.pack()
"""


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=pytest.mark.nightly)])
def test_a_process_that_is_killed_while_it_packs_loses_and_doubles_nothing(tmp_path, dice, kills):
    store = open_store(tmp_path)
    acknowledged = 0
    for _ in range(kills):
        process = start(_PACKER, tmp_path)
        for _ in range(dice.randrange(1, 4_000)):
            acknowledged = int(process.stdout.readline()) + 1
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged = max(
            acknowledged, *(int(line) + 1 for line in rest.splitlines(keepends=True) if line[-1] == "\n"), 0
        )
        with store.open("bakery") as log:
            found = [record.value for record in log.read()]
            assert log.end() == len(found) >= acknowledged
        assert [int(value.split()[1]) for value in found] == [n % 40 for n in range(len(found))]
    assert sql(store.path("bakery"), "PRAGMA integrity_check") == [("ok",)]
    assert counts(store.path("bakery"))[0] > 0


# --- files of older versions, and such as others have made ---------------------------------------------------------


def old_file(path, records=100):
    """Make a pool's file as the version before packs made it."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE records (offset INTEGER PRIMARY KEY, time INTEGER NOT NULL, value BLOB NOT NULL)")
        db.execute("PRAGMA application_id = 0x41504F4C")
        db.executemany("INSERT INTO records VALUES (?, ?, ?)", ((i, i, event(i)) for i in range(records)))


def test_an_older_file_is_packed_and_shrinks_when_it_is_rewritten(tmp_path):
    store = open_store(tmp_path)
    old_file(store.path("bakery"), 5_000)
    size = store.path("bakery").stat().st_size
    with store.open("bakery") as log:
        assert log.append([event(5_000)]) == [5_000]
    assert counts(store.path("bakery")) == (5, 0)
    with store.open("bakery") as log:
        log.rewrite(lambda _: ())
        assert [record.value for record in log.read()] == [event(i) for i in range(5_001)]
    assert store.path("bakery").stat().st_size < size / 5


def test_an_older_file_that_cannot_be_written_is_read(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    old_file(store.path("bakery"))
    before = store.path("bakery").read_bytes()
    monkeypatch.setattr("agentpool_jupyter.log.sqlite.log.open_records", _refuse)
    monkeypatch.setattr("agentpool_jupyter.log.sqlite.log.writable", lambda _: False)
    with store.open("bakery") as log:
        assert (log.end(), log.offset_at(50), len(list(log.read()))) == (100, 50, 100)
    assert store.path("bakery").read_bytes() == before


def _refuse(_):
    raise sqlite3.OperationalError


@pytest.fixture
def file(tmp_path):
    with open_store(tmp_path).open("bakery") as log:
        log.append([event(i) for i in range(1_000)])
    return tmp_path / "bakery.sqlite"


def read_all(file):
    with open_store(file.parent).open("bakery") as log:
        return list(log.read())


def test_one_wrong_bit_is_told(file):
    flip_bit(file, "packs", "data", "last = 999")
    with pytest.raises(LogCorruptError, match=r"damaged \(the pack of records 0 to 999"):
        read_all(file)


@pytest.mark.parametrize(
    "values",
    [[b"", b""], [bytes(10**7), *[b""] * 999], [1] * 1_000, None],
    ids=["too few", "a bomb", "numbers", "nothing"],
)
def test_a_pack_that_is_not_as_we_made_it_is_told(file, values):
    """Without unpacking more than a pack of ours ever holds."""
    content = ([0] * len(values), values) if values else None
    sql(file, "UPDATE packs SET data = ?", zlib.compress(msgspec.msgpack.encode(content)))
    with pytest.raises(LogCorruptError, match="the pack of records 0 to 999"):
        read_all(file)


def test_a_pack_that_claims_to_reach_beyond_all_bounds_is_refused(file):
    sql(file, "UPDATE packs SET last = 1000000000000")
    with pytest.raises(LogCorruptError, match="it has an offset 1000000000000"):
        read_all(file)
