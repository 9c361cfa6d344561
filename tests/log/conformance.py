"""What every log must do. Each store's test module inherits this class and provides the fixture ``store``."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from agentpool_jupyter.errors import LogBusyError, LogClosedError, LogMovedError, PoolNotFoundError, UserError
from agentpool_jupyter.log import FILLER, Log, Record, Store, open_store
from agentpool_jupyter.log.files import make_folder
from tests.programs import at_once, start, tell

if TYPE_CHECKING:
    import subprocess

_WRITER = """
import sys
from agentpool_jupyter.log import open_store
log = open_store(sys.argv[1]).open(sys.argv[2])
mark, count = sys.argv[3], int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
for i in range(count):
    for offset in log.append([f"{mark}:{i}".encode()]):
        sys.stdout.write(f"{offset} {mark}:{i}\\n")
    sys.stdout.flush()
"""
LONG = b'{"type": "message", "id": "%d", "text": "as long as an event is, at the least"}'


def shortened(*offsets):
    """A rewrite that makes these records shorter."""
    return lambda read: [(record.offset, b"short") for record in read() if record.offset in offsets]


_REWRITING_WRITER = """
import sys, threading
from agentpool_jupyter.errors import LogMovedError
from agentpool_jupyter.log import open_store
log = open_store(sys.argv[1]).open(sys.argv[2])
told = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), told.set())).start()
after = 0
while after < 20:
    after += told.is_set()
    try:
        (offset,) = log.append([b"written at any time by process " + sys.argv[3].encode()])
    except LogMovedError:
        log.close()
        log = open_store(sys.argv[1]).open(sys.argv[2], create=False)
        continue
    print(offset, flush=True)
