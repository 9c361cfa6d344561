"""The notebooks as they are in the repository: their outputs can be read without a kernel, and tell a story."""

import re
from html import unescape

import nbformat
import pytest
import yaml
from nbconvert import HTMLExporter, MarkdownExporter

from tests.notebooks import NOTEBOOKS, RAN, digest


def code_cells(notebook):
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def shown(cell, kind="text/plain"):
    """What a cell shows, as text or as HTML."""
    return "\n".join("".join(output["data"].get(kind, "")) for output in cell.outputs if "data" in output)


def is_team(cell):
    """Whether a cell runs a team that is shown; at several sizes it is measured, and a table is."""
    return cell.source.startswith("%%agents") and "--sizes" not in cell.source


def speakers(cell):
    """The agents of a cell that a model speaks for; a function may have nothing to say."""
    agents = yaml.safe_load(cell.source.partition("\n")[2])["agents"]
    return [name for name, agent in agents.items() if not (isinstance(agent, dict) and "python" in agent)]


def check_teams(cells):
    """Every team ended well, or because its line was left, as a still picture, and every agent has its say."""
    teams = [cell for cell in cells if is_team(cell)]
    assert teams
    for cell in teams:
        assert "agentpool-still" in shown(cell, "text/html")
        assert "finished" in shown(cell) or "the pool's head left branch" in shown(cell)
        assert all(f"[{agent}#" in shown(cell) for agent in speakers(cell))


def check_tour(cells):
    """A program's mistake is left behind, mended, and found where it was; what the models had said stays."""
    seen = {cell.source.splitlines()[0]: shown(cell) for cell in cells}
    assert "- treasurer#1" in seen["%rollback skeptic#1"]
    assert "2 removed" in seen["%rollback skeptic#1"]
    assert seen["%diff main"].startswith("main → now: 1 changed, 4 same")
    assert "300 dollars for [-6-]{+60+} neighbours" in seen["%diff main"]
    assert "treasurer#1" in seen["%similar 50 dollars for each"]
    assert "300 dollars for 6 neighbours" in seen["%similar 50 dollars for each"]
    assert "exactly as it was sent" in seen["%trace skeptic#1"]
    said = [turn.partition("\n")[2] for turn in seen["%pool"].split("\n### ")]
    assert not [turn for turn in said if "Your job" in turn or "nobody leads" in turn]  # no echo of the prompt


def check_time_travel(cells):
    """The bad turn leaves the document, stays in the history, and comes back on no line but its own."""
    seen = {}
    for cell in cells:
        seen.setdefault(cell.source.splitlines()[0], []).append(shown(cell))
    (document,), (before, after) = seen["%pool"], seen["%pool log"]
    (dry,), (rolled,), (diff,) = seen["%rollback good --dry-run"], seen["%rollback good"], seen["%diff main"]
    assert "writer#1" in dry
    assert dry.split("\n\n")[1:] == [part.replace("main →", "now →") for part in rolled.split("\n\n")[1:]]
    assert "### critic#1" in document
    assert "writer#1" not in document
    assert "HEAD → main]" in before
    assert ("|/" in after, "HEAD → main-2]" in after) == (True, True)
    assert "~ writer#1" in diff
    assert seen["%branch"][0].splitlines()[-1].startswith("→  one-city")
    assert "the head is on branch 'main-2' again" in seen["%rollback --undo"][0]


