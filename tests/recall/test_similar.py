"""``similar``: what it finds, what it leaves out, and how it says so."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter import open_pool, snapshot
from agentpool_jupyter.errors import PositionError, UserError
from agentpool_jupyter.history import compact
from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool import Pool
from agentpool_jupyter.pool.events import Delta, Message, TurnFinished, TurnStarted
from agentpool_jupyter.recall import RecallIndex, similar
from agentpool_jupyter.recall.pools import MOST_OPEN
from agentpool_jupyter.recall.text.passages import passages
from agentpool_jupyter.recall.text.shingles import containment, jaccard, shingles
from tests.files import hidden, sql
from tests.programs import output

from .conftest import found_by_processes
from .counting_store import CountingStore

LEASE = "The oven lease comes first, because nothing bakes without an oven."
AGAIN = "The oven lease comes first, because nothing bakes without a fire."
LONG = f"{LEASE} " + " ".join(f"Then step {i} of the plan follows." for i in range(40))
JAM = "Jam is sweet and red and keeps for a year in a cool cellar."


def ids(matches):
    return {match.id for match in matches}


def test_a_turn_that_resembles_a_text(pool, say):
    turn = say(AGAIN)
    say(JAM)
    (match,) = similar(pool, LEASE)
    assert match.text == AGAIN
    assert match.score == match.resembles == jaccard(shingles(LEASE), shingles(AGAIN))
    assert (match.question, match.pool, match.turn, match.id) == ("resembles", "bakery", "planner#1", turn)
    assert (match.agent, match.branch, match.offset, match.end) == ("planner", "main", 0, 3)
    assert match.source == "planner#1 in bakery"


def test_a_short_thought_inside_a_long_text(pool, say):
    """It hardly resembles it, and is contained in it."""
    say(LONG)
    (match,) = similar(pool, LEASE)
    assert (match.question, match.score) == ("contained", 1.0)
    assert match.resembles < 0.2
    assert not similar(pool, LEASE, question="resembles")


def test_of_a_long_text_the_part_that_is_alike_is_shown(pool, say):
    """Not its beginning, which may say nothing of what was asked."""
    filler = " ".join(f"Then step {i} of the plan follows." for i in range(20))
    say(f"{filler} {LEASE} {filler}")
    (match,) = matches = similar(pool, LEASE)
    assert LEASE in match.excerpt
    assert len(match.excerpt) < 200 < len(match.text)
    assert LEASE in repr(matches)
    assert LEASE in matches._repr_html_().partition("</summary>")[0]


def test_resembling_by_a_low_threshold(pool, say):
    """Where the bands would miss too many."""
    say(LONG)
    (match,) = similar(pool, LEASE, question="resembles", threshold=0.01)
    assert match.score == jaccard(shingles(LEASE), shingles(LONG))


def test_a_turn_is_never_its_own_match(pool, say):
    """Whether it is named, given, or part of a document."""
    say(LEASE)
    other = say(AGAIN, "critic")
    document = pool.document()
    assert ids(similar(pool, "planner#1")) == {other}
    assert ids(similar(pool, document.turns[0])) == {other}
    assert not similar(pool, document)


def test_what_an_agent_is_saying_right_now(pool, say):
    """A turn that has not finished can be asked about; it is not found itself."""
    old = say(AGAIN)
    say(LEASE, "critic", finish=False)
    assert ids(similar(pool, "critic#1")) == {old}
    assert ids(similar(pool, LEASE)) == {old}


@pytest.mark.parametrize("reason", ["cancelled", "silent"])
def test_what_did_not_finish_is_not_found(pool, say, reason):
    say(LEASE, reason=reason)
    assert not similar(pool, LEASE)


def test_a_turn_is_found_as_soon_as_it_finished(pool, say):
    """The question itself takes in what is new."""
    turn = say(LEASE, finish=False)
    assert not similar(pool, LEASE)
    pool.append([TurnFinished(**pool.header("main", agent="planner"), turn=turn, deltas=2)])
    assert ids(similar(pool, LEASE)) == {turn}


def test_what_another_process_said_is_found(pool, store, say):
    say(JAM)
    assert not similar(pool, LEASE)
    program = f"import agentpool_jupyter as ap; ap.open_pool('bakery').post({LEASE!r})"
    output(program)
    assert [match.agent for match in similar(pool, LEASE)] == ["you"]


def test_filters_of_agents(pool, say):
    mine, other = say(LEASE, "planner"), say(AGAIN, "critic")
    assert ids(similar(pool, LEASE, agents="critic")) == {other}
    assert ids(similar(pool, LEASE, agents=["planner", "critic"])) == {mine, other}
    assert not similar(pool, LEASE, agents=[])


def test_filters_of_time(pool, say):
    """By position, and by the clock."""
    first, second = say(LEASE), say(AGAIN)
    now = datetime.now(UTC)
    assert ids(similar(pool, LEASE, since="planner#1")) == {second}
    assert ids(similar(pool, LEASE, until="planner#1")) == {first}
    assert ids(similar(pool, LEASE, until=3)) == {first}
    assert ids(similar(pool, LEASE, since="1h")) == {first, second}
    assert ids(similar(pool, LEASE, since=now - timedelta(hours=1), until=now + timedelta(hours=1))) == {first, second}
    assert not similar(pool, LEASE, until=now - timedelta(hours=1))


def test_branches(pool, say):
    """What was rolled back is found, under its own name, unless a line is asked for."""
    kept = say(LEASE)
    left = say(AGAIN)
    pool.rollback("planner#1")
    fresh = say(f"{LEASE} Indeed.")
    found = {match.id: (match.turn, match.branch) for match in similar(pool, LEASE)}
    assert found == {kept: ("planner#1", "main"), left: ("planner#2", "main"), fresh: ("planner#2", "main-2")}
    assert ids(similar(pool, LEASE, branch="main-2")) == {kept, fresh}
    assert ids(similar(pool, LEASE, branch="main")) == {kept, left}
    with pytest.raises(PositionError, match="no branch 'nowhere'"):
        similar(pool, LEASE, branch="nowhere")


def test_the_names_of_a_pool_with_snapshots(store, say):
    """Of its turns only those beside a hit are loaded, and names are those of the line as it is now."""
    with open_pool("bakery", snapshot_every=0) as pool:
        header = pool.header("main", agent="you")
        said = [LEASE if number == 500 else f"{JAM} number {number}" for number in range(2100)]
        pool.append([Message(**header | {"id": pool.new_id()}, text=text) for text in said])
        snapshot(pool, engine="inline")
    with open_pool("bakery", snapshot_every=0) as pool:
        assert [match.turn for match in similar(pool, LEASE)] == ["you#501"]
        assert [block.start for block in pool.document()._settled.blocks if block._loaded] == [0]
        say(AGAIN)
        assert [match.turn for match in similar(pool, LEASE)] == ["you#501", "planner#1"]
        pool.rollback("you#2")
        pool.post(LEASE)
        assert [match.turn for match in similar(pool, LEASE, branch="main-2")] == ["you#3"]
        assert {match.turn for match in similar(pool, LEASE)} == {"you#3", "you#501", "planner#1"}


def test_over_all_pools_of_the_store(pool, say, store):
    turn = say(LEASE)
    with open_pool("kiosk") as kiosk:
        kiosk.post(AGAIN)
    assert ids(similar(pool, LEASE)) == {turn}
    matches = similar(pool, LEASE, over="all")
    assert [(match.pool, match.turn) for match in matches] == [("bakery", "planner#1"), ("kiosk", "you#1")]


def test_of_many_pools_few_are_open_at_a_time(store):
    """All are searched, and of what is found turns are named, wherever it was said."""
    for number in range(40):
        with open_pool(f"pool{number}") as other:
            other.post(JAM if number % 2 else LEASE)
            other.fork("idea")
    counting = CountingStore(store)
    with Pool(counting.open("pool0"), counting) as pool:
        for branch in (None, "idea"):
            matches = similar(pool, LEASE, k=40, over="all", branch=branch)
            assert {match.pool for match in matches} == {f"pool{number}" for number in range(0, 40, 2)}
            assert {match.turn for match in matches} == {"you#1"}
        assert (counting.open_now, counting.most) == (1, 1 + MOST_OPEN + 1)


def test_a_deleted_pool_is_forgotten_and_one_made_anew_is_read_anew(pool, store):
    """Its index has nothing of the pool that had the name before."""
    with open_pool("kiosk") as kiosk:
        kiosk.post(LEASE)
        assert len(similar(pool, LEASE, over="all")) == 1
    pool.store.delete("kiosk")
    assert not similar(pool, LEASE, over="all")
    with open_pool("kiosk") as kiosk:
        kiosk.post(JAM)
        similar(pool, JAM, over="all")
    pool.store.delete("kiosk")
    with open_pool("kiosk") as kiosk:
        kiosk.post(AGAIN)
        kiosk.post("More of the same.")
    assert [match.text for match in similar(pool, LEASE, over="all")] == [AGAIN]
    assert not similar(pool, JAM, over="all")


def test_the_best_come_first_and_no_more_than_asked(pool, say):
    texts = [" ".join([*LEASE.split()[: 11 - i], *(f"w{i}{j}" for j in range(i))]) for i in range(6)]
    for text in texts:
        say(text)
    found = [match.text for match in similar(pool, LEASE, k=3)]
    assert found == texts[:3]


def test_of_equals_the_newest_comes_first(pool, say):
    turns = [say(LEASE) for _ in range(100)]
    assert [match.id for match in similar(pool, LEASE, k=2)] == turns[:-3:-1]


def test_a_long_turn_is_found_once_and_says_the_line(pool, say):
    text = "\n".join(f"Line {i} speaks of thing {i * 7}." for i in range(400))
    say(text)
    (match,) = similar(pool, "Line 300 speaks of thing 2100. Line 301 speaks of thing 2107.")
    assert "Line 300 speaks" in match.text
    assert text.split("\n")[match.line - 1].startswith("Line 300")


def test_a_short_turn_says_the_line_too(pool, say):
    """Of the quote, and not of the heading above it."""
    say(f"# Plan\n\n{LEASE}\nSo it is.")
    (match,) = similar(pool, LEASE)
    assert (match.line, match.source) == (3, "planner#1 in bakery, line 3")


def test_a_quote_comes_first(pool, say):
    """Before what resembles the text more and does not say it."""
    same = say(LEASE)
    quote = say(f"{LEASE} And then there is the flour to think about, too.")
    near = say(AGAIN)
    found = similar(pool, LEASE)
    expected = [(same, "resembles"), (quote, "contained"), (near, "resembles")]
    assert [(match.id, match.question) for match in found] == expected
    assert found[0].score == found[1].score == 1.0 > found[2].score > found[1].resembles >= 0.5
    assert [match.id for match in similar(pool, LEASE, question="resembles")] == [same, near, quote]


def test_where_nothing_is_alike_the_nearest_is_told(pool, say):
    """With its scores, so that a threshold can be chosen; what was not asked for is not near."""
    say(JAM)
    say("Jam is sweet. The oven lease is something else.", "critic")
    for question in ("both", "resembles", "contained"):
        found = similar(pool, LEASE, question=question)
        assert not found
        (note,) = found.notes
        assert note.startswith(
            "nearest is critic#1 in bakery (0.20 contained, 0.12 alike, threshold 0.5): Jam is sweet."
        )
    assert similar(pool, LEASE, threshold=0.2)
    assert similar(pool, LEASE, agents="nobody").notes == []
    assert similar(pool, "quite other words").notes == []


@pytest.mark.parametrize("bad", ["bad (copy)", "damaged", "other", "folder"])
def test_a_bad_file_beside_the_pools_is_passed_over_and_told(pool, say, store, bad):
    """A search over all goes on with the others."""
    with open_pool("kiosk") as kiosk:
        kiosk.post(LEASE)
    say(AGAIN)
    path = store / f"{bad}.sqlite"
    if bad == "folder":
        path.mkdir()
    elif bad == "other":
        sql(path, "CREATE TABLE t (a)")
    else:
        path.write_bytes(b"junk" * 500 if bad == "damaged" else (store / "kiosk.sqlite").read_bytes())
    found = similar(pool, LEASE, over="all")
    assert {match.pool for match in found} == {"bakery", "kiosk"}
    assert [note.startswith(f"what was said last in pool {bad!r} is not found: ") for note in found.notes] == [True]


def test_a_pool_that_is_damaged_later_is_found_as_it_was(pool, store):
    """Under the names of agents, because that of a turn is read from the pool."""
    with open_pool("kiosk") as kiosk:
        kiosk.post(LEASE)
        assert similar(pool, LEASE, over="all")[0].turn == "you#1"
    for suffix in ("-wal", "-shm"):
        (store / f"kiosk.sqlite{suffix}").unlink(missing_ok=True)
    (store / "kiosk.sqlite").write_bytes(b"junk" * 500)
    found = similar(pool, LEASE, over="all")
    assert [(match.turn, match.pool) for match in found] == [("you", "kiosk")]
    assert "pool 'kiosk'" in found.notes[0]
    assert not similar(pool, LEASE, over="all", branch="main")


@pytest.mark.parametrize("text", ["", "   ", "\ud83d", "\x00", "=>", "a", "?" * 5000])
def test_odd_queries_are_no_errors(pool, say, text):
    """Nor are odd turns."""
    say(LEASE)
    say(text + "x")
    similar(pool, text)
    similar(pool, "planner#2")


def test_one_word_is_told_to_be_too_little(pool, say):
    say(LEASE)
    matches = similar(pool, "lease")
    assert not matches
    assert "one word" in matches.notes[0]


@pytest.mark.nightly
def test_ten_megabytes(pool, say):
    """As a turn, and as a query."""
    say("".join(f"word{i} " for i in range(1_000_000)))
    (match,) = similar(pool, "word500000 word500001 word500002")
    assert match.score == 1.0
    assert not similar(pool, "".join(f"other{i} " for i in range(1_000_000)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": 0}, "threshold is 0"),
        ({"threshold": 1.1}, "threshold is 1.1"),
        ({"k": 0}, "k is 0"),
        ({"question": "same"}, "question is 'same'"),
        ({"over": "world"}, "cannot look over world"),
    ],
)
def test_options_that_mean_nothing(pool, options, said):
    with pytest.raises(UserError, match=said):
        similar(pool, LEASE, **options)


def test_a_turn_that_is_not_there(pool):
    with pytest.raises(PositionError, match="no turn 'planner#9'"):
        similar(pool, "planner#9")


def test_matches_display_themselves(pool, say):
    """As text, as HTML in which nothing of theirs is live, and as a data frame."""
    say(f"<script>alert(1)</script> {LEASE}")
    matches = similar(pool, LEASE)
    assert "planner#1 in bakery" in repr(matches)
    assert "<script>" not in matches._repr_html_()
    assert "&lt;script&gt;" in matches._repr_html_()
    frame = matches.to_pandas()
    assert frame["score"].tolist() == [matches[0].score]
    assert frame["turn"].tolist() == ["planner#1"]
    assert repr(similar(pool, JAM)) == "nothing alike"
    assert similar(pool, JAM).to_pandas().empty
    assert len(matches[:1]) == 1


words = st.sampled_from(["the", "oven", "lease", "comes", "first", "我们", "先租", "x"])
sayings = st.lists(words, min_size=1, max_size=8).map(" ".join)


@given(st.lists(sayings, max_size=8), sayings, st.sampled_from([0.2, 0.42, 0.5, 0.8, 1.0]))
def test_scores_are_exact_and_containment_misses_nothing(tmp_path_factory, texts, query, threshold):
    """Against every text compared with every text."""
    with open_pool("bakery", tmp_path_factory.mktemp("pools")) as pool:
        for text in texts:
            pool.post(text)
        asked = shingles(query)
        found = similar(pool, query, k=100, threshold=threshold, question="contained")
        exact = [containment(asked, shingles(text)) for text in texts]
        assert sorted(match.score for match in found) == sorted(one for one in exact if one >= threshold)
        for match in similar(pool, query, k=100, threshold=threshold, question="resembles"):
            assert match.score == jaccard(asked, shingles(match.text)) >= threshold


def test_the_index_goes_on_after_a_restart(pool, say, store):
    """A turn under way when it closed is found whole when it finishes."""
    say(JAM)
    turn = say(LEASE, finish=False)
    with RecallIndex(pool.store) as index:
        similar(pool, JAM, index=index)
    with RecallIndex(pool.store) as index:
        assert index.backend.mark("pool:bakery") is not None
        header = pool.header("main", agent="planner")
        pool.append(
            [Delta(**header, turn=turn, seq=2, text=" Truly."), TurnFinished(**header | {"id": "f"}, turn=turn)]
        )
        (match,) = similar(pool, LEASE, index=index)
        assert match.text == f"{LEASE} Truly."


def test_many_processes_may_build_one_index(pool, say):
    """Every turn is there once."""
    for number in range(60):
        say(f"{LEASE} For the {number} time.")
    assert found_by_processes(3, LEASE) == ["60"] * 3


def test_passages_of_the_query_are_all_asked(pool, say):
    """A long query finds what stands near its end."""
    turn = say(LEASE)
    query = "\n".join(f"filler {i} of the day" for i in range(500)) + "\n" + LEASE
    assert len(list(passages(query))) > 3
    found = similar(pool, query, threshold=0.05)
    assert ids(found) == {turn}


@pytest.mark.parametrize("missing", ["rensa", "numpy"])
def test_a_missing_library_is_told_when_it_is_needed(store, missing):
    """The package and the name can be had without it."""
    program = f"""
