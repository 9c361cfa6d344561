"""What a compaction keeps: everything that anyone can be shown, and where it stands."""

import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import LogCorruptError, LogMovedError, RunActiveError, SnapshotsBusyError, UserError
from agentpool_jupyter.history import compact, import_pool
from agentpool_jupyter.history.compact import _archive_of
from agentpool_jupyter.history.folding import changes
from agentpool_jupyter.log import FILLER, Record
from agentpool_jupyter.pool import Branches, Document, Position, fold
from agentpool_jupyter.pool.claims import Claims, is_late
from agentpool_jupyter.pool.codec import decode, encode
from agentpool_jupyter.pool.events import (
    Claim,
    Delta,
    Folded,
    Heartbeat,
    Release,
    RunFinished,
    RunStarted,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    now_ms,
)
from agentpool_jupyter.pool.runs import this_owner
from agentpool_jupyter.snapshots.build import snapshot
from agentpool_jupyter.snapshots.keeper import status
from agentpool_jupyter.snapshots.summary import SCALE
from tests.pool.strategies import logs, speech, stored
from tests.programs import running, tell


def records(values):
    return [Record(offset, 1000 + offset, value) for offset, value in enumerate(values)]


def folded(values, limit):
    """The values of a log after a compaction."""
    result = list(values)
    found = list(changes(lambda: records(values), limit))
    assert len({offset for offset, _ in found}) == len(found)
    for offset, value in found:
        result[offset] = value
    return result


def document(events, branches, branch, at):
    place = Position(branch, at)
    result, claims = Document(branch=branch), Claims()
    for event in events:
        claims.absorb(event)
    for event in branches.on_line([event for event in events if event.offset <= at], place):
        if not is_late(event, claims.fences):
            result.absorb(event)
    return result


def shown(values):
    """Every document that people can ask for by a name, a turn or an event, by branch and offset."""
    events = stored(values)
    branches = Branches()
    for event in events:
        branches.absorb(event)
    places = {event.offset for event in events if not isinstance(event, Delta | Heartbeat | Folded)}
    for event in events:
        if hasattr(event, "at"):
            places.add(event.at)
        if isinstance(event, TurnStarted):
            places.add(event.seen - 1)
    places.add(len(values) - 1)
    return {(branch, at): document(events, branches, branch, at).attempts for branch in branches for at in places}


@given(logs(longest=60), st.data())
def test_every_document_is_the_same(values, data):
    """At every branch's end, fork, tag and event that is no delta, and as every turn had seen it: in all fields."""
    limit = data.draw(st.integers(0, len(values)) | st.just(len(values)))
    after = folded(values, limit)
    before = shown(values)
    now = shown(after)
    assert before == {place: now[place] for place in before}


@given(logs(longest=60))
def test_only_deltas_change_and_ids_of_what_is_left_are_kept(values):
    after = folded(values, len(values))
    for old, new in zip(stored(values), stored(after), strict=True):
        if values[old.offset] != after[old.offset]:
            assert isinstance(old, Delta)
            assert isinstance(new, Folded) or (new.id, new.ts, new.turn) == (old.id, old.ts, old.turn)


@given(logs(longest=60), st.data())
def test_a_second_time_changes_nothing_more(values, data):
    """And where it is done in two steps, the result is that of one."""
    limit = data.draw(st.integers(0, len(values)))
    once = folded(values, len(values))
    assert folded(once, len(values)) == once
    assert folded(folded(values, limit), len(values)) == once


@given(logs(longest=60))
def test_the_fold_over_all_branches_is_the_same(values):
    assert fold(stored(folded(values, len(values)))).attempts == fold(stored(values)).attempts


def packed(events):
    return [encode(event) for event in events]


