"""A run as lines of text."""

import pytest

from agentpool_jupyter.display.console import Console
from agentpool_jupyter.display.screen import AgentView, Append, CallView, Patch, RunView, State, TurnView
from agentpool_jupyter.display.terminal import TextScreen


@pytest.fixture
def lines():
    return []


@pytest.fixture
def screen(lines):
    return TextScreen(Console(lines.append))


def turn(name="ann#1", **fields):
    return TurnView(id=name, name=name, agent=name.partition("#")[0], **fields)


def add(text, name="ann#1"):
    return Append(turn=name, at=0, text=text)


def test_a_line_is_written_once_it_is_whole(screen, lines):
    """Pieces gather until a line ends; the rest comes when the turn ends."""
    screen.show_patch(Patch(seq=1, turns=[turn()], append=[add("First li")]))
    assert lines == []
    screen.show_patch(Patch(seq=2, append=[add("ne.\nSecond")]))
    assert lines == ["       ann#1 │ First line."]
    screen.show_patch(Patch(seq=3, turns=[turn(status="finished")]))
    assert lines[1:] == ["       ann#1 │ Second"]


def test_a_call_is_written_once_it_is_over(screen, lines):
    """Behind what was said before it, once, however often its turn is told."""
    going = CallView(id="1", what="stock()", status="running")
    over = CallView(id="1", what="stock()", status="done", answer="5", output="looks\nfinds")
    screen.show_patch(Patch(seq=1, turns=[turn(calls=[going])], append=[add("I look.")]))
    for seq in (2, 3):
        screen.show_patch(Patch(seq=seq, turns=[turn(calls=[over])]))
    told = [line.partition("│ ")[2] for line in lines]
    assert told == ["I look.", "stock(): done → 5", "| looks", "| finds"]


def test_long_lines_are_wrapped_as_they_come_and_no_word_is_lost_or_cut(screen, lines):
    """A paragraph without an end is shown while it grows."""
    words = [f"word{i}" for i in range(200)]
    screen.show_patch(Patch(seq=1, turns=[turn()]))
    for i, word in enumerate(words):
        screen.show_patch(Patch(seq=i + 2, append=[add(word + " ")]))
    assert len(lines) > 10
    screen.show_patch(Patch(seq=999, turns=[turn(status="finished")]))
    assert " ".join(line.partition("│ ")[2] for line in lines).split() == words
    assert all(len(line) < 120 for line in lines)


def test_a_word_longer_than_a_line_is_shown_too(screen, lines):
    screen.show_patch(Patch(seq=1, turns=[turn()], append=[add("x" * 350)]))
    screen.show_patch(Patch(seq=2, append=[add("y" * 10)]))
    screen.show_patch(Patch(seq=3, turns=[turn(status="finished")]))
    assert "".join(line.partition("│ ")[2] for line in lines) == "x" * 350 + "y" * 10


def test_those_who_speak_at_once_alternate_by_line(screen, lines):
    screen.show_patch(
        Patch(seq=1, turns=[turn(), turn("ben#1")], append=[add("One.\nTw"), add("Uno.\nDo", "ben#1"), add("o.\n")])
    )
    assert [line.split() for line in lines] == [
        ["ann#1", "│", "One."],
        ["ben#1", "│", "Uno."],
        ["ann#1", "│", "Two."],
    ]


def test_what_went_wrong_is_said(screen, lines):
    """A note on a turn that failed, a retry with its reason, and text that is taken back."""
    screen.show_patch(Patch(seq=1, turns=[turn()], append=[add("Half a")]))
    retry = AgentView(name="ann", state="retrying", note="attempt 1 failed, again in 2 s: cut")
    screen.show_patch(Patch(seq=2, drops=["ann#1"], agents=[retry]))
    assert lines == [
        "       ann#1 │ (taken back: the turn is tried again)",
        "ann: attempt 1 failed, again in 2 s: cut",
    ]
    screen.show_patch(Patch(seq=3, turns=[turn("ann#1", status="failed", note="the key was refused")]))
    assert lines[2:] == ["       ann#1 │ (the key was refused)"]


def test_the_end_says_how_it_went(screen, lines):
    end = State(seq=4, run=RunView(pool="p", status="stopped", reason="stopped", tokens=1500))
    screen.show_state(end)
    assert lines == []
    screen.show_state(end, keep=True)
    assert lines == ["— stopped (stopped), 1,500 tokens"]
    end.run.estimated = True
    screen.show_state(end, keep=True)
    assert lines[1:] == ["— stopped (stopped), ≤ 1,500 tokens"]