def printed(cell):
    """What a cell prints."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def check_parallel_thought(cells):
    """Agents stopped on their way and read on, and were reminded of the note: which of them, their timing decides."""
    strides, reminded = [printed(cell) for cell in cells if cell.source.startswith("for event in")]
    assert "went on by prefill" in strides
    assert "was reminded of picnic-last-year.md" in reminded
    hits = [shown(cell) for cell in cells if cell.source.startswith(("%similar a tent", "%%similar"))]
    assert all("contained" in hit and "picnic-last-year.md" in hit for hit in hits)


def check_acting(cells):
    """What was built passes its tests; what one broke is taken back, with the release that nobody had planned."""
    seen = [shown(cell) + printed(cell) for cell in cells]
    assert any("tests_pass holds" in text for text in seen)
    assert any("careful: yes, tester: yes" in text for text in seen)
    assert any("1 failed, 1 passed" in text and "['1.0', '2.0']" in text for text in seen)
    assert any('publish(version="2.0"): taken back (withdrew 2.0)' in text for text in seen)
    assert any("2 passed" in text and "['1.0']" in text for text in seen)
    assert any("not done: cheap refused" in text for text in seen)


def check_explaining(cells):
    """The mistake is followed to who brought it in, blamed on that step, and gone on the line that is left with it."""
    seen = {}
    for cell in cells:
        seen.setdefault(cell.source.splitlines()[0], []).append(shown(cell) + printed(cell))
    assert "exactly as it was sent" in seen["%trace writer#1"][0]
    assert "It came in with archivist#1" in seen['%trace --text "Mill Lane opened in 1987"'][0]
    assert "archivist#1 decided the failure" in seen["%trace --blame right --repeats 2"][0]
    assert "[-1987-]{+1897+}: [-40-]{+130+} years" in seen["%diff main"][0]
    assert "Questions go to <email 1> or <phone 1>." in str(seen)
    (release,) = [text for first, (text, *_) in seen.items() if first.startswith("%anonymize")]
    assert "k = 6  (asked: k = 5)" in release


def check_measured(cells):
    """What was set is found again, as far as a busy machine lets it, and every way of coordination does its work."""
    seen = [shown(cell) + printed(cell) for cell in cells]
    (law,) = [text for text in seen if text.startswith("contention   set")]
    sigma, kappa = (float(line.split("found ")[1].split()[0]) for line in law.splitlines()[:2])
    assert 0 <= sigma < 0.35
    assert abs(kappa - 0.02) < 0.025
    assert any("Unit: seconds" in text and "Source:" in text for text in seen)
    assert any("at once on average" in text for text in seen)
    (ways,) = [text for text in seen if "succeeded" in text and all(f"\n{way} " in text for way in ("dealt", "pool"))]
    assert ways.count("2 of 2") == 4
    assert sum("Gunther" in text for text in seen) == 3
    assert any("<svg" in shown(cell, "text/html") for cell in cells)


def check_teaching(cells):
    """Both readers see the same order each time, and what is read grows as it is told."""
    said = [printed(cell) for cell in cells]
    (orders,) = [[line.partition(":")[2] for line in text.splitlines()] for text in said if "the other reader" in text]
    assert (orders[0], orders[2]) == (orders[1], orders[3])
    assert any("checked:   True" in text for text in said)
    square, ring = [
        [int(count) for count in re.findall(r"read +(\d+) words", text)] for text in said if " words " in text
    ]
    assert ring[2] / ring[1] < 2.5 < square[2] / square[1]  # the agents' timing decides the rest
    check_failures(said)
    slow = [int(count) for text in said for count in re.findall(r"slow in +(\d+) of 20", text)]
    assert slow[0] < slow[2] > slow[3]
    (before, after) = [int(count) for text in said for count in re.findall(r"(?:before|after): +(\d+) events", text)]
    assert before < after
    assert any("two silent:    switched to B\nthree silent:  switch(to=" in text for text in said)
    assert sum(text.count("the side with 2:  switch(to=") for text in said) == 3


def check_failures(said):
    """Who is stopped or killed is missed only by who listens to it; a fence and a cut log leave what they should."""
    assert any("quiescent - ['ada#1', 'dan#1']" in text for text in said)
    assert any(re.search(r"kill: +\['ben#1 running'\]\n.*\['ben#1 failed', 'ben#2 finished'\]", text) for text in said)
    assert any("the document says: The answer of the second process." in text for text in said)
    assert any("I have written" in text for text in said)
    assert sum("ada said:   " + " ".join(map(str, range(1, 21))) in text for text in said) == 2


STORIES = {
    "00-tour": check_tour,
    "02-time-travel": check_time_travel,
    "03-parallel-thought-and-recall": check_parallel_thought,
    "04-agents-that-act": check_acting,
    "05-explain-and-share": check_explaining,
    "06-measure-a-team": check_measured,
    "07-teaching-distributed-systems": check_teaching,
}


def check(notebook, name):
    """A notebook that has run shows what it tells."""
    cells = code_cells(notebook)
    assert all(cell.execution_count for cell in cells)
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    check_teams(cells)
    STORIES.get(name, check_teams)(cells)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_notebook_shows_its_results(notebook):
    """The notebook as it is in the repository shows what its cells gave, without kernel or widget."""
    check(notebook, notebook.stem)


@pytest.mark.parametrize("exporter", [HTMLExporter, MarkdownExporter])
def test_a_converted_notebook_reads_without_style_and_script(exporter):
    """As GitHub and mails leave it: how each run ended, and every turn under its name."""
    (path,) = [path for path in NOTEBOOKS if path.stem == "01-first-team"]
    converted, _ = exporter().from_filename(str(path))
    bare = re.sub(r"<(style|script)\b.*?</\1>", "", converted, flags=re.DOTALL)
    words = " ".join(unescape(re.sub(r"<[^>]*>", " ", bare)).split())
    teams = [cell for cell in code_cells(path) if is_team(cell)]
    for cell in teams:
        for name, text in re.findall(r"^\[(\w+#\d+)\]\n(.*)", shown(cell), flags=re.MULTILINE):
            assert f"{name} {' '.join(re.findall('[A-Za-z]+', text)[:3])}" in words
        assert shown(cell).strip().splitlines()[0] in words
    assert "agentpool-widget" not in bare
    assert "widget-view" not in bare


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_outputs_are_those_of_the_code(notebook):
    """No cell was changed after the notebook was run last."""
    saved = nbformat.read(notebook, as_version=4)
    fix = f"run `python -m tests.notebooks {notebook.stem[:2]}`"
    assert saved.metadata[RAN]["ran"] == digest(saved), fix


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_notebook_has_nothing_of_where_it_was_made(notebook):
    """No path of a person's folder, no widget's state, no time of execution."""
    text = notebook.read_text()
    places = ("/root", "/home/", "/tmp/pytest", "/tmp/tmp", "C:\\")
    assert not [part for part in (*places, "iopub", "widget-state") if part in text]
    assert nbformat.read(notebook, as_version=4).metadata.keys() == {"kernelspec", "language_info", RAN}
