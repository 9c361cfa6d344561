"""Which paths files may have."""

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.files.paths import checked, clash, is_path


@pytest.mark.parametrize(
    "path", ["bread.md", "recipes/bread.md", "a b/c-d_e.f.g", ".env", "日本/パン.md", "café", "a" * 120]
)
def test_plain_relative_paths_are_taken(path):
    assert checked(path) == path
    assert is_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "..", "/etc/passwd", "//x", "a//b", "a/", "/", "./a", "a/./b", "../a", "a/../b", "a/..", "~/../x",
        "a\\b", "..\\a", "C:/x", "c:x", "a:b", "\\\\host\\x",
        "a\x00b", "a\nb", "a\u202eb", "a\u200bb", "a\ud800",
        " a", "a ", "a.", "a./b", "a /b",
        "con", "CON.txt", "x/nul", "Com1.md", "lpt9",
        ".git", ".GIT/hooks/pre-commit", "x/.git/config", "git~1/config", ".agentpool-files.json", "x/.agentpool",
        'a"b', "a<b", "a>b", "a|b", "a?b", "a*b",
        "a" * 121, "/".join("a" * 100 for _ in range(4)),
    ],
)  # fmt: skip
def test_paths_that_leave_the_folder_or_that_a_system_reads_in_its_own_way_are_refused(path):
    with pytest.raises(UserError, match="cannot be the path of a file"):
        checked(path)
    assert not is_path(path)


def test_an_accent_that_was_typed_by_itself_is_the_same_path():
    assert checked("cafe\u0301.md") == "caf\u00e9.md"
    assert not is_path("cafe\u0301.md")


@given(st.text(st.sampled_from("ab./\\:~ \u0301é\x00") | st.characters(), max_size=12))
def test_a_path_that_is_taken_lies_below_its_folder_on_every_system(text):
    try:
        path = checked(text)
    except UserError:
        return
    assert checked(path) == path
    assert is_path(path)
    for kind in (PurePosixPath, PureWindowsPath):
        found = kind(path)
        assert not found.is_absolute()
        assert not found.anchor
        assert found.parts == tuple(path.split("/"))
        assert not {"..", "."} & set(found.parts)


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b/c", "A"), ("Bread.md", "bread.md"), ("x/a", "X/A")])
def test_files_that_no_folder_can_hold_together(paths):
    assert set(clash(["c", *paths])) == set(paths)
    assert set(clash(["c", *paths[::-1]])) == set(paths)
    assert clash([paths[0], f"{paths[0]}b", "ab", "d/e"]) is None
