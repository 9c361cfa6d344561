"""``%similar`` in a real IPython shell."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from IPython.core.error import UsageError

import agentpool_jupyter as ap
from agentpool_jupyter.errors import PoolNotFoundError, UserError
from agentpool_jupyter.jupyter.magics.similar.insertable import ClickableMatches
from agentpool_jupyter.jupyter.magics.similar.line import split_line
from tests import teams
from tests.programs import at_once, output

from .conftest import completed

LEASE = "The oven lease comes first, because nothing bakes without an oven."
AGAIN = "The oven lease comes first, because nothing bakes without a fire."
JAM = "Jam is sweet and red and keeps for a year in a cool cellar."


@pytest.fixture
def say(pool, shell):
    """A function with which an agent says something in a turn of its own; the pool is the current one."""
    shell.run_line_magic("pool", "use bakery")
    return partial(teams.say, pool)


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "my docs"
    folder.mkdir()
    (folder / "notes.md").write_text(f"# Plan\n\n{LEASE}\n")
    (folder / "more.txt").write_text(JAM)
    return folder


@pytest.fixture
def similar(shell):
    """Run the magic, on a line or over a cell."""

    def run(line="", cell=None):
        if cell is None:
            return shell.run_line_magic("similar", line)
        return shell.run_cell_magic("similar", line, cell)

    return run


def texts(hits):
    return [hit.text for hit in hits]


# What is looked for --------------------------------------------------------------------------------------------


def test_a_text(say, similar):
    say(AGAIN)
    say(JAM)
    hits = similar(LEASE)
    assert texts(hits) == [AGAIN]
    assert isinstance(hits, ap.Matches)
    assert hits.about == f"like {LEASE}"


def test_the_value_of_a_cell(say, shell):
    """It is there as ``_``, as an expression of the next cell takes it."""
    say(AGAIN)
    assert shell.run_cell(f"%similar {LEASE}", store_history=True).success
    shell.run_cell("kept = _.to_pandas()", store_history=True)
    assert list(shell.user_ns["kept"].turn) == ["planner#1"]


def test_a_turn(say, similar):
    say(LEASE)
    say(AGAIN, "critic")
    assert texts(similar("planner#1")) == [AGAIN]
    assert texts(similar("  critic#1  ")) == [LEASE]


def test_nothing_means_the_latest_finished_turn(say, similar):
    say(AGAIN)
    say(LEASE)
    say(JAM, "critic", finish=False)
    hits = similar()
    assert texts(hits) == [AGAIN]
    assert hits.about.startswith("like planner#2, the latest: The oven")


def test_what_an_agent_is_saying_right_now(say, similar):
    say(AGAIN)
    say(LEASE, "critic", finish=False)
    hits = similar("--now critic")
    assert texts(hits) == [AGAIN]
    assert hits.about.startswith("like critic#1 so far: ")


def test_an_agent_that_is_not_speaking(say, similar):
    """Those who are, are named."""
    say(LEASE)
    with pytest.raises(UsageError, match="planner is not speaking now; speaking in pool 'bakery': nobody"):
        similar("--now planner")
    say(JAM, "critic", finish=False)
    say("", "treasurer", finish=False)
    with pytest.raises(UsageError, match=r"baker is not speaking now, and has not been .* critic, treasurer"):
        similar("--now baker")
    with pytest.raises(UsageError, match="treasurer has begun treasurer#1 and not said a word yet"):
        similar("--now treasurer")


def test_the_whole_document(say, similar, docs):
    """Each of its turns is looked up, and none is its own hit."""
    say(LEASE)
    say(JAM)
    similar(f'--add "{docs}"')
    hits = similar("--document")
    assert {Path(hit.file).name for hit in hits} == {"notes.md", "more.txt"}


@pytest.mark.parametrize("over", ["", "--over library "])
def test_the_library_needs_no_pool(similar, shell, docs, over):
    """Only what is to be put somewhere does."""
    similar(f'--add "{docs}"')
    hits = similar(f"{over}{LEASE}")
    assert [Path(hit.file).name for hit in hits] == ["notes.md"]
    assert hits.notes == ([] if over else ["no pool 'default' is there yet: only the library was searched"])
    assert texts(similar("", LEASE)) == texts(hits)
    with pytest.raises(PoolNotFoundError, match="`%pool use default` makes it"):
        hits.insert()
    shell.run_line_magic("pool", "use default")
    assert hits.insert() == 0


@pytest.mark.parametrize(
    "line", [LEASE, "", "--now planner", "--document", f"--over pool {LEASE}", f"--pool x {LEASE}"]
)
def test_what_needs_a_pool_says_so(similar, docs, line):
    """As all does where there are no documents either."""
    if line != LEASE:
        similar(f'--add "{docs}"')
    with pytest.raises(UsageError, match=r"no pool '(default|x)' in .*`%pool use (default|x)` makes it"):
        similar(line)


def test_a_region_of_the_notebook(say, similar, shell):
    """The cell is the query, variables are filled in, single braces are left alone."""
    say(AGAIN)
    shell.user_ns["what"] = "nothing bakes"
    hits = similar("-k 2", "The oven {lease} comes first,\nbecause {{ what }} without an oven.\n")
    assert texts(hits) == [AGAIN]
    with pytest.raises(UsageError, match=r"line 3: \{\{wat\}\} is no variable of this notebook.*what"):
        similar("", "The oven lease\n{{wat}}")


# The line ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        """don't say "the oven's lease" {now}""",
        "f{x} {{}} ${HOME} $what %s \\n",
        '"the oven lease"',
        "a -- b --first, then c # not a comment",
        "-5 degrees and - a dash",
        "--",
        "- [ ] a task",
        "[a](b) <b>c</b> & more | less > ~/x *",
        "the oven's --colour and -x",
        '"use -k 3"',
    ],
)
def test_texts_need_no_quotes(say, similar, shell, text):
    """They arrive as they were written; options go on working around them."""
    parser = shell.find_line_magic("similar").parser
    if text != "--":
        assert split_line(f"{text}", parser) == ([], text)
        assert split_line(f"-k 3 {text}", parser) == (["-k", "3"], text)
    assert split_line(f"-k 3 -- {text}", parser) == (["-k", "3"], text)


