"""Documents that are searched beside the pools."""

from __future__ import annotations

import json
import os
import shutil
import sys
from array import array

import pytest
from pypdf import PdfWriter

from agentpool_jupyter.errors import LibraryError
from agentpool_jupyter.recall import RecallIndex, similar
from agentpool_jupyter.recall.backends.items import file_source
from agentpool_jupyter.recall.documents.formats import read_document

LEASE = "The oven lease comes first, because nothing bakes without an oven."


@pytest.fixture
def index(pool):
    with RecallIndex(pool.store) as index:
        yield index


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "notes.md").write_text(f"# Plan\n\n{LEASE}\n")
    (folder / "deep" / "more.txt").write_text("Jam is sweet and red and keeps for a year.\n")
    return folder


def look(pool, index, query=LEASE, **options):
    return similar(pool, query, index=index, over="library", **options)


def test_a_folder(pool, index, docs):
    """All files in it and below; a hit says the file and the line."""
    report = index.library.add(docs)
    assert len(report.read) == 2
    (match,) = look(pool, index)
    assert (match.file, match.line, match.contained) == (str(docs / "notes.md"), 3, 1.0)
    assert (match.turn, match.pool, match.offset) == ("", "", None)
    assert look(pool, index, "sweet and red and keeps")[0].file == str(docs / "deep" / "more.txt")
    assert not similar(pool, LEASE, index=index)


def test_progress_is_told_for_every_file(index, docs):
    """Before each, and at the end."""
    told = []
    index.library.add(docs, lambda done, count: told.append((done, count)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_a_glob_and_a_file(pool, index, docs):
    assert len(index.library.add(f"{docs}/**/*.txt").read) == 1
    assert not look(pool, index)
    index.library.add(docs / "notes.md")
    assert look(pool, index)
    assert index.library.documents == [str(docs / "deep" / "more.txt"), str(docs / "notes.md")]


def test_pools_and_library_together(pool, index, docs):
    """The filters are about turns; documents are left alone."""
    index.library.add(docs)
    pool.post(LEASE)
    assert len(similar(pool, LEASE, index=index, over=["pool", "library"])) == 2
    (match,) = similar(pool, LEASE, index=index, over=["pool", "library"], agents="nobody")
    assert match.file


def test_a_long_document_says_the_line(pool, index, docs):
    lines = [f"Line {i} speaks of thing {i * 7} at length and in peace." for i in range(3000)]
    (docs / "long.md").write_text("\n".join(lines))
    index.library.add(docs)
    (match,) = look(pool, index, "line 2000 speaks of thing 14000 at length")
    assert (match.line, "speaks of thing 14000" in match.text) == (2001, True)


def test_a_notebook_says_the_cell_and_the_line(pool, index, docs):
    head = {"cell_type": "markdown", "source": ["# Caf\u00e9\n", "first"]}
    code = {"cell_type": "code", "source": ["x\n", "\n", LEASE], "outputs": ["Nothing of what is printed is read."]}
    path = docs / "plan.ipynb"
    path.write_text(json.dumps({"cells": [head, code], "nbformat": 4}, indent=1, ensure_ascii=False))
    index.library.add(path)
    (match,) = look(pool, index)
    assert match.place == "cell 2"
    assert LEASE in path.read_text().split("\n")[match.line - 1]
    assert not look(pool, index, "nothing of what is printed")


@pytest.mark.parametrize("indent", [None, 1])
def test_a_notebook_may_be_old_or_in_one_line(pool, index, docs, indent):
    """Format 3, of before 2015, has its cells in worksheets; a cell may be one string."""
    cells = [
        {"cell_type": "code", "input": ["import jam\n"]},
        {"cell_type": "markdown", "source": f"# Plan\n\n{LEASE}\n"},
    ]
    path = docs / "old.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}, {"cells": []}]}, indent=indent))
    index.library.add(path)
    match = next(match for match in look(pool, index) if match.file == str(path))
    assert match.place == "cell 2"
    assert LEASE in path.read_text().split("\n")[match.line - 1]


def test_json_lines_say_the_line(pool, index, docs):
    """Texts anywhere in a record count; a broken record is a text."""
    path = docs / "talk.jsonl"
    path.write_text('{"n": 1}\n' + json.dumps({"a": {"b": ["x", LEASE]}}) + "\n{broken but it is a text\n")
    index.library.add(path)
    assert [match.line for match in look(pool, index)] == [2]
    assert [match.line for match in look(pool, index, "broken but it is a text")] == [3]


def test_a_page_of_html_is_read_as_people_read_it(pool, index, docs):
    """Words go on through what changes their looks, and end where a block does; scripts are not for people."""
    path = docs / "page.html"
    head = "<html><style>p {color: red}</style>\n<script>the oven lease()\n</script>\n"
    path.write_text(
        f"{head}<p\nid=a>The <b>ov</b>en&nbsp;lease<br>comes first,</p><p>because nothing bakes</p>\n<i>fin"
    )
    index.library.add(path)
    (match,) = look(pool, index, "oven lease comes first because nothing bakes")
    assert (match.score, match.line) == (1.0, 5)
    assert not look(pool, index, "color red")


def test_a_pdf(tmp_path):
    """Its pages are read; one that is none is told."""
    path = tmp_path / "empty.pdf"
    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    writer.write(path)
    assert [(section.place, section.line) for section in read_document(path)] == [("page 1", 1)]
    path.write_bytes(b"%PDF-1.4 and then nothing")
    with pytest.raises(LibraryError, match="no PDF that can be read"):
        read_document(path)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\x00", bytes(range(128, 256)) * 50 + b"\x01\x02\x03" * 99])
def test_binary_files_are_refused_each_with_a_note(pool, index, docs, content):
    """And the others are read."""
    (docs / "picture.md").write_bytes(content)
    report = index.library.add(docs)
    assert len(report.read) == 2
    assert report.notes == [f"{docs / 'picture.md'} is a binary file: left out"]
    assert "2 documents read" in repr(report)


RUSSIAN = "смотритель маяка считает каждый корабль до завтрака"
JAPANESE = "灯台守は朝食の前に通り過ぎる船をすべて数える"
CHINESE = "灯塔看守人在早餐前数每一艘经过的船然后写进日志"
QUOTED = f"{LEASE}\n\u201cCome in,\u201d she said \u2014 \u201cit\u2019s late.\u201d\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((LEASE, one) for one in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")),
        (f"caf\u00e9 {LEASE}", "latin-1"),
        *((QUOTED, one) for one in ("cp1252", "mac-roman")),
        *((RUSSIAN, one) for one in ("cp1251", "koi8-r", "iso8859-5", "cp866", "utf-16-le")),
        *((JAPANESE, one) for one in ("shift_jis", "euc_jp", "iso2022_jp")),
        (CHINESE, "gb18030"),
    ],
)
def test_older_encodings_are_read(pool, index, docs, text, encoding):
    (docs / "old.txt").write_bytes(text.encode(encoding))
    assert index.library.add(docs / "old.txt").notes == []
    (match,) = look(pool, index, text)
    assert match.text == text