log.close()
"""


def start_writer(store: Store, mark: str, count: int) -> subprocess.Popen[str]:
    """A process that appends ``count`` records one by one and prints each offset once it is acknowledged."""
    writer = start(_WRITER, store.url, "bakery", mark, count)
    assert writer.stdout.readline() == "ready\n"
    return writer


def later_than(moment: int) -> int:
    """Wait until the clock shows a later millisecond, and return it."""
    while (now := time.time_ns() // 1_000_000) <= moment:
        pass
    return now


class LogConformance:
    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    @pytest.fixture
    def log(self, store: Store):
        with store.open("bakery") as log:
            yield log

    def test_offsets_are_dense_from_zero(self, log: Log):
        """Offsets start at 0 and have no gaps, whether records come one by one or together."""
        assert log.end() == 0
        assert log.append([b"a"]) == [0]
        assert log.append([b"b", b"c"]) == [1, 2]
        assert log.append([]) == []
        assert log.end() == 3

    def test_records_come_back_unchanged(self, log: Log):
        """Values are opaque bytes."""
        values = [b"", b"\x00\xff", "ÿ€𝄞".encode(), b"x" * 200_000]
        log.append(values)
        assert [record.value for record in log.read()] == values
        assert [record.offset for record in log.read()] == [0, 1, 2, 3]

    def test_read_takes_a_half_open_range(self, log: Log):
        log.append([b"%d" % i for i in range(10)])
        assert [r.offset for r in log.read(3, 6)] == [3, 4, 5]
        assert [r.offset for r in log.read(8)] == [8, 9]
        assert [r.offset for r in log.read(8, 100)] == [8, 9]
        assert list(log.read(5, 5)) == []
        assert list(log.read(10)) == []
        assert list(log.read(99)) == []
        with pytest.raises(ValueError, match="offsets begin at 0"):
            log.read(-1)

    def test_long_reads_reach_the_end(self, log: Log):
        """A read of many batches stops neither early nor late."""
        total = 7001
        log.append([b"%d" % i for i in range(total)])
        assert [int(r.value) for r in log.read()] == list(range(total))

    def test_read_sees_what_was_just_appended(self, log: Log):
        for i in range(50):
            log.append([b"%d" % i])
            assert log.end() == i + 1
            assert [int(r.value) for r in log.read(i)] == [i]

    def test_follow_gives_stored_then_new(self, log: Log):
        log.append([b"0", b"1"])
        follower = log.follow(1)
        assert [r.offset for r in next(follower)] == [1]
        timer = threading.Timer(0.2, log.append, [[b"2"]])
        timer.start()
        assert [r.value for r in next(follower)] == [b"2"]
        timer.join()
        follower.close()
        assert list(follower) == []

    def test_a_follower_sees_what_this_and_another_writer_append(self, store: Store, log: Log):
        """Each record once and in order, where it waits for them and where several came since it looked."""
        count = 60
        with store.open("bakery") as other, contextlib.closing(log.follow()) as follower:

            def write() -> None:
                for i in range(count):
                    (log, other)[i % 3 == 2].append([b"%d" % i] * (1 + i % 4))

            writer = threading.Thread(target=write)
            writer.start()
            found: list[Record] = []
            while len(found) < sum(1 + i % 4 for i in range(count)):
                found += next(follower)
            writer.join()
        assert found == list(log.read())
        assert [int(r.value) for r in found] == [i for i in range(count) for _ in range(1 + i % 4)]

    def test_closing_a_follower_ends_a_waiting_reader(self, log: Log):
        follower = log.follow()
        timer = threading.Timer(0.2, follower.close)
        timer.start()
        assert list(follower) == []
        timer.join()
        follower.close()

    def test_closing_the_log_ends_followers(self, log: Log):
        follower = log.follow()
        timer = threading.Timer(0.2, log.close)
        timer.start()
        assert list(follower) == []
        timer.join()

    def test_closed_log_says_so(self, log: Log):
        log.close()
        log.close()
        for use in (log.end, lambda: log.append([b"x"]), lambda: list(log.read()), log.follow):
            with pytest.raises(LogClosedError, match="open the pool again"):
                use()

    def test_time_of_records(self, log: Log):
        """``offset_at`` finds the first record at or after a moment."""
        log.append([b"a", b"b"])
        *_, last = log.read()
        between = later_than(last.time)
        later_than(between)
        log.append([b"c"])
        assert log.offset_at(0) == 0
        assert log.offset_at(between) == 2
        assert log.offset_at(between + 86_400_000) == 3
        first, _, third = log.read()
        assert first.time <= between <= third.time

    def test_threads_share_one_log(self, log: Log):
        """Many threads append at once; each thread's records keep its order and offsets are those returned."""
        returned: dict[int, bytes] = {}

        def write(mark: int) -> None:
            for i in range(40):
                value = b"%d:%d" % (mark, i)
                (offset,) = log.append([value])
                returned[offset] = value

        at_once(*(partial(write, mark) for mark in range(8)))
        stored = {r.offset: r.value for r in log.read()}
        assert stored == returned
        assert sorted(stored) == list(range(320))
        for mark in range(8):
            mine = [v for v in stored.values() if v.startswith(b"%d:" % mark)]
            assert mine == [b"%d:%d" % (mark, i) for i in range(40)]

    def test_processes_share_one_log(self, store: Store, log: Log):
        """Several processes append at once and two followers see one order."""
        writers = [start_writer(store, mark, 60) for mark in "abc"]
        orders: list[list[bytes]] = [[], []]
        followers = [log.follow(), log.follow()]

        def collect(i: int) -> None:
            for batch in followers[i]:
                orders[i].extend(r.value for r in batch)
                if len(orders[i]) >= 180:
                    return

        threads = [threading.Thread(target=collect, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        tell(*writers)
        acknowledged = dict(
            line.split() for writer in writers for line in writer.communicate(timeout=60)[0].splitlines()
        )
        for thread in threads:
            thread.join(30)
        assert orders[0] == orders[1]
        assert {int(k): v.encode() for k, v in acknowledged.items()} == dict(enumerate(orders[0]))

    def test_kill_9_in_mid_burst_loses_nothing_acknowledged(self, store: Store):
        """What a killed writer had been told is stored is there, and the log goes on."""
        writer = start_writer(store, "w", 1_000_000)
        tell(writer)
        lines = [writer.stdout.readline() for _ in range(100)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.readlines()
        writer.wait()
        writer.stdin.close()
        writer.stdout.close()
        acknowledged = dict(line.split() for line in lines if line.endswith("\n"))
        with store.open("bakery") as log:
            stored = {str(r.offset): r.value.decode() for r in log.read()}
            assert acknowledged.items() <= stored.items()
            assert [int(k) for k in stored] == list(range(len(stored)))
            assert log.append([b"after"]) == [len(stored)]

    def test_store_lists_opens_and_deletes(self, store: Store):
        before = store.names()
        store.open("one").close()
        store.open("two").close()
        assert set(store.names()) - set(before) == {"one", "two"}
        with store.open("one", create=False) as log:
            assert log.end() == 0
        store.delete("one")
        assert "one" not in store.names()
        for act in (store.delete, lambda name: store.open(name, create=False)):
            with pytest.raises(PoolNotFoundError, match="no pool 'one'"):
                act("one")
        store.delete("two")

    def test_reopening_goes_on(self, store: Store):
        with store.open("bakery") as log:
            log.append([b"a"])
        with store.open("bakery") as log:
            assert log.append([b"b"]) == [1]
            assert [r.value for r in log.read()] == [b"a", b"b"]

    # -- rewriting ---------------------------------------------------------------------------------------------

    def test_a_rewrite_changes_values_and_nothing_else(self, store: Store, log: Log):
        """Offsets and times stay, what is added at the end is the filler, and the same object goes on."""
        log.append([LONG % i for i in range(10)])
        before = list(log.read())
        done = log.rewrite(shortened(3, 7))
        after = list(log.read())
        assert [r.value for r in after[:10]] == [b"short" if i in (3, 7) else LONG % i for i in range(10)]
        assert [(r.offset, r.time) for r in after[:10]] == [(r.offset, r.time) for r in before]
        assert {r.value for r in after[10:]} <= {FILLER}
        assert done.records == 2
        (offset,) = log.append([LONG % 10])
        assert offset == len(after)
        with store.open("bakery") as other:
            assert list(other.read()) == list(log.read())
            assert store.names().count("bakery") == 1
        assert log.offset_at(before[5].time) <= 5
        assert next(log.follow())[3].value == b"short"

    def test_rewriting_again_and_again(self, store: Store, log: Log):
        log.append([LONG % i for i in range(10)])
        for i in range(3):
            assert log.rewrite(shortened(i)).records == 1
            log.append([LONG % 99])
        with store.open("bakery") as other:
            assert [r.value for r in other.read(0, 4)] == [b"short"] * 3 + [LONG % 3]
            assert [r.value for r in other.read(10)].count(LONG % 99) == 3

    def test_a_rewrite_of_nothing_changes_nothing(self, log: Log):
        log.append([LONG % i for i in range(3)])
        done = log.rewrite(shortened())
        assert (done.records, done.kept) == (0, "")
        assert [r.value for r in log.read()] == [LONG % i for i in range(3)]

    def test_a_rewrite_that_is_called_off_changes_nothing(self, store: Store, log: Log):
        """The caller looks at the log and raises; everyone goes on as before."""
        log.append([LONG % i for i in range(3)])
        with store.open("bakery") as other:

            def refuse(read):
                yield 0, b"short"
                assert len(list(read())) == 3
                raise PoolNotFoundError

            with pytest.raises(PoolNotFoundError):
                log.rewrite(refuse)
            assert (other.append([LONG % 3]), log.append([LONG % 4])) == ([3], [4])
            assert [r.value for r in other.read()] == [LONG % i for i in range(5)]

    def test_other_logs_that_are_open_see_it_or_are_told(self, store: Store, log: Log):
        """Reading, following and appending: each gives what is there now, or the error that says to open again."""
        log.append([LONG % i for i in range(10)])
        with store.open("bakery") as other:
            assert len(list(other.read())) == 10
            follower = other.follow()
            assert len(next(follower)) == 10
            log.rewrite(shortened(3))
            try:
                (offset,) = other.append([LONG % 77])
                assert [r.value for r in log.read(offset)] == [LONG % 77]
                assert [r.value for r in other.read(3, 4)] == [b"short"]
                assert next(follower)[-1].value == LONG % 77
            except LogMovedError:
                for use in (lambda: other.append([LONG % 78]), other.end, lambda: list(other.read()), other.follow):
                    with pytest.raises(LogMovedError, match="open it again"):
                        use()
                with pytest.raises(LogMovedError, match="open it again"):
                    list(follower)
        with store.open("bakery") as again:
            assert LONG % 78 not in [r.value for r in again.read()]
            assert again.append([LONG % 79])[0] == log.end() - 1

    def test_followers_and_threads_of_the_log_that_is_rewritten(self, log: Log):
        """Its appends and reads go on in the same place; its followers go on, too, or are told to open it again.

        Where a log cannot be rewritten beside writers, it is refused until they are done.
        """
        log.append([LONG % i for i in range(10)])
        follower = log.follow()
        assert len(next(follower)) == 10
        stored: dict[int, bytes] = {}
        stop = threading.Event()

        def use() -> None:
            while not stop.is_set():
                value = LONG % len(stored)
                (offset,) = log.append([value])
                stored[offset] = value
                assert log.end() > offset
                assert len(list(log.read(0, 10))) == 10

        thread = threading.Thread(target=use)
        thread.start()
        with contextlib.suppress(LogBusyError):
            log.rewrite(shortened(3))
        stop.set()
        thread.join()
        log.rewrite(shortened(3))
        values = [record.value for record in log.read()]
        assert {offset: values[offset] for offset in stored} == stored
        log.append([LONG % 77])
        try:
            while next(follower)[-1].value != LONG % 77:
                pass
        except LogMovedError:
            with pytest.raises(LogMovedError, match="open it again"):
                next(follower)

    def test_nothing_that_was_acknowledged_is_lost_by_a_rewrite(self, store: Store, log: Log):
        """Other processes append all the while; one that is told that the pool moved knows what was stored.

        Where a log cannot be rewritten beside writers, nothing has changed.
        """
        log.append([LONG % i for i in range(2000)])
        writers = [start(_REWRITING_WRITER, store.url, "bakery", mark) for mark in "ab"]
        acknowledged = {int(writer.stdout.readline()): None for writer in writers}
        done = False
        with contextlib.suppress(LogBusyError):
            log.rewrite(shortened(*range(1000)))
            done = True
        for writer in writers:
            writer.stdin.close()
        for writer in writers:
            acknowledged |= {int(line): None for line in writer.stdout}
            assert writer.wait(60) == 0
            writer.stdout.close()
        stored = [r.value for r in log.read()]
        assert stored[:1000] == [b"short" if done else LONG % i for i in range(1000)]
        told = [value for value in stored if value.startswith(b"written at")]
        assert len(told) >= len(acknowledged) > 2
        assert all(stored[offset].startswith(b"written at") for offset in acknowledged)

    @pytest.mark.parametrize("name", ["", "a/b", "../x", "ü", "a" * 101, ".hidden", "a b"])
    def test_bad_names_are_refused(self, store: Store, name: str):
        with pytest.raises(UserError, match="cannot name a pool"):
            store.open(name)

    def test_copies_keep_their_offsets_and_times(self, store: Store):
        """Records of another log become a log of their own, which then goes on like any other."""
        records = [Record(offset, 1_000_000 + 7 * offset, f"value {offset}".encode()) for offset in range(3_000)]
        store.restore("twin", iter(records))
        with store.open("twin", create=False) as log:
            assert list(log.read()) == records
            assert log.append([b"next"]) == [3_000]
            assert next(iter(log.read(3_000))).time > records[-1].time
            assert log.offset_at(1_000_000 + 7 * 100) == 100
        with pytest.raises(UserError, match="exists and is not empty: choose another name"):
            store.restore("twin", iter(records))

    def test_copies_that_break_off_leave_nothing(self, store: Store):
        def broken():
            yield Record(0, 1, b"a")
            message = "no more"
            raise ArithmeticError(message)

        with pytest.raises(ArithmeticError):
            store.restore("broken", broken())
        assert "broken" not in store.names()
        store.restore("broken", [Record(0, 1, b"a")])
        with store.open("broken") as log:
            assert list(log.read()) == [Record(0, 1, b"a")]

    def test_an_empty_pool_gives_way_to_copies(self, store: Store):
        store.open("empty").close()
        store.restore("empty", [Record(0, 5, b"a")])
        with store.open("empty") as log:
            assert list(log.read()) == [Record(0, 5, b"a")]

    def test_what_is_derived_goes_with_its_pool(self, store: Store):
        store.open("bakery").close()
        folder = store.derived("bakery")
        folder.mkdir(parents=True)
        (folder / "x").touch()
        store.delete("bakery")
        assert not folder.exists()

    def test_archives_are_those_of_one_pool(self, store: Store):
        """They stay when it is deleted, and whoever deletes it can name them."""
        names = ("bakery", "bakery-2", "bak.ry")
        made = {name: [store.new_archive(name) for _ in range(2)] for name in names}
        make_folder(store.archives)
        for path in sum(made.values(), [store.archives / "bakery-notes.jsonl.gz"]):
            path.touch()
        store.open("bakery").close()
        store.delete("bakery")
        for name in names:
            assert store.archives_of(name) == sorted(made[name])
            for path in made[name]:
                path.unlink()

    def test_store_reopens_by_its_url(self, store: Store):
        """The address without secrets leads back to the same store (where it needs no secret)."""
        store.open("bakery").close()
        assert "bakery" in open_store(store.url).names()