@pytest.mark.parametrize(
    "ended", [{}, {"reason": "cancelled"}, {"end": TurnFailed}, {"end": TurnFailed, "retriable": True}]
)
def test_a_turn_becomes_one_delta_where_its_last_one_was(ended):
    """However it ended; the filler is tiny, and all numbers are kept."""
    values = packed(speech("ann1", list("abcde"), **ended))
    after = folded(values, len(values))
    assert after[1:5] == [FILLER] * 4
    delta = stored(after)[5]
    assert (delta.text, delta.seq, delta.folded, delta.id) == ("abcde", 0, 5, "ann1d4")
    assert after[0] == values[0]
    assert after[6] == values[6]


def test_texts_stay_apart_where_another_turn_had_read_between_them():
    ann, ben = speech("ann1", list("abcdef")), speech("ben1", list("xyz"), "ben")
    begin = msgspec.structs.replace(ben[0], seen=4)
    values = packed([*ann[:5], begin, *ann[5:], *ben[1:]])
    after = [event for event in stored(folded(values, len(values))) if isinstance(event, Delta)]
    assert [(event.text, event.seq, event.folded) for event in after] == [
        ("abc", 0, 3),
        ("d", 3, 0),
        ("ef", 4, 2),
        ("xyz", 0, 3),
    ]


def test_no_text_is_folded_across_the_end_of_a_window():
    values = packed(speech("ann1", ["a"] * SCALE.window))
    after = [event for event in stored(folded(values, 2 * SCALE.window)) if isinstance(event, Delta)]
    assert [(event.offset, event.seq, event.folded) for event in after] == [
        (SCALE.window - 1, 0, SCALE.window - 1),
        (SCALE.window, SCALE.window - 1, 0),
    ]


def test_a_turn_that_is_not_below_the_limit_stays_as_it_is():
    values = packed(speech("ann1", list("abc")))
    assert folded(values, len(values) - 1) == values


def test_a_folded_delta_is_never_larger_than_a_log_takes():
    values = packed(speech("ann1", ["\x01" * 400_000] * 6))
    after = folded(values, len(values))
    assert max(map(len, after)) < 8 * 1024 * 1024
    assert [event.folded for event in stored(after) if isinstance(event, Delta)] == [2, 2, 2]
    assert folded(after, len(after)) == after


def test_a_record_that_says_more_than_we_know_is_kept():
    """A newer version may have written it."""
    values = packed(speech("ann1", list("abc")))
    values[2] = values[2].replace(b'"text"', b'"mood":"glad","text"')
    assert folded(values, len(values)) == values


def test_the_filler_is_an_event_that_says_nothing():
    event = decode(Record(0, 0, FILLER))
    assert isinstance(event, Folded)
    assert fold([event]).unreadable == 0
    assert encode(Folded(id="")) == FILLER


# --- pools ------------------------------------------------------------------------------------------------------


def talk(pool, turns=40, deltas=60, branch="main"):
    """A run that has ended, with turns that take up more than two windows."""
    header = {"run": "r1", "branch": branch}
    pool.append([RunStarted(id=pool.new_id(), spec={"task": "x"}, **header)])
    for number in range(turns):
        turn = pool.new_id()
        said = header | {"agent": "ann", "turn": turn}
        pool.append([TurnStarted(id=pool.new_id(), seen=pool.end, **said)])
        pool.append([Delta(id=pool.new_id(), seq=i, text=f"word {i} ", ts=now_ms(), **said) for i in range(deltas)])
        pool.append([TurnFinished(id=pool.new_id(), deltas=deltas, **said)])
        if number == turns // 2 and branch == "main":
            pool.tag("half")
    pool.append([RunFinished(id=pool.new_id(), reason="turns", **header)])


def everything(pool):
    """What people can see of a pool, and where."""
    places = [None, "half", *(turn.name for turn in pool.document().turns)]
    return [pool.document(place).attempts for place in places], pool.branches, pool.branch


def start_run(pool):
    """Begin a run that does not end."""
    header = {"run": "r2", "branch": "main"}
    pool.append([RunStarted(id=pool.new_id(), spec={}, **header)])
    pool.append([Claim(id=pool.new_id(), owner=this_owner(), epoch=1, lease=60.0, **header)])