def test_a_few_broken_bytes_and_zeros_make_no_other_text_of_it(pool, index, docs):
    """As a file has that is cut off, or two in one."""
    content = JAPANESE.encode()
    (docs / "cut.txt").write_bytes(b"\xff" + content + b"\0\0" + content[:-1])
    index.library.add(docs / "cut.txt")
    assert look(pool, index, JAPANESE)[0].score == 1.0


def test_bytes_that_are_numbers_are_no_text(docs):
    """Pairs of them are characters, too."""
    path = docs / "numbers.txt"
    path.write_bytes(array("h", range(1000)).tobytes())
    with pytest.raises(LibraryError, match="is a binary file: left out"):
        read_document(path)


def test_what_no_encoding_fits_is_told(docs, monkeypatch):
    """It would never be found, and nobody knew why; so is what there is no library for."""
    path = docs / "old.txt"
    path.write_bytes("caf\u00e9 ".encode("latin-1") * 40)
    monkeypatch.setitem(sys.modules, "chardet", None)
    with pytest.raises(LibraryError, match=r"is not UTF-8: to read older encodings, pip install .*\[recall\]"):
        read_document(path)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_may_end_otherwise(pool, index, docs, end):
    (docs / "old.txt").write_bytes(f"line{end}line{end}{LEASE}{end}".encode())
    index.library.add(docs / "old.txt")
    assert [match.line for match in look(pool, index)] == [3]