def test_questions_are_no_calls_for_help(say, shell, capsys):
    """Except where nothing is asked; texts and other magics' bodies are left alone."""
    say(LEASE)
    for cell in (
        "%similar why does the oven lease come first?",
        "if True:\n    %similar what is 'the oven lease'??  \n",
    ):
        assert shell.run_cell(cell).success
    assert "not found" not in capsys.readouterr().out
    shell.run_cell('text = """\n%similar why?\n"""')
    assert shell.user_ns["text"] == "\n%similar why?\n"
    assert "pinfo" in shell.transform_cell("%similar?")
    assert "'why?'" not in shell.transform_cell("%%writefile x\n%similar why?")
    shell.run_line_magic("unload_ext", "agentpool_jupyter")
    assert "pinfo" in shell.transform_cell("%similar why?")
    shell.run_line_magic("load_ext", "agentpool_jupyter")


def test_options_after_the_text(shell):
    parser = shell.find_line_magic("similar").parser
    line = "the oven's lease --agent planner -k 3 --over=pools"
    assert split_line(line, parser) == (["--agent", "planner", "-k", "3", "--over=pools"], "the oven's lease")
    assert split_line('--add "my docs/*.md" the lease', parser) == (["--add", "my docs/*.md"], "the lease")
    assert split_line("--thresh 0.2 the lease -k9", parser) == (["--thresh", "0.2", "-k9"], "the lease")


def test_a_quoted_turn_is_a_text(say, similar):
    say("We go back to planner 2 now.")
    say("Something.", "you")
    assert texts(similar('"planner#2"')) == ["We go back to planner 2 now."]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("planner#9", "no turn 'planner#9'"),
        ("the oven -k three", "invalid int value"),
        ("the oven -k", "expected one argument"),
        ("the oven -k 0", "ask for one match or more"),
        ("--threshold 2 the oven", "above 0 and up to 1"),
        ("--question why the oven", "invalid choice"),
        ("--over moon the oven", "invalid choice"),
        ("--frob the oven", "--frob is no option"),
        ("the oven --treshold 3 lease", "--treshold is no option, did you mean --threshold"),
        ("the oven --agent critic lease", "--agent stands within the text"),
        ("--now critic the oven", "one query at a time, not a text and --now"),
        ("--document --now critic", "one query at a time"),
        ("the oven --since 99", "no offset 99"),
        ("the oven --since never", "no position 'never'"),
        ("the oven --branch none", "no branch 'none'"),
        ("the oven --pool none", "no pool"),
        ("--add nowhere/*.md", "names no file"),
        ("--remove nowhere", "the library has no document nowhere"),
    ],
)
def test_mistakes_are_told_in_one_line(say, similar, line, says):
    say(LEASE)
    with pytest.raises(UsageError, match=says) as error:
        similar(line)
    assert "\n" not in str(error.value)