import sys
sys.modules[{missing!r}] = None
import agentpool_jupyter as ap
from agentpool_jupyter.recall import similar
from agentpool_jupyter.errors import ExtraMissingError
try:
    similar(ap.open_pool("bakery"), "the oven")
except ExtraMissingError as error:
    print(error)
"""
    assert output(program).strip() == f"recall needs {missing}: pip install 'agentpool-jupyter[recall]'"


def made_anew(store):
    """Delete the pool, and open another one of its name."""
    open_store(store).delete("bakery")
    return open_pool("bakery")


@pytest.mark.parametrize("finish", [False, True])
def test_a_pool_that_is_made_anew_is_read_from_its_beginning(pool, say, store, finish):
    """Also where nothing of the old one was stored yet, because its only turn was under way."""
    with RecallIndex(pool.store) as index:
        say(JAM, finish=finish)
        similar(pool, JAM, index=index)
        pool.close()
        with made_anew(store) as again:
            again.post(LEASE)
            for number in range(6):
                again.post(f"number {number}")
            assert [match.offset for match in similar(again, LEASE, index=index)] == [0]
            assert not similar(again, JAM, index=index)


def test_a_pool_that_is_opened_again_is_read_on(pool, say, store):
    """Nothing of what was read before is read again, stored or not."""
    with RecallIndex(pool.store) as index:
        turn = say(LEASE, finish=False)
        similar(pool, JAM, index=index)
        with open_pool("bakery") as again:
            with hidden(store, 0, 0):
                again.append([TurnFinished(**again.header("main", agent="planner"), turn=turn, deltas=2)])
                index.follow(again)
            assert [match.offset for match in similar(again, LEASE, index=index)] == [0]


def test_after_a_restart_a_turn_under_way_is_not_read_again(pool, say, store):
    """What it had said is kept with the index; the log before could as well say nothing."""
    turn = say(LEASE, finish=False)
    say(JAM, "critic")
    with RecallIndex(pool.store) as index:
        index.follow(pool)
    sql(store / "bakery.sqlite", "UPDATE records SET value = 'x' WHERE offset < 3")
    pool.append([TurnFinished(**pool.header("main", agent="planner"), turn=turn, deltas=2)])
    with RecallIndex(pool.store) as index:
        index.follow(pool)
        ids, _ = index.backend.sharing(shingles(LEASE))
        (text,) = [item.text for _, item in index.backend.fetch(ids.tolist()) if item.key == turn]
        assert text == LEASE


def test_a_turn_that_was_compacted_while_it_was_followed(pool, say):
    """The index has heard its beginning; its end is found too."""
    header = pool.header(pool.branch, run="r1", agent="planner")
    turn = pool.new_id()
    words = [f"{word} " for word in (LEASE + JAM).split()]
    deltas = [Delta(**header | {"id": pool.new_id()}, turn=turn, seq=i, text=one) for i, one in enumerate(words)]
    with RecallIndex(pool.store) as index:
        pool.append([TurnStarted(**header, turn=turn), *deltas[:4]])
        assert not similar(pool, JAM, index=index)
        pool.append(deltas[4:])
        pool.append([TurnFinished(**header | {"id": pool.new_id()}, turn=turn, deltas=len(words))])
        for number in range(1100):  # only whole windows are compacted
            pool.post(f"number {number}")
        assert compact(pool, archive=False).records
        (match,) = similar(pool, "".join(words), k=1, index=index)
        assert (match.id, match.text) == (turn, "".join(words))


def test_two_stores_share_a_file(pool, store, tmp_path):
    """Each finds what is its own, and forgets no pool of the other; documents are both's."""
    notes = tmp_path / "notes.md"
    notes.write_text(f"{LEASE} It is written.")
    with open_pool("bakery", tmp_path / "elsewhere") as other, open_pool("bistro", tmp_path / "elsewhere") as bistro:
        pool.post(LEASE)
        other.post(f"{LEASE} Says the other.")
        bistro.post(f"{LEASE} Says the bistro.")
        for place in (tmp_path / "shared.index", store / "recall.index"):
            with RecallIndex(pool.store, place) as mine, RecallIndex(other.store, place) as theirs:
                mine.library.add(notes)
                for _ in range(2):
                    found = similar(pool, LEASE, over=["all", "library"], index=mine)
                    assert [match.text for match in found] == [LEASE, f"{LEASE} It is written."]
                    found = similar(other, LEASE, over=["all", "library"], index=theirs)
                    assert {match.text.removeprefix(LEASE) for match in found} == {
                        " Says the other.",
                        " Says the bistro.",
                        " It is written.",
                    }
                theirs.forget("bakery")
                assert len(similar(pool, LEASE, index=mine)) == 1


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_pool_is_forgotten_at_once(pool, store, tmp_path, kind, request):
    """Nothing of its text is left in any file of the index."""
    address = tmp_path / "index" / "own" if kind == "sqlite" else request.getfixturevalue("redis_url")
    with RecallIndex(pool.store, address) as index:
        pool.post(LEASE)
        index.follow(pool)
        index.backend.clear("was damaged (a test)")
        index.follow(pool)
        assert len(index.backend) == 1
        index.forget("bakery", "unknown")
        assert (len(index.backend), index.backend.sources()) == (0, [])
        if kind == "sqlite":
            files = list(address.parent.iterdir())
            assert len(files) > 2
            assert not any(b"nothing bakes" in path.read_bytes() for path in files)
        assert len(similar(pool, LEASE, index=index)) == 1


def test_forgetting_what_was_deleted_in_a_damaged_index(pool):
    """It is made anew instead of an error."""
    with RecallIndex(pool.store) as index:
        pool.post(LEASE)
        index.follow(pool)
        index.backend._file._db.execute("DROP TABLE sources")
        index.forget_deleted([])
        assert "rebuilt from the log" in index.take_notes()[0]
        assert len(similar(pool, LEASE, index=index)) == 1


@pytest.mark.kafka
def test_a_pool_on_kafka_is_followed_and_gone_on_with(kafka_url, tmp_path):
    """Its index is a file of this machine, and goes on where it stood."""
    with open_pool("bakery", kafka_url) as pool:
        pool.post(LEASE)
        with RecallIndex(pool.store, tmp_path / "recall.index") as index:
            assert [match.turn for match in similar(pool, LEASE, index=index, over="all")] == ["you#1"]
    with open_pool("bakery", kafka_url) as pool, RecallIndex(pool.store, tmp_path / "recall.index") as index:
        pool.post(f"{LEASE} again")
        matches = similar(pool, LEASE, index=index)
        assert ([match.turn for match in matches], matches.notes) == (["you#1", "you#2"], [])