def test_a_pipe_that_takes_the_place_of_a_document_does_not_make_anybody_wait(pool, index, docs):
    """It is told once, and what the document said is found."""
    index.library.add(docs)
    (docs / "notes.md").unlink()
    os.mkfifo(docs / "notes.md")
    matches = look(pool, index)
    said = f"{docs / 'notes.md'} is a pipe or a device, and no file: left out; what it said before is found"
    assert (len(matches), matches.notes) == (1, [said])
    assert look(pool, index).notes == []


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_refused_file_is_said_once(pool, docs, tmp_path, kind, request):
    """And again when it has changed, or is named again; it is read once it can be."""
    address = tmp_path / "own.index" if kind == "sqlite" else request.getfixturevalue("redis_url")
    picture, said = docs / "picture.md", [f"{docs / 'picture.md'} is a binary file: left out"]
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    with RecallIndex(pool.store, address) as index:
        assert index.library.add(picture).notes == said
        assert look(pool, index).notes == index.library.documents == []
        assert index.library.add(docs).notes == said
        picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
        assert [look(pool, index).notes for _ in range(2)] == [said, []]
        picture.write_text(LEASE)
        assert len(look(pool, index)) == 2
        picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
        assert len(look(pool, index)) == 2
        index.library.remove(docs)
        picture.unlink()
        assert look(pool, index).notes == index.backend.sources() == []


def test_folders_that_are_linked_to_each_other_are_read_once(pool, index, docs):
    """Under their own names, and what is linked from elsewhere too; a link to itself, or nowhere, is nothing."""
    (docs / "loop").symlink_to("..")
    (docs / "deep" / "up").symlink_to(docs)
    (docs / "deep" / "self").symlink_to("self")
    (docs / "a").symlink_to("deep")
    other = docs.parent / "other"
    other.mkdir()
    (other / "jam.md").write_text("Jam is what people like on bread.")
    (other / "back").symlink_to(docs)
    (docs / "linked").symlink_to(other)
    found = {f"{docs}/deep/more.txt", f"{docs}/linked/jam.md", f"{docs}/notes.md"}
    assert {path for path in index.library.add(docs).read if path.endswith(("txt", "md"))} == found
    assert index.library.add(f"{docs}/**/*.md").unchanged == 2
    assert index.library.add(f"{docs}/**/more.txt").unchanged == 1


@pytest.mark.parametrize("content", ["", "no json", "[]", '{"cells": 3}'])
def test_a_broken_notebook_is_told(tmp_path, content):
    path = tmp_path / "broken.ipynb"
    path.write_text(content)
    with pytest.raises(LibraryError, match="no notebook that can be read"):
        read_document(path)


def test_nothing_to_add(index, tmp_path):
    with pytest.raises(LibraryError, match="names no file"):
        index.library.add(tmp_path / "nowhere" / "*.md")


def test_a_changed_document_is_read_again(pool, index, docs):
    """At the next question; what it said before is gone."""
    index.library.add(docs)
    (docs / "notes.md").write_text("Something quite different is written here now.")
    os.utime(docs / "notes.md", (1, 1))
    assert not look(pool, index)
    assert look(pool, index, "something quite different is written")


def test_a_folder_that_vanishes_is_told_and_nothing_is_lost(pool, index, docs):
    index.library.add(docs)
    shutil.rmtree(docs)
    matches = look(pool, index)
    assert len(matches) == 1
    assert any(f"{docs} is gone: 1 documents of it are found as they were read last" in note for note in matches.notes)


def test_the_library_outlives_a_rebuild(pool, index, docs):
    """It is read again from the paths that were added."""
    index.library.add(docs)
    index.backend.clear("was damaged (a test)")
    assert len(look(pool, index)) == 1
    index.backend.clear("was damaged (a test)")
    shutil.rmtree(docs)
    assert any("nothing of it is in the index" in note for note in look(pool, index).notes)


def test_what_is_removed_is_gone(pool, index, docs):
    index.library.add(docs)
    assert index.library.remove(docs) == 2
    assert index.library.documents == index.backend.places() == []
    assert not look(pool, index)


def test_a_glob_is_removed_and_nothing_else(pool, index, docs):
    """And it does not come back, neither at the next question nor when the index is made anew."""
    index.library.add(docs)
    assert index.library.remove(docs / "*.md") == 1
    for _ in range(2):
        assert not look(pool, index)
        assert index.library.documents == [str(docs / "deep" / "more.txt")]
        index.backend.clear("was damaged (a test)")
    index.library.add(docs / "notes.md")
    assert len(look(pool, index)) == 1