class Meanwhile(os.PathLike):
    """An archive's path, by which something happens when a compaction has begun and not yet changed anything."""

    def __init__(self, path, act):
        self.path = path
        self.act = act

    def __fspath__(self):
        self.act()
        return str(self.path)


_COMPACT = """
import sys
from agentpool_jupyter import open_pool
from agentpool_jupyter.history import compact
with open_pool("bakery", create=False) as pool:
    pool.document()
    print("ready", flush=True)
    sys.stdin.readline()
    print(compact(pool).records)
"""


class Compaction:
    """What holds on every store."""

    def test_it_saves_space_and_changes_nothing_that_is_shown(self, any_pool, tmp_path):
        talk(any_pool)
        back = any_pool.rollback("ann#30")
        talk(any_pool, turns=20, branch=back)
        before, end = everything(any_pool), any_pool.end
        done = compact(any_pool, archive=tmp_path / "before.gz")
        assert done.limit == end // SCALE.window * SCALE.window
        assert done.saved > done.before / 4  # of what may be compressed already
        assert everything(any_pool) == before
        assert "less" in repr(done)
        assert "before.gz" in repr(done)
        with open_pool(any_pool.name, any_pool.store.url, create=False) as again:
            assert everything(again) == before
            again.post("it goes on")
        assert any_pool.document().turns[-1].text == "it goes on"
        with import_pool(tmp_path / "before.gz", "copy", tmp_path / "copy") as copy:
            assert copy.document("half").text == any_pool.document("half").text
            assert not any(isinstance(event, Folded) for event in copy.events())

    def test_a_second_time_there_is_nothing_to_fold(self, any_pool, tmp_path):
        talk(any_pool)
        compact(any_pool, archive=False)
        done = compact(any_pool, archive=tmp_path / "never.gz")
        assert (done.records, done.archive) == (0, None)
        assert not (tmp_path / "never.gz").exists()
        assert "nothing to fold" in str(done)

    def test_a_live_run_is_named_and_nothing_is_done(self, any_pool, tmp_path):
        talk(any_pool)
        start_run(any_pool)
        end = any_pool.end
        with pytest.raises(RunActiveError, match=r"run r2 is live in pool .* stop it first"):
            compact(any_pool, archive=tmp_path / "never.gz")
        assert any_pool.end == end
        assert not any(isinstance(event, Folded) for event in any_pool.events())
        any_pool.append([Release(id=any_pool.new_id(), owner=this_owner(), epoch=1, run="r2", branch="main")])
        assert compact(any_pool, archive=False).records


