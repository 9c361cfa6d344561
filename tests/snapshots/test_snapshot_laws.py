"""What snapshots say is what the log says: over random logs, at every offset of every branch."""

import random
from contextlib import closing
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool import Pool, Position
from agentpool_jupyter.snapshots import intake
from agentpool_jupyter.snapshots.file import SnapshotFile
from agentpool_jupyter.snapshots.folder import current, discard, making
from agentpool_jupyter.snapshots.keeper import PoolSnapshots
from agentpool_jupyter.snapshots.schema import Anchor
from agentpool_jupyter.snapshots.summary import Scale
from tests.pool.effect_logs import effect_logs
from tests.pool.effect_logs import facts as effect_facts
from tests.pool.strategies import logs
from tests.snapshots import mapreduce

scales = st.builds(Scale, st.integers(1, 6), st.integers(2, 3))
chances = st.integers(0, 2**32).map(random.Random)
numbers = count()


@pytest.fixture
def fresh(tmp_path):
    """Make a pool of record values, and a second view of it that has snapshots in a folder of its own."""
    opened = []

    def fresh(values):
        while opened:
            opened.pop().close()
        store = open_store(tmp_path / f"store{next(numbers)}")
        log = store.open("bakery")
        if values:
            log.append(values)
        folder = store.derived("bakery")
        folder.mkdir()
        opened.extend([Pool(log, store), Pool(store.open("bakery"), store, PoolSnapshots(folder, 0, print))])
        return opened

    yield fresh
    for pool in opened:
        pool.close()


def build(pool, scale, end, chance, *, split=()):
    """Build the snapshots of a pool up to an offset, in one go or in several."""
    folder = pool.store.derived("bakery")
    file, start = None, 0
    for stop in [*split, end]:
        until = scale.full(stop)
        if until > start:
            before = list(file.unfinished(start)) if file else []
            made = mapreduce.nodes(pool.unfenced(start, until), until, scale, chance, before)
            if file:
                intake.add(file, made, Anchor.of(pool.log, until))
            else:
                with making(folder, scale) as new:
                    intake.add(new, made, Anchor.of(pool.log, until))
                file = SnapshotFile(current(folder))
            start = until
    return file


def facts(document):
    return (
        list(document.attempts),
        list(document.turns),
        document.usage,
        document.unreadable,
        document.at,
        len(document),
        dict(document.files.entries),
    )


@given(logs(longest=40), scales, chances, st.integers(0, 60))
def test_every_earlier_document_is_the_one_of_the_raw_log(fresh, values, scale, chance, end):
    """Also of branches that were left, and at every offset that summaries, or only the log, reach."""
    raw, quick = fresh(values)
    build(raw, scale, min(end, raw.end), chance)
    for branch in raw.branches:
        for at in range(-1, raw.end):
            place = Position(branch, at)
            assert facts(quick.document(place)) == facts(raw.document(place))
            assert quick.document(place) == raw.document(place)


@given(logs(longest=60), scales, chances)
def test_branches_runs_and_the_head_come_from_the_chronicle(fresh, values, scale, chance):
    raw, quick = fresh(values)
    build(raw, scale, raw.end, chance)
    for name in ("forks", "tags", "head", "last_move"):
        assert getattr(quick.lineage, name) == getattr(raw.lineage, name)
    assert list(quick.runs) == list(raw.runs)
    assert quick.runs.claims.fences == raw.runs.claims.fences
    for run in raw.runs:
        for name in ("branch", "start", "spec", "finished", "claim", "released", "last_sign"):
            assert getattr(quick.runs[run], name) == getattr(raw.runs[run], name), name
    assert facts(quick.document()) == facts(raw.document())


@given(effect_logs(longest=60), scales, chances)
def test_effects_come_from_the_chronicle(fresh, values, scale, chance):
    """With all that they rest on: it is the same whether the log is read, or what snapshots keep of it."""
    raw, quick = fresh(values)
    build(raw, scale, raw.end, chance)
    assert effect_facts(quick.effects) == effect_facts(raw.effects)


@given(logs(longest=60), scales, chances, st.lists(st.integers(0, 60), max_size=3))
def test_building_in_several_goes_gives_the_same_file(fresh, values, scale, chance, split):
    raw, _ = fresh(values)
    whole = contents(build(raw, scale, raw.end, chance))
    discard(raw.store.derived("bakery"))
    parts = sorted(min(place, raw.end) for place in split)
    assert contents(build(raw, scale, raw.end, chance, split=parts)) == whole


@given(logs(longest=60), scales, chances, st.data())
def test_a_document_from_snapshots_goes_on_as_the_log_does(fresh, values, scale, chance, data):
    """What comes later, also what is delivered again, is merged as into any document."""
    cut = data.draw(st.integers(0, len(values)))
    raw, quick = fresh(values[:cut])
    build(raw, scale, cut, chance)
    assert facts(quick.document()) == facts(raw.document())
    if values[cut:]:
        raw.log.append(values[cut:])
    assert facts(quick.document()) == facts(raw.document())
    assert quick.branch == raw.branch


@given(logs(longest=60), scales, chances, st.data())
def test_turns_are_found_by_name_and_by_index(fresh, values, scale, chance, data):
    raw, quick = fresh(values)
    build(raw, scale, raw.end, chance)
    turns = list(raw.document().turns)
    for index, turn in enumerate(turns):
        document = quick.document()
        assert document.turn(turn.name) == turn
        assert quick.document().turns[index] == quick.document().turns[index - len(turns)] == turn
    assert quick.document().turn("nobody#1") is None
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(turns))] * 2)))
    assert quick.document().turns[low:high] == turns[low:high]


def contents(file):
    """Return all that a file holds."""
    if file is None:
        return None
    with closing(file):
        return file.tables()