def test_removing_a_folder_removes_the_globs_in_it(pool, index, docs):
    index.library.add(f"{docs}/*.md")
    assert index.library.remove(docs) == 1
    assert not look(pool, index)
    assert index.library.documents == index.backend.places() == []


def test_what_is_left_of_a_glob_is_not_told_as_gone(pool, index, docs):
    """Where the user has removed all of it."""
    index.library.add(f"{docs}/*.md")
    index.library.remove(docs / "notes.md")
    (docs / "notes.md").unlink()
    assert look(pool, index).notes == [f"{docs}/*.md is gone: nothing of it is in the index"]
    (docs / "notes.md").write_text(LEASE)
    assert (look(pool, index).notes, index.library.documents) == ([], [])


def test_a_folder_with_brackets_is_removed_alone(index, docs):
    for name in ("data[1]", "database"):
        (docs / name).mkdir()
        (docs / name / "notes.md").write_text(LEASE)
    index.library.add(docs)
    assert index.library.remove(docs / "data[1]") == 1
    assert str(docs / "database" / "notes.md") in index.library.documents


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_stopped_while_documents_are_read(pool, docs, tmp_path, kind, request):
    """Those that were not read yet are read at the next question, by whoever asks."""
    address = tmp_path / "own.index" if kind == "sqlite" else request.getfixturevalue("redis_url")

    def stop(done, _):
        if done == 1:
            raise KeyboardInterrupt

    with RecallIndex(pool.store, address) as index, pytest.raises(KeyboardInterrupt):
        index.library.add(docs, stop)
    with RecallIndex(pool.store, address) as index:
        assert len(index.backend) == 1
        assert len(look(pool, index)) == 1
        assert len(index.backend) == 2


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_stopped_between_forgetting_a_document_and_reading_it(pool, docs, tmp_path, kind, request):
    """It is not lost."""
    address = tmp_path / "own.index" if kind == "sqlite" else request.getfixturevalue("redis_url")
    with RecallIndex(pool.store, address) as index:
        index.library.add(docs)
        index.backend.empty(file_source(str(docs / "notes.md")))
        assert len(look(pool, index)) == 1


def test_a_document_that_vanishes_before_it_is_read_is_told(pool, index, docs):
    """And a file that turns out to be none is forgotten."""
    index.backend.expect([file_source(str(docs / "vanished.md"))])
    (docs / "picture.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    index.library.add(docs)
    assert look(pool, index).notes == [f"{docs / 'vanished.md'} is gone: nothing of it is in the index"]
    assert index.library.documents == [str(docs / "deep" / "more.txt"), str(docs / "notes.md")]


def test_a_name_that_is_not_utf8_is_left_out_and_told(pool, index, docs):
    """The others are read."""
    odd = os.fsdecode(b"caf\xe9.md")
    try:
        (docs / odd).write_text(LEASE)
    except OSError:
        pytest.skip("this file system has only names in UTF-8")
    report = index.library.add(docs)
    assert (len(report.read), report.notes) == (
        2,
        [f"{docs}/caf\ufffd.md is left out: its name is not UTF-8; rename it"],
    )
    with pytest.raises(LibraryError, match="not UTF-8"):
        index.library.add(docs / odd)
    assert index.library.remove(docs / odd) == 0
    assert len(look(pool, index)) == 1


@pytest.mark.parametrize("ask", ["documents", "remove", "refresh", "add"])
def test_the_library_of_a_damaged_index_is_made_anew(pool, index, docs, ask):
    """Whatever it is asked first."""
    index.library.add(docs)
    index.backend._file._db.execute("DROP TABLE sources")
    if ask == "documents":
        assert index.library.documents == []
    elif ask == "remove":
        assert index.library.remove(docs / "notes.md") == 1
        assert index.library.documents == [str(docs / "deep" / "more.txt")]
        return
    elif ask == "add":
        assert len(index.library.add(docs).read) == 2
    else:
        assert len(index.library.refresh().read) == 2
    assert "rebuilt from the log" in index.take_notes()[0]
    assert len(look(pool, index)) == 1
