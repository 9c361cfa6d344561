"""``%trace`` in a real IPython shell."""

import pytest
from IPython.core.error import UsageError

from tests.teams import play

from .conftest import completed


@pytest.fixture
def played(pool, shell, server):
    pool.post("Mind the rent.")
    play(pool, {"ann": "Talks.", "ben": {"role": "Checks.", "listens": ["ann"]}}, server)
    shell.run_line_magic("pool", "use bakery")
    return pool


def test_turns_agents_and_failures_are_traced(played, shell):
    assert shell.run_line_magic("trace", "ben#1").turn.name == "ben#1"
    assert "exactly as it was sent" in str(shell.run_line_magic("trace", "ben#1  # why?"))
    assert len(shell.run_line_magic("trace", "ben")) == 1
    assert len(shell.run_line_magic("trace", "")) == 3
    assert len(shell.run_line_magic("trace", "--failures")) == 0


def test_mistakes_are_one_line(played, shell):
    for line, says in (
        ("bne#1", "near it: ben#1"),
        ("ben#1 ann#1", "explains one thing"),
        ("ben#1 --brnch x", "--branch"),
    ):
        with pytest.raises(UsageError, match=says):
            shell.run_line_magic("trace", line)


def test_turns_are_completed(played, shell):
    assert "ben#1" in completed(shell, "%trace ")


def test_words_and_comparisons(played, shell):
    words = " ".join(played.document().turn("ann#1").text.split()[:6])
    assert shell.run_line_magic("trace", f'--text "{words}"').first.turn.name == "ann#1"
    assert shell.run_line_magic("trace", "ann#1 --against ben#1").names == ("ann#1", "ben#1")


def test_blame_asks_a_function_of_the_notebook(pool, shell, capsys):
    shell.run_line_magic("pool", "use bakery")
    shell.run_cell(
        "said = []\n"
        "def once(document):\n"
        "    said.append(1)\n"
        "    return 'poison' if len(said) == 1 else 'fine'\n"
        "def good(document):\n"
        "    return not any('poison' in turn.text for turn in document.turns)\n"
    )
    play(pool, {"ann": {"python": "once"}}, functions=shell.user_ns)
    found = shell.run_line_magic("trace", "--blame good --repeats 1")
    assert found.culprit == "ann#1"
    assert "step-0-try-1: turned out well" in capsys.readouterr().out
    with pytest.raises(UsageError, match="there is no function 'bad'"):
        shell.run_line_magic("trace", "--blame bad")


def test_a_transcript_is_imported_and_traced(shell, store, tmp_path):
    file = tmp_path / "talk.jsonl"
    file.write_text('{"role": "user", "content": "Plan."}\n{"name": "planner", "content": "A plan."}\n')
    told = shell.run_line_magic("pool", f"import {file}")
    assert "made pool 'talk' of 4 records" in repr(told)
    assert shell.run_line_magic("trace", "planner#1 --pool talk").seen[0].name == "you#1"
    file.write_text("nothing")
    with pytest.raises(UsageError, match=r"line 1 of .* is no JSON"):
        shell.run_line_magic("pool", f"import {file} other")


def test_a_turn_is_labelled(played, shell):
    told = shell.run_line_magic("trace", "ben#1 --label 'ignores input' --why 'not a word of the rent'")
    assert "'ignores input' stands on ben#1" in repr(told)
    assert "ignores input (you): not a word of the rent" in str(shell.run_line_magic("trace", "ben#1"))
    shell.run_line_magic("trace", "ben#1 --label 'ignores input' --withdraw")
    assert shell.run_line_magic("trace", "ben#1").labels == []
    with pytest.raises(UsageError, match="is put on a turn"):
        shell.run_line_magic("trace", "--label odd")
