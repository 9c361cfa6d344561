"""IPython in a real terminal, a pseudo one: what is written there, byte by byte."""

import os
import re
import subprocess
import sys

import pytest

from tests.openai_server import OpenAIServer

pexpect = pytest.importorskip("pexpect")  # comes with IPython, but not on Windows

CELL = (
    "task: Plan a bakery.\nturns: 1\nmax_tokens: 60\n"
    "agents:\n  ann: {role: Drafts., listens: []}\n  ben: {role: Talks., listens: []}\n"
)
CODE = (
    "shell = get_ipython()\nshell.run_line_magic('load_ext', 'agentpool_jupyter')\n"
    f"shell.run_cell_magic('agents', 'bakery', {CELL!r})"
)
COMMAND = [sys.executable, "-m", "IPython", "--quick", "--no-banner", "-c", CODE]
STATUS = "… bakery: "
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def environment(monkeypatch, tmp_path, pool):
    with OpenAIServer(rate=150, tokens=60) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("AGENTPOOL_MODEL", "test")
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
        for name in ("NO_COLOR", "COLUMNS", "LINES", "WT_SESSION"):
            monkeypatch.delenv(name, raising=False)
        yield


def in_terminal(monkeypatch, columns, **environment):
    """Run the cell in a terminal of that many columns, and return all that was written."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    known = {"env": dict(os.environ), "encoding": "utf-8", "timeout": 60}  # without what readline adds: its own columns
    child = pexpect.spawn(COMMAND[0], COMMAND[1:], dimensions=(24, columns), **known)
    written = child.read()
    child.close()
    assert child.exitstatus == 0, written
    its_own = r"\x1b\[\?\d+[hl]|\x1b\]0;.*?\x07|\x1b\[[\d;]+t"  # IPython's: it shows the cursor and sets the title
    return re.sub(its_own, "", written.replace("\r\n", "\n"))


def left(written):
    """The lines that stay on the screen: what is rubbed out is gone."""
    return [COLOUR.sub("", line).rpartition("\x1b[K")[2].strip("\r") for line in written.split("\n")]


@pytest.mark.parametrize("columns", [100, 34])
def test_lines_scroll_and_one_below_them_is_drawn_again(environment, pool, monkeypatch, columns):
    """No line is wider than the terminal, nothing of the status stays, and names have their agents' colours."""
    written = in_terminal(monkeypatch, columns, TERM="xterm-256color")
    assert written.count(STATUS) > 3
    lines = [line for line in left(written) if line]
    assert not [line for line in lines if line.startswith("… ")]
    drawn = [COLOUR.sub("", part) for line in written.split("\n") for part in line.split("\r\x1b[K")]
    assert max(map(len, drawn)) < columns
    said = " ".join(line.partition("│ ")[2] for line in lines if "ann#1" in line)
    assert said.split() == pool.document().turn("ann#1").text.split()
    assert "— finished (all turns were taken)" in " ".join(lines[-3:])
    assert {"\x1b[94m", "\x1b[33m"} <= set(COLOUR.findall(written))
    assert set(re.findall(r"\x1b\[\D|\x1b\[[0-9;]*[A-Za-ln-z]", written)) == {"\x1b[K"}


def test_no_colour_where_none_is_wanted(environment, monkeypatch):
    written = in_terminal(monkeypatch, 80, TERM="xterm", NO_COLOR="1")
    assert not COLOUR.search(written)
    assert STATUS in written


@pytest.mark.parametrize("reader", ["dumb", "pipe"])
def test_a_dumb_terminal_and_a_pipe_get_plain_lines(environment, pool, monkeypatch, reader):
    """Nothing is drawn again, and nothing is there but text."""
    if reader == "dumb":
        written = in_terminal(monkeypatch, 80, TERM="dumb")
    else:
        monkeypatch.setenv("TERM", "xterm")
        written = subprocess.run(COMMAND, check=True, capture_output=True, text=True, timeout=60).stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", written)
    assert STATUS not in written
    assert written.splitlines()[-1].startswith("— finished")
    said = " ".join(line.partition("│ ")[2] for line in written.splitlines() if "ben#1" in line)
    assert said.split() == pool.document().turn("ben#1").text.split()
