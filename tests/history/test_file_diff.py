"""What changed in files, between two positions and by a rollback."""

import pytest

from agentpool_jupyter import diff
from agentpool_jupyter.effects.files.turn_files import OF_FILES
from agentpool_jupyter.history.effects import effects_after
from agentpool_jupyter.pool.effects import digest_of_effect
from agentpool_jupyter.pool.events import Decision, EffectStarted, Proposal


def told(pool, *positions):
    return [(file.path, file.kind, file.lines) for file in diff(pool, *positions).files]


@pytest.fixture
def baked(pool):
    """A pool whose files came, changed and went after a tag."""
    pool.write_file("bread.md", "flour\nwater\nsalt\n")
    pool.write_file("old.md", "old\n")
    pool.write_file("crumb.bin", bytes(range(256)))
    pool.write_file("same.md", "same")
    pool.tag("early")
    pool.write_file("bread.md", "flour\nwater\nyeast\ntime\n")
    pool.delete_file("old.md")
    pool.write_file("new.md", "a\nb\n")
    pool.write_file("crumb.bin", bytes(range(255)))
    pool.write_file("same.md", "other")
    pool.write_file("same.md", "same")
    return pool


def test_files_that_came_went_or_changed_are_told_with_their_lines(baked):
    assert told(baked, "early") == [
        ("bread.md", "changed", (2, 1)),
        ("crumb.bin", "changed", None),
        ("new.md", "added", (2, 0)),
        ("old.md", "removed", (0, 1)),
    ]
    assert told(baked, "main") == []
    assert not diff(baked, "main")


def test_a_diff_shows_them(baked):
    shown = repr(diff(baked, "early"))
    assert shown.splitlines()[0] == "early → now: both are empty; files: 1 added, 1 removed, 2 changed"
    assert "~ file bread.md +2 -1 lines" in shown
    assert "[-salt-]" in shown
    assert "{+yeast+}" in shown
    assert "~ file crumb.bin 256 → 255 bytes" in shown
    assert "+ file new.md +2 -0 lines" in shown
    html = diff(baked, "early")._repr_html_()
    assert "file bread.md +2 -1 lines" in html
    assert "yeast</ins>" in html


def test_what_a_file_says_is_no_html(pool):
    pool.tag("early", at=pool.post("x").offset)
    pool.write_file("a.md", "<script>alert(1)</script>\x1b[31m")
    shown = diff(pool, "early")
    assert "<script>" not in shown._repr_html_()
    assert "\x1b" not in repr(shown)


def test_a_write_of_a_shared_file_is_no_effect_that_a_rollback_leaves(pool):
    """One of that name that a server offers is."""
    at = pool.position(pool.post("Go.").offset)
    for tool, data in (("write_file", OF_FILES), ("write_file", {}), ("send_mail", {})):
        digest = digest_of_effect(tool, {})
        ids = pool.new_id()
        pool.append(
            [
                Proposal(**pool.header("main"), proposal=ids, tool=tool, digest=digest, data=data),
                Decision(**pool.header("main"), proposal=ids, accepted=True),
                EffectStarted(**pool.header("main"), proposal=ids, digest=digest),
            ]
        )
    assert [effect.what.partition("(")[0] for effect in effects_after(pool, at)] == ["write_file", "send_mail"]
