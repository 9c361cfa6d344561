"""Files of a pool in a real IPython shell."""

import pytest

from .conftest import completed


@pytest.fixture
def baked(pool, shell):
    pool.write_file("bread.md", "flour\n", agent="ann")
    pool.post("Add salt.")
    pool.write_file("bread.md", "flour\nsalt\n", agent="ben")
    pool.write_file("cake.md", "sugar\n", agent="ben")
    shell.run_line_magic("pool", "use bakery")
    return pool


def test_files_are_listed_as_they_are_and_as_they_were(baked, shell):
    now, before = shell.run_line_magic("pool", "files"), shell.run_line_magic("pool", "files --at you#1")
    assert [line.split()[:4] for line in repr(now).splitlines()[1:]] == [
        ["bread.md", "2", "11", "ben"],
        ["cake.md", "1", "6", "ben"],
    ]
    assert [line.split()[:4] for line in repr(before).splitlines()[1:]] == [["bread.md", "1", "6", "ann"]]
    assert "cake.md" in now._repr_html_()
    assert "files" in completed(shell, "%pool f")


def test_a_pool_without_files_says_so(pool, shell):
    assert repr(shell.run_line_magic("pool", "files bakery")) == "no files"


def test_a_dry_run_of_a_rollback_shows_what_it_would_take_back(baked, shell):
    shown = repr(shell.run_line_magic("rollback", "you#1 --dry-run"))
    assert "~ file bread.md +0 -1 lines" in shown
    assert "- file cake.md +0 -1 lines" in shown
    assert "not undone" not in shown
    assert "files: 1 removed, 1 changed" in repr(shell.run_line_magic("rollback", "you#1"))
    assert list(baked.document().files) == ["bread.md"]
    assert "+ file cake.md" in repr(shell.run_line_magic("diff", "you#1 main"))


def test_events_name_the_file(baked, shell):
    assert "cake.md" in repr(shell.run_line_magic("pool", "events"))