def test_a_cell_is_the_query(say, similar):
    say(LEASE)
    for cell in ("", "  \n "):
        with pytest.raises(UsageError, match="is empty"):  # IPython refuses the first itself
            similar("", cell)
    with pytest.raises(UsageError, match="not a text and a cell together"):
        similar("the oven", "the oven")


def test_an_empty_pool(say, similar):
    with pytest.raises(UsageError, match="needs a text"):
        similar()
    with pytest.raises(UsageError, match="no document yet"):
        similar("--document")
    assert repr(similar("the oven lease")) == "like the oven lease\nnothing alike"


def test_one_word_is_told_to_be_too_few(say, similar):
    say(LEASE)
    assert "note: a query of one word" in repr(similar("oven"))


def test_an_index_that_cannot_be_opened_is_told(say, similar, tmp_path, monkeypatch):
    say(LEASE)
    (tmp_path / "file").touch()
    monkeypatch.setenv("AGENTPOOL_INDEX", str(tmp_path / "file" / "recall.index"))
    with pytest.raises(UsageError, match="for the index: File exists"):
        similar("the oven lease")


def test_a_missing_extra_is_named(pool):
    """One line says what to install."""
    program = (
        "import sys; sys.modules['rensa'] = None\n"
        "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
        "from IPython.core.error import UsageError\n"
        "shell = Shell.instance(); shell.run_line_magic('load_ext', 'agentpool_jupyter')\n"
        "shell.run_line_magic('pool', 'use bakery')\n"
        "try: shell.run_line_magic('similar', 'the oven lease')\n"
        "except UsageError as error: print(error)\n"
    )
    assert output(program) == "recall needs rensa: pip install 'agentpool-jupyter[recall]'\n"


# Filters and places --------------------------------------------------------------------------------------------


def test_filters(say, similar):
    say(LEASE)
    say(AGAIN, "critic")
    assert texts(similar(f"{LEASE} --agent critic")) == [AGAIN]
    assert texts(similar(f"{LEASE} --agent critic --agent planner -k 1")) == [LEASE]
    assert texts(similar(f"{LEASE} --since planner#1")) == [AGAIN]
    assert texts(similar(f"{LEASE} --until planner#1")) == [LEASE]
    assert texts(similar(f"{LEASE} --since -1")) == [AGAIN]
    assert texts(similar(f"{LEASE} --threshold 0.9")) == [LEASE]
    assert [hit.question for hit in similar("the oven lease --question contained")] == ["contained"] * 2


def test_branches(say, similar, shell):
    """What was rolled back is found, unless a line is asked for."""
    say(JAM)
    say(LEASE)
    shell.run_line_magic("rollback", "planner#1")
    assert texts(similar("the oven lease")) == [LEASE]
    assert texts(similar("the oven lease --branch main-2")) == []
    assert texts(similar("the oven lease --branch main")) == [LEASE]


def test_pools_of_the_store(say, similar):
    say(JAM)
    with ap.open_pool("brewery") as other:
        other.post(LEASE)
    assert texts(similar("the oven lease")) == []
    (hit,) = similar("the oven lease --over pools")
    assert hit.source == "you#1 in brewery"
    (hit,) = similar("the oven lease --pool brewery")
    assert hit.pool == "brewery"


# The index -----------------------------------------------------------------------------------------------------


def test_the_index_is_brought_up_to_date_by_a_job(say, similar, capsys):
    """Of all pools of the store, with a bar and options as ``%snapshot`` has them; what it made is found."""
    say(LEASE)
    done = similar("--index --engine local -O num_cores=1")
    assert "index on local: step 1 of" in capsys.readouterr().out
    assert [(one.pool, one.engine, one.passages) for one in done] == [("bakery", "local", 1)]
    assert len(similar(LEASE)) == 1
    assert "nothing to do" in repr(similar("--index --engine inline"))
    with pytest.raises(UsageError, match="write NAME=VALUE"):
        similar("--index -O cores")
    with pytest.raises(UsageError, match="no engine 'presto'"):
        similar("--index --engine presto")


