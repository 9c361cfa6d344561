"""What tests of jobs share: input, and a place for logs."""

from __future__ import annotations

import json

import pytest

from agentpool_jupyter.jobs import run_job

SUM = "tests.jobs.toy:Sum"


@pytest.fixture(autouse=True)
def logs(tmp_path, monkeypatch):
    """The folder of the logs of this test's jobs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "agentpool" / "jobs"


@pytest.fixture
def temporary(temporary):
    """A folder for temporary files of its own, in which no job leaves anything."""
    yield temporary
    assert [path.name for path in temporary.iterdir() if "agentpool" in path.name] == []


@pytest.fixture
def lines(tmp_path):
    """A folder of input: three files, seven keys."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        records = [{"key": f"k{index % 7}", "n": index * number + 1} for index in range(100)]
        (folder / f"{number}.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return folder


@pytest.fixture
def expected(lines):
    """What the sum of ``lines`` is, as sorted lines."""
    sums: dict[str, int] = {}
    for path in lines.iterdir():
        for record in map(json.loads, path.read_text().splitlines()):
            sums[record["key"]] = sums.get(record["key"], 0) + record["n"]
    return [json.dumps({"key": key, "sum": total}) for key, total in sorted(sums.items())]


@pytest.fixture
def run(tmp_path, lines):
    """Run a job over ``lines`` into ``out``; a result's output comes as sorted lines."""

    def run(engine, job=SUM, **options):
        result = run_job(job, [lines], output=tmp_path / "out", engine=engine, **options)
        return sorted(line for path in result.outputs for line in path.read_text().splitlines()), result

    return run
