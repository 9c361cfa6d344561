"""Files of a pool in a folder: written out at any position, and changes made by hand taken in."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.errors import FileChangedError, UserError
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.events import File
from tests.pool.strategies import logs
from tests.teams import of_type


@pytest.fixture
def folder(tmp_path):
    """A folder that is not there yet."""
    return tmp_path / "work" / "bakery"


def contents(folder):
    """All plain files of a folder but the list of what was checked out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".agentpool")
    }


def test_a_folder_is_as_the_files_were_at_a_position(pool, folder):
    pool.write_file("bread.md", "flour")
    pool.write_file("recipes/cake/sponge.md", "sugar")
    pool.tag("early")
    pool.write_file("bread.md", "flour, salt")
    pool.delete_file("recipes/cake/sponge.md")
    pool.write_file("new.md", "new")
    assert pool.checkout(folder, at="early").written == ["bread.md", "recipes/cake/sponge.md"]
    assert contents(folder) == {"bread.md": "flour", "recipes/cake/sponge.md": "sugar"}
    done = pool.checkout(folder)
    assert repr(done) == f"2 files written to {folder}; 0 were there already; removed: recipes/cake/sponge.md"
    assert contents(folder) == {"bread.md": "flour, salt", "new.md": "new"}
    assert not (folder / "recipes").exists()
    assert pool.checkout(folder).same == 2
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*") if path.is_file()} == {0}


def test_what_somebody_else_put_there_is_not_overwritten(pool, folder):
    pool.write_file("bread.md", "flour")
    pool.write_file("cake.md", "sugar")
    folder.mkdir(parents=True)
    (folder / "bread.md").write_text("mine")
    with pytest.raises(UserError, match=r"bread.md in .* was not written there by a checkout"):
        pool.checkout(folder)
    assert contents(folder) == {"bread.md": "mine"}
    pool.checkout(folder, overwrite=True)
    assert contents(folder) == {"bread.md": "flour", "cake.md": "sugar"}
    (folder / "cake.md").write_text("honey")
    pool.delete_file("cake.md")
    with pytest.raises(UserError, match=r"cake.md in .* was changed since"):
        pool.checkout(folder)
    (folder / "notes.txt").write_text("untouched")
    pool.checkout(folder, overwrite=True)
    assert contents(folder) == {"bread.md": "flour", "notes.txt": "untouched"}