def test_pools_that_cannot_be_read_do_not_stop_the_index(say, similar, store):
    """They are told, and the others are indexed and closed again."""
    say(LEASE)
    with ap.open_pool("kiosk") as kiosk:
        kiosk.post(JAM)
    (store / "rubble.sqlite").write_bytes(b"no database " * 1000)
    done = similar("--index --engine inline")
    assert [one.pool for one in done] == ["bakery", "kiosk", "rubble"]
    assert "pool 'rubble' was passed over: " in repr(done)
    assert texts(similar("--pool kiosk Jam is sweet and red and keeps")) == [JAM]


# The library ---------------------------------------------------------------------------------------------------


def test_documents_are_added_searched_listed_and_removed(say, similar, docs, capsys):
    (docs / "picture.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    added = similar(f"--add '{docs}'")
    assert sorted(Path(path).name for path in added.read) == ["more.txt", "notes.md"]
    told = repr(added)
    assert "added 2 documents, skipped 1" in told
    assert f"{docs / 'picture.md'} is a binary file" in told
    assert "notes.md" in added._repr_html_()
    assert f"{docs / 'more.txt'}" in repr(similar("--library"))
    (hit,) = similar(LEASE)
    assert hit.file == str(docs / "notes.md")
    assert texts(similar(f"{LEASE} --over pool")) == []
    assert "removed 2 documents" in similar(f'--remove "{docs}"')
    assert "the library is empty" in repr(similar("--library"))
    assert texts(similar(LEASE)) == []


def test_a_path_may_stand_in_a_variable_of_the_notebook(shell, similar, docs):
    shell.user_ns["folder"] = docs
    assert len(similar("--add '{{folder}}/*.md'").read) == 1
    assert "removed 1 document" in similar("--remove '{{folder}}/notes.md'")


def test_adding_and_asking_in_one_line(say, similar, docs, capsys):
    hits = similar(f'--add "{docs}/*.md" {LEASE}')
    assert len(hits) == 1
    assert "added 1 document" in capsys.readouterr().out


def test_many_documents_are_read_under_a_bar(similar, docs, capsys):
    """In a terminal that is a line; a few documents need none."""
    similar(f'--add "{docs}"')
    assert capsys.readouterr().out == ""
    for i in range(60):
        (docs / f"{i}.md").write_text(f"This is note {i} of sixty.")
    added = similar(f'--add "{docs}/*.md" --add "{docs}/more.txt"')
    assert "reading documents: step 1 of 2" in capsys.readouterr().out
    assert (len(added.read), added.unchanged) == (60, 2)
    assert "and 10 more" in repr(added)


def test_a_library_needs_no_pool(similar, docs):
    assert len(similar(f'--add "{docs}"').read) == 2


def test_a_folder_that_vanished_is_told(say, similar, docs):
    similar(f'--add "{docs}"')
    shutil.rmtree(docs)
    hits = similar(LEASE)
    assert len(hits) == 1
    assert "is gone" in repr(hits)
    assert "gone, found as it was read last" in repr(similar("--library"))


# Inserting -----------------------------------------------------------------------------------------------------


def test_a_hit_is_inserted_once(say, similar, docs, pool, monkeypatch):
    """As a message of the person's, with the source in front."""
    say("Something else.")
    similar(f'--add "{docs}"')
    monkeypatch.chdir(docs)
    hits = similar(LEASE)
    offset = hits.insert(0)
    assert hits.insert(0) == offset == pool.end - 1
    (message,) = pool.events(offset)
    assert (message.agent, message.text) == ("you", f"From notes.md:3: # Plan\n\n{LEASE}\n")
    with pytest.raises(IndexError):
        hits.insert(1)


def test_a_hit_goes_into_the_pool_that_was_asked(say, similar, shell):
    """Also where another one is current by then, or it was compacted."""
    say(LEASE)
    hits = similar("the oven lease")
    shell.run_line_magic("pool", "use brewery")
    shell.run_line_magic("pool", "compact bakery")
    offset = hits.insert()
    with ap.open_pool("bakery") as pool:
        assert pool.document().turns[-1].start == offset


@pytest.fixture
def clickable(say, similar):
    """Hits as a notebook has them; what is sent to a page goes nowhere here."""
    made = []

    def ask(line, *, show=True):
        hits = similar(line)
        made.append(ClickableMatches(hits, hits.about, hits._post))
        if show:
            made[-1]._ipython_display_()
        return made[-1]

    yield ask
    for hits in made:
        hits.close()


def buttons(hits):
    return hits._widget._buttons


def test_a_click_inserts(say, clickable, pool, capsys):
    say(LEASE)
    say(AGAIN)
    hits = clickable("the oven lease")
    first, second = buttons(hits)
    first.click()
    assert (first.description, first.disabled) == (f"Inserted at {pool.end - 1}", True)
    assert (second.description, second.disabled) == ("Insert", False)
    assert pool.document().turns[-1].text == f"From planner#2 in bakery: {AGAIN}"
    assert "planner#1 in bakery" in capsys.readouterr().out


def test_a_row_shows_what_was_inserted_otherwise(say, clickable, pool):
    """From Python, and before it was shown again."""
    say(LEASE)
    say(AGAIN)
    hits = clickable("the oven lease", show=False)
    hits.insert(1)
    hits._ipython_display_()
    offset = hits.insert(-2)
    assert [button.description for button in buttons(hits)] == [f"Inserted at {offset}", f"Inserted at {offset - 1}"]
    hits.close()
    hits._ipython_display_()
    assert all(button.disabled for button in buttons(hits))


def test_clicks_from_many_threads_insert_once(say, clickable, pool):
    say(LEASE)
    hits = clickable("the oven lease")
    before = pool.end
    at_once(*[buttons(hits)[0].click] * 8)
    assert pool.end == before + 1


def test_a_click_that_fails_says_so_in_its_row(say, clickable, shell):
    """And the button may be pressed again."""
    say(LEASE)
    hits = clickable("the oven lease")
    shell.run_line_magic("pool", "delete bakery --yes")
    (button,) = buttons(hits)
    button.click()
    assert (button.description, button.disabled) == ("Try again", False)
    assert 'role="alert"' in hits._widget._texts[0].value
    shell.run_line_magic("pool", "new bakery")
    button.click()
    assert button.description == "Inserted at 0"
    assert "alert" not in hits._widget._texts[0].value


def test_a_pool_that_another_process_deleted(say, clickable):
    """What is said to it would be lost: the row says so."""
    say(LEASE)
    hits = clickable("the oven lease")
    output("from agentpool_jupyter.log import open_store; open_store(None).delete('bakery')")
    buttons(hits)[0].click()
    assert "%pool use bakery` makes it" in hits._widget._texts[0].value


# What is shown -------------------------------------------------------------------------------------------------


def test_texts_never_become_markup(say, clickable):
    say("<script>alert('oven')</script> <img src=x onerror=alert(1)> the oven lease", "<b>planner</b>")
    hits = clickable("the oven lease <i>")
    for page in (hits._repr_html_(), hits[0]._repr_html_(), *(text.value for text in hits._widget._texts)):
        for tag in ("<script", "<img", "<b>", "<i>"):
            assert tag not in page
    assert "&lt;script&gt;" in hits._widget._texts[0].value


def test_a_long_text_unfolds(say, similar):
    say(f"{LEASE} " + "word " * 100)
    page = similar("the oven lease")._repr_html_()
    assert "<details" in page
    assert ("word " * 100).strip() in page


def test_the_index_is_closed_with_the_session(say, similar, shell):
    say(LEASE)
    similar("the oven lease")
    session = shell.magics_manager.registry["SimilarMagics"].session
    (index,) = session._indexes.values()
    shell.run_line_magic("unload_ext", "agentpool_jupyter")
    with pytest.raises(ap.AgentPoolError, match="closed"):
        index.library.documents  # noqa: B018 - asking is the point
    shell.run_line_magic("load_ext", "agentpool_jupyter")


# Completion ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%similar ", {"planner#1", "critic#1"}),
        ("%similar --now ", {"critic"}),
        ("%similar --agent ", {"critic", "planner"}),
        ("%similar the lease --since ", {"planner#1", "main", "idea"}),
        ("%%similar --branch ", {"main", "idea"}),
        ("%similar --pool ", {"bakery"}),
        ("%similar --over ", {"pool", "pools", "library"}),
        ("%similar --question ", {"resembles", "contained", "both"}),
        ("%similar --th", {"--threshold"}),
    ],
)
def test_completion(say, pool, shell, line, offered):
    say(LEASE)
    pool.fork("idea")
    say(JAM, "critic", finish=False)
    assert offered <= completed(shell, line)


def test_the_help_is_the_docstring(shell):
    told = shell.find_line_magic("similar").__doc__
    assert "%similar --now critic" in told
    assert "--threshold SCORE" in told


def test_a_line_of_nothing_but_dashes_is_a_mistake_of_the_users(shell):
    parser = shell.find_line_magic("similar").parser
    with pytest.raises(UserError, match="no option"):
        split_line("--oven", parser)
    assert split_line("--", parser) == ([], "")
    assert split_line("", parser) == ([], "")
