"""Files are named without the folders that say whose machine it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentpool_jupyter.recall.file_names import from_here, quoted_name, stored_name, without_folders
from agentpool_jupyter.recall.matches import Match


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, in which one works."""
    home = tmp_path / "ann lee"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(home / "work")
    return home


def test_below_the_working_directory_a_path_is_relative(home):
    file = str(home / "work" / "docs" / "a.md")
    assert from_here(file) == quoted_name(file) == stored_name(file) == "docs/a.md"


def test_elsewhere_it_is_a_name_with_as_little_as_tells_it_apart(home, tmp_path):
    file = str(home / "docs" / "a.md")
    assert (from_here(file), quoted_name(file), stored_name(file)) == (file, "docs/a.md", "~/docs/a.md")
    assert quoted_name(str(home / "a.md")) == "a.md"
    one, other = (str(tmp_path / name / "docs" / "a.md") for name in ("one", "other"))
    assert quoted_name(one) == quoted_name(other) == "docs/a.md"
    assert stored_name(one) != stored_name(other)
    assert stored_name(one).endswith("/a.md")
    assert len(stored_name(one)) == len("12345678/a.md")


def test_from_the_root_every_path_would_be_relative(home, monkeypatch):
    monkeypatch.chdir(Path(home.anchor))
    assert quoted_name(str(home.parent / "docs" / "a.md")) == "docs/a.md"
    assert stored_name(str(home / "a.md")) == "~/a.md"


def test_what_is_put_into_a_pool_names_no_more_than_the_folder(tmp_path):
    file = str(tmp_path / "docs" / "a.md")
    match = Match(text="Rent first.", score=1.0, question="resembles", resembles=1.0, contained=1.0, file=file, line=7)
    assert match.source == f"{file}:7"
    assert match.quote == "From docs/a.md:7: Rent first."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("the index /srv/data/recall.index was damaged", "the index recall.index was damaged"),
        ("the index C:\\Data\\recall.index was damaged", "the index recall.index was damaged"),
        ("cannot use '/srv/a b/recall.index': full", "cannot use 'a b/recall.index': full"),
        ("/srv/docs lacks files: 3 documents of it", "docs lacks files: 3 documents of it"),
        (
            "the index at redis://h:6379/0 cannot be used",
            "the index at redis://h:6379/0 cannot be used",
        ),
        ("this and/or that, 3 / 4, docs/a.md, ~/b/c.md", "this and/or that, 3 / 4, docs/a.md, ~/b/c.md"),
    ],
)
def test_a_text_is_told_without_folders(text, told):
    """Addresses are none."""
    assert without_folders(text) == told


def test_folders_that_are_known_may_have_spaces(home):
    assert without_folders(f"cannot use {home}/x/recall.index: full") == "cannot use x/recall.index: full"
    assert without_folders(f"cannot use {home}/x/recall.index: full", [home / "x"]) == "cannot use recall.index: full"
