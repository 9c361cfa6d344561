"""Places of documents: what is in them, and how the library's list of them grows and shrinks."""

from __future__ import annotations

import glob
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.recall.documents.places import added, expand, removed, wanted, within

FILES = ("a.md", "b.txt", ".hidden.md", "sub/c.md", "sub/deep/d.md", ".git/e.md", "data[1]/f.md", "database/g.md")


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path


def named(folder, paths):
    return sorted(str(Path(path).relative_to(folder)) for path in paths)


parts = st.sampled_from(["**", "*", "*.md", "?.md", "sub", "deep", "[a-d]*", ".*", ".git", "s*", "c.md", "data[[]1]"])


@given(st.lists(parts, min_size=1, max_size=3))
def test_a_file_is_in_a_glob_if_the_glob_finds_it(folder, pattern):
    place = str(folder / "/".join(pattern))
    files = [str(folder / name) for name in FILES]
    there = {path for path in glob.glob(place, recursive=True) if path in files}  # noqa: PTH207 - what is compared
    if not Path(place).exists():
        assert set(within(files, place)) == there


@given(st.lists(parts, min_size=1, max_size=3))
def test_what_a_glob_finds_is_expanded(folder, pattern):
    """Where no folder is linked; a folder by itself is all that is in it."""
    place = str(folder / "/".join(pattern))
    found = {path for path in glob.glob(place, recursive=True) if Path(path).is_file()}  # noqa: PTH207 - as above
    if not Path(place).is_dir():
        assert set(map(str, expand(place))) == found


def test_a_folder_with_brackets_is_no_glob(folder):
    """Also after it is gone, as long as something of it is known."""
    files = [str(folder / name) for name in FILES]
    assert named(folder, within(files, str(folder / "data[1]"))) == ["data[1]/f.md"]
    assert named(folder, expand(str(folder / "data[1]"))) == ["data[1]/f.md"]
    (folder / "data[1]" / "f.md").unlink()
    (folder / "data[1]").rmdir()
    assert named(folder, within(files, str(folder / "data[1]"))) == ["data[1]/f.md"]


def test_what_is_left_out_is_not_expanded(folder):
    found = expand(str(folder), [str(folder / "*.md"), str(folder / "sub" / "deep")])
    assert named(folder, found) == ["b.txt", "data[1]/f.md", "database/g.md", "sub/c.md"]


def test_removing_takes_all_that_is_inside_and_adding_brings_it_back(folder):
    """What remains, and may have something of it, gets an exclusion."""
    docs, glob_, one = str(folder), str(folder / "*.md"), str(folder / "a.md")
    assert removed([docs], docs) == removed([glob_, one], docs) == []
    assert removed([docs], one) == [docs, f"!{one}"]
    assert removed([docs, one], glob_) == [docs, f"!{glob_}"]
    assert removed([str(folder / "sub")], str(folder / "*")) == [str(folder / "sub"), f"!{folder / '*'}"]
    assert removed([str(folder / "sub")], one) == [str(folder / "sub")]
    assert added([docs, f"!{one}"], one) == [docs, one]
    assert added([docs, f"!{one}"], docs) == [docs]
    assert removed([docs, f"!{one}"], docs) == []
    assert wanted([docs, f"!{one}", glob_]) == [(docs, [one]), (glob_, [])]