class TestOnSqlite(Compaction):
    @pytest.fixture
    def any_pool(self, pool):
        return pool

    def test_the_archive_lies_beside_the_store(self, pool, store):
        """Under the pool's name and the date; never over another one."""
        talk(pool)
        first = compact(pool, limit=SCALE.window).archive
        second = compact(pool).archive
        assert first != second
        assert {path.parent for path in (first, second)} == {store}
        assert first.name.startswith("bakery-")
        assert pool.store.names() == ["bakery"]
        assert _archive_of(pool, archive=True) != _archive_of(pool, archive=True)

    def test_an_archive_that_cannot_be_written_leaves_the_pool_as_it_was(self, pool, tmp_path):
        talk(pool)
        with pytest.raises(UserError, match="cannot write"):
            compact(pool, archive=tmp_path / "no" / "folder" / "x.gz")
        assert not any(isinstance(event, Folded) for event in pool.events())

    def test_an_archive_that_cannot_be_read_back_leaves_the_pool_as_it_was(self, pool, tmp_path, monkeypatch):
        """Such as that of a log with a time that no clock shows, which no import takes."""
        talk(pool)
        with monkeypatch.context() as clock:
            clock.setattr("time.time_ns", lambda: -1_000_000)
            pool.post("before all time")
        with pytest.raises(LogCorruptError, match=r"archive .* could not be read back .* the pool is as it was"):
            compact(pool, archive=tmp_path / "x.gz")
        assert not any(isinstance(event, Folded) for event in pool.events())
        assert not list(tmp_path.glob("x.gz*"))

    def test_notebooks_that_compact_at_once_keep_one_archive_of_the_pool_as_it_was(self, pool, store, tmp_path):
        """Whoever comes second finds nothing to fold."""
        talk(pool)
        before = list(pool.records())
        with running(_COMPACT) as one, running(_COMPACT) as two:
            assert [process.stdout.readline() for process in (one, two)] == ["ready\n"] * 2
            tell(one, two)
            folded = sorted(int(process.communicate(timeout=120)[0]) for process in (one, two))
        assert folded[0] == 0 < folded[1]
        (archive,) = store.glob("*.jsonl.gz")
        with import_pool(archive, "copy", tmp_path / "copy") as copy:
            assert list(copy.records()) == before

    def test_snapshots_stay_where_there_is_nothing_to_fold(self, pool):
        talk(pool)
        compact(pool, archive=False)
        snapshot(pool, engine="inline")
        before = status(pool)
        assert before[0]
        assert compact(pool).records == 0
        assert status(pool) == before

    def test_snapshots_stay_where_a_team_starts_while_the_archive_is_written(self, pool, tmp_path):
        talk(pool)
        snapshot(pool, engine="inline")
        before = status(pool)
        assert before[0]
        with pytest.raises(RunActiveError, match=r"run r2 is live in pool .* stop it first"):
            compact(pool, archive=Meanwhile(tmp_path / "x.gz", lambda: start_run(pool)))
        assert not any(isinstance(event, Folded) for event in pool.events())
        assert status(pool) == before

    def test_nobody_makes_snapshots_of_what_a_compaction_is_about_to_change(self, pool, tmp_path):
        """So that none are left to be removed when the pool is changed already."""
        talk(pool)
        snapshot(pool, engine="inline")

        def build():
            with open_pool("bakery") as other, pytest.raises(SnapshotsBusyError):
                snapshot(other, engine="inline", patience=0)

        assert compact(pool, archive=Meanwhile(tmp_path / "x.gz", build)).records
        assert status(pool) == (0, 0)

    def test_other_processes_read_and_write_on(self, pool):
        talk(pool)
        with open_pool("bakery") as other:
            before = everything(other)
            compact(pool)
            assert everything(other) == before
            other.post("it goes on")
        assert pool.document().turns[-1].text == "it goes on"

    def test_a_reader_that_is_in_mid_turn_reads_every_word_once(self, pool):
        """It has read some of a turn's deltas before the compaction, and reads the folded one after it."""
        talk(pool)
        document = Document()
        half = 400
        for event in pool.events(0, half):
            document.absorb(event)
        compact(pool)
        for event in pool.events(half):
            document.absorb(event)
        assert document.attempts == fold(pool.events()).attempts


@pytest.mark.kafka
class TestOnKafka(Compaction):
    @pytest.fixture
    def any_pool(self, kafka_store):
        with open_pool("bakery", kafka_store.url) as pool:
            yield pool

    def test_others_are_told_to_open_it_again(self, any_pool):
        talk(any_pool)
        with open_pool("bakery", any_pool.store.url) as other:
            other.document()
            done = compact(any_pool, archive=False)
            assert done.moved
            assert "also kept: topic" in str(done)
            with pytest.raises(LogMovedError, match="open it again"):
                other.post("lost?")
        assert "lost?" not in any_pool.document().text

    def test_the_archive_lies_in_the_users_folder(self, any_pool, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
        talk(any_pool)
        archive = compact(any_pool).archive
        assert archive.is_relative_to(tmp_path / "home")
        assert archive.stat().st_size