def test_links_are_not_followed(pool, folder, tmp_path):
    """Neither in the place of a file nor of a folder, out nor in; one that is overwritten is replaced itself."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "bread.md").write_text("theirs")
    pool.write_file("recipes/bread.md", "flour")
    folder.mkdir(parents=True)
    (folder / "recipes").symlink_to(outside)
    for overwrite in (False, True):
        with pytest.raises(UserError, match="is a link"):
            pool.checkout(folder, overwrite=overwrite)
    (folder / "recipes").unlink()
    (folder / "recipes").mkdir()
    (folder / "recipes" / "bread.md").symlink_to(outside / "bread.md")
    with pytest.raises(UserError, match="links are not followed"):
        pool.checkout(folder)
    pool.checkout(folder, overwrite=True)
    assert (folder / "recipes" / "bread.md").read_text() == "flour"
    assert (outside / "bread.md").read_text() == "theirs"
    (folder / "secret").symlink_to(outside / "bread.md")
    (folder / "inner").symlink_to(outside)
    done = pool.checkin(folder)
    assert done.passed_over == ["inner", "secret"]
    assert list(pool.document().files) == ["recipes/bread.md"]


def test_a_list_that_names_what_lies_elsewhere_removes_nothing_there(pool, folder, tmp_path):
    """The folder may come from anybody."""
    (tmp_path / "precious").write_text("x")
    folder.mkdir(parents=True)
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    text = f'{{"files":{{"../../precious":{{"number":1,"digest":"{digest}"}}}}}}'
    (folder / ".agentpool-files.json").write_text(text)
    pool.checkout(folder)
    assert (tmp_path / "precious").exists()
    (folder / ".agentpool-files.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        pool.checkout(folder)


def test_a_crafted_pool_writes_nothing_outside(pool, folder, tmp_path):
    header = pool.header("main")
    for path in ("../evil", "/tmp/evil", "a/../../evil", ".git/hooks/pre-commit"):
        pool.append([File(**header | {"id": path}, path=path, digest="a" * 64, size=1, text="x")])
    assert pool.checkout(folder).written == []
    assert sorted(path.name for path in tmp_path.rglob("*") if "evil" in path.name or ".git" in path.name) == []


def test_changes_made_by_hand_are_recorded(pool, folder):
    pool.write_file("bread.md", "flour", agent="ann")
    pool.write_file("old.md", "old", agent="ann")
    pool.write_file("same.md", "same", agent="ann")
    pool.checkout(folder)
    (folder / "bread.md").write_text("flour, salt")
    (folder / "old.md").unlink()
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "new.bin").write_bytes(bytes(range(256)))
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("x")
    done = pool.checkin(folder)
    assert repr(done) == "added: deep/er/new.bin; changed: bread.md; deleted: old.md"
    files = pool.document().files
    assert {path: (file.number, file.agent) for path, file in files.items()} == {
        "bread.md": (2, "you"),
        "deep/er/new.bin": (1, "you"),
        "same.md": (1, "ann"),
    }
    assert files["deep/er/new.bin"].data == bytes(range(256))
    before = pool.end
    assert repr(pool.checkin(folder)) == "nothing has changed"
    assert pool.end == before
    assert pool.checkout(folder).written == []


def test_a_checkin_over_a_newer_version_records_nothing(pool, folder):
    pool.write_file("bread.md", "flour", agent="ann")
    pool.checkout(folder)
    pool.write_file("bread.md", "flour, yeast", agent="ben")
    (folder / "bread.md").write_text("flour, salt")
    (folder / "new.md").write_text("new")
    before = pool.end
    with pytest.raises(FileChangedError, match="has version 2 by ben, and version 1 was read"):
        pool.checkin(folder)
    (folder / "bread.md").unlink()
    with pytest.raises(FileChangedError):
        pool.checkin(folder)
    assert pool.end == before


def test_a_checkin_on_another_line_is_not_mistaken_by_the_numbers(pool, folder):
    """Both lines have a second version of the file."""
    pool.write_file("bread.md", "flour")
    pool.write_file("bread.md", "flour, salt")
    pool.checkout(folder)
    pool.rollback(0)
    pool.write_file("bread.md", "flour, yeast")
    (folder / "bread.md").write_text("flour, salt, water")
    with pytest.raises(FileChangedError):
        pool.checkin(folder)


def test_what_was_not_changed_by_hand_never_goes_back_over_something_newer(pool, folder):
    pool.write_file("bread.md", "flour")
    pool.write_file("cake.md", "sugar")
    pool.checkout(folder)
    pool.write_file("bread.md", "flour, yeast")
    (folder / "cake.md").write_text("honey")
    for _ in range(2):
        pool.checkin(folder)
        assert pool.document().files["bread.md"].text == "flour, yeast"
    assert pool.document().files["cake.md"].text == "honey"
    assert len(of_type(pool, File)) == 4


def test_a_folder_without_a_checkout_is_taken_in_whole(pool, folder):
    folder.mkdir(parents=True)
    (folder / "bread.md").write_text("flour")
    (folder / "CON").write_text("no name on every system")
    os.mkfifo(folder / "pipe")
    pool.write_file("kept.md", "kept")
    done = pool.checkin(folder)
    assert (done.added, done.deleted, done.passed_over) == (["bread.md"], [], ["CON", "pipe"])
    assert set(pool.document().files) == {"bread.md", "kept.md"}
    with pytest.raises(UserError, match="is no folder"):
        pool.checkin(folder / "nowhere")


def test_a_folder_that_is_too_large_to_be_meant_is_refused(pool, folder, monkeypatch):
    monkeypatch.setattr("agentpool_jupyter.pool.files.checkout._MOST_FILES", 3)
    folder.mkdir(parents=True)
    for number in range(4):
        (folder / f"{number}.md").write_text("x")
    with pytest.raises(UserError, match="name a folder of a checkout"):
        pool.checkin(folder)
    assert pool.end == 0


def test_a_file_that_appears_is_whole(pool, folder):
    """It has another name until then, and a crash leaves no half."""
    pool.write_file("bread.md", "flour")
    seen = []
    replace = Path.replace

    def watched(self, target):
        seen.append((self.read_text(), target.exists()))
        return replace(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", watched)
        pool.checkout(folder)
    assert seen[0] == ("flour", False)


def test_files_that_no_folder_can_hold_together_are_refused(pool, folder):
    pool.write_file("a/b", "x")
    with pytest.raises(UserError, match="cannot both be files"):
        pool.write_file("a", "x")
    with pytest.raises(UserError, match="cannot both be files"):
        pool.write_file("A/B", "x")
    pool.append([File(**pool.header("main"), path="a", digest="a" * 64, size=1, text="x")])
    with pytest.raises(UserError, match="cannot both be in a folder"):
        pool.checkout(folder)


@given(logs(longest=40), st.data())
def test_a_checkout_at_any_position_after_any_other_is_what_the_document_has(new_pool, tmp_path_factory, values, data):
    pool = new_pool()
    if values:
        pool.append_records(values)
    folder = tmp_path_factory.mktemp("folder")
    for at in data.draw(st.lists(st.integers(-1, max(-1, pool.end - 1)), max_size=4)):
        place = Position(data.draw(st.sampled_from(pool.branches)), at)
        pool.checkout(folder, at=place)
        assert contents(folder) == {path: file.text for path, file in pool.document(place).files.items()}
        assert repr(pool.checkout(folder, at=place)).startswith("0 files written")
