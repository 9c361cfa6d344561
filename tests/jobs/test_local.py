"""Jobs on this machine, and what goes wrong with jobs anywhere."""

import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from agentpool_jupyter.errors import EngineError, JobError, UserError
from agentpool_jupyter.jobs import ENGINES, joblog, processes, run_job
from agentpool_jupyter.jobs.scratch import claim
from tests.jobs.conftest import SUM
from tests.jobs.stopping import assert_gone, cancel_when_running

ENGINES_HERE = [("inline", {}), ("local", {"num_cores": 1}), ("local", {"num_cores": 2})]


@pytest.fixture(autouse=True)
def nothing_temporary_is_left(temporary):
    yield
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("engine", "options"), ENGINES_HERE)
def test_same_lines(run, expected, engine, options):
    before = Path.cwd()
    output, result = run(engine, options=options)
    assert output == expected
    assert result.counters["toy"]["lines"] == 300
    assert Path.cwd() == before
    assert "Running step 1 of 1" in result.log.read_text()


@pytest.mark.parametrize("engine", ["inline", "local"])
@pytest.mark.parametrize("name", ["with space \u00e9", 'it\'s "so" [x] * $HOME; a & b #1 (x) 100%'])
def test_folders_may_have_any_name(lines, expected, monkeypatch, engine, name):
    """Those of input and output, that of temporary files, and those that a pattern stands in."""
    odd = lines.parent / name
    (odd / "tmp").mkdir(parents=True)
    lines.rename(odd / "in")
    monkeypatch.setattr(tempfile, "tempdir", str(odd / "tmp"))
    for number, inputs in enumerate((odd / "in", f"{glob.escape(str(odd))}/in/*.jsonl")):
        result = run_job(SUM, [inputs], output=odd / f"out{number}", engine=engine)
        assert sorted(line for path in result.outputs for line in path.read_text().splitlines()) == expected
        assert result.counters["toy"]["lines"] == 300
        assert result.outputs[0].parent == odd / f"out{number}"
    assert list((odd / "tmp").iterdir()) == []
    assert {path.name for path in odd.iterdir()} == {"in", "tmp", "out0", "out1"}


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_what_python_is_told_in_the_environment_is_for_other_programs(run, expected, monkeypatch, engine):
    """mrjob warns of its own imports."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("PYTHONINSPECT", "1")
    assert run(engine)[0] == expected


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_two_steps_and_an_option_of_the_job(run, expected, engine):
    ten, _ = run(engine, "tests.jobs.toy:Scaled", options={"factor": 10})
    assert ten == sorted(json.dumps(record | {"sum": 10 * record["sum"]}) for record in map(json.loads, expected))


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_progress_counts_tasks(run, engine):
    told = []
    run(engine, options={"num_cores": 2}, progress=told.append)
    last = {now.phase: (now.done, now.total) for now in told}
    assert last["map"][0] == last["map"][1] > 0
    assert last["reduce"][0] == last["reduce"][1] > 0
    assert {(now.step, now.steps) for now in told} == {(1, 1)}


@pytest.mark.parametrize(("size", "tasks"), [(100_000, 1), (4_000_000, 2)])
def test_a_task_is_worth_the_process_that_it_takes(tmp_path, size, tasks):
    """Little is not shared out, much among the cores only, and an empty file is nobody's."""
    folder = tmp_path / "some"
    folder.mkdir()
    count = size // 1000
    lines = [json.dumps({"key": f"k{n % 7:<900}", "n": 1, "pad": "x" * 80}) for n in range(count)]
    (folder / "all.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (folder / "empty.jsonl").touch()
    told = []
    how = {"engine": "local", "options": {"num_cores": 2}, "progress": told.append}
    result = run_job("tests.jobs.toy:Scaled", [folder], output=tmp_path / "out", **how)
    totals = {(now.step, now.phase): now.total for now in told if now.phase}
    assert totals == {(1, "map"): tasks, (1, "reduce"): tasks, (2, "map"): tasks}
    assert sum(json.loads(line)["sum"] for path in result.outputs for line in path.read_text().splitlines()) == count


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_a_failing_mapper_is_one_line_and_its_traceback_is_in_the_log(run, tmp_path, engine):
    with pytest.raises(
        JobError, match=rf"failed on {engine}: ArithmeticError: cannot take k\d; see its log "
    ) as caught:
        run(engine, "tests.jobs.toy:Failing")
    assert "\n" not in str(caught.value)
    assert str(caught.value.log) in str(caught.value)
    assert "in mapper" in caught.value.log.read_text()
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.glob(".agentpool-job-*")) == []


def test_a_killed_worker_fails_the_job(run):
    with pytest.raises(JobError, match=r"a task was killed \(SIGKILL\)"):
        run("local", "tests.jobs.toy:Killed")


def test_a_killed_child_fails_the_job(run):
    """As the system does when memory runs out; `inline` runs the mapper in the child itself."""
    with pytest.raises(JobError, match=r"its process was killed \(SIGKILL\)"):
        run("inline", "tests.jobs.toy:Killed")


@pytest.mark.parametrize(("engine", "options"), ENGINES_HERE)
def test_cancelling_leaves_nothing(lines, tmp_path, engine, options):
    error, mappers = cancel_when_running(lines, tmp_path, engine, options)
    assert "was told to stop" in str(error)
    assert mappers
    assert_gone(mappers)
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.glob(".agentpool-job-*")) == []


@pytest.mark.parametrize("hears", ["SIG_DFL", "SIG_IGN"])
def test_a_job_ends_with_its_parent(lines, tmp_path, hears, monkeypatch):
    """Killed outright, as a kernel may be, also an idle one, which is deaf. The next job removes what it left."""
    code = (
        f"import signal; signal.signal(signal.SIGINT, signal.{hears}); "
        "from agentpool_jupyter.jobs import run_job; "
        f"run_job('tests.jobs.toy:Sleeping', [{str(lines)!r}], output={str(tmp_path / 'out')!r}, "
        f"options={{'sign': {str(tmp_path / 'mapper')!r}}}, engine='local')"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"TMPDIR": str(tmp_path)})
    while not (mappers := list(tmp_path.glob("mapper.*"))):
        assert parent.poll() is None
    left = [path for path in tmp_path.rglob("*agentpool-job-*") if "state" not in path.parts]
    assert len(left) > 1
    with claim(tmp_path, "agentpool-job-", "of-another"):
        (tmp_path / "agentpool-job-of-another").mkdir()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert_gone([int(path.suffix[1:]) for path in mappers])
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        for child in processes.of(next(path.name for path in left if path.is_dir())[-24:]):
            child.wait()
        run_job(SUM, [lines], output=tmp_path / "next", engine="inline")
        assert not any(path.exists() for path in left)
        assert (tmp_path / "agentpool-job-of-another").exists()


def test_unknown_engine(run):
    with pytest.raises(EngineError, match="no engine 'presto': choose one of inline, local, spark, hadoop"):
        run("presto")


@pytest.mark.parametrize(
    ("engine", "module", "install"),
    [
        ("local", "mrjob", "'agentpool-jupyter'"),
        ("spark", "pyspark", "'agentpool-jupyter[spark]'"),
        ("emr", "boto3", "'mrjob[aws]'"),
        ("dataproc", "google.cloud.dataproc_v1", "'mrjob[google]'"),
    ],
)
def test_a_missing_extra_says_what_to_install(run, monkeypatch, engine, module, install):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        EngineError, match=re.escape(f"needs '{module}', which is not installed: pip install {install}")
    ):
        run(engine)


@pytest.mark.parametrize("home", [None, "/nowhere"])
def test_hadoop_needs_a_home(run, monkeypatch, home):
    monkeypatch.delenv("HADOOP_HOME", raising=False)
    if home:
        monkeypatch.setenv("HADOOP_HOME", home)
    with pytest.raises(EngineError, match=r"set HADOOP_HOME|HADOOP_HOME=/nowhere holds no Hadoop"):
        run("hadoop")


def test_what_cannot_be_run_is_told_before_anything_starts(lines, tmp_path, logs):
    for job, inputs, output, what in (
        ("tests.jobs.toy", [lines], "out", "write module:Class"),
        ("no_such_module:Job", [lines], "out", "no module 'no_such_module'"),
        ("__main__:Job", [lines], "out", "not in a notebook"),
        (SUM, [], "out", "has no input"),
        (SUM, [tmp_path / "none"], "out", "no input .*none"),
        (SUM, [lines], "in", "exists already"),
    ):
        with pytest.raises(UserError, match=what):
            run_job(job, inputs, output=tmp_path / output)
    assert not logs.exists() or list(logs.iterdir()) == []


@pytest.mark.parametrize(
    ("job", "options", "what"),
    [
        ("tests.jobs.toy:Nothing", {}, "has no attribute 'Nothing'"),
        (SUM, {"colour": "red"}, "unrecognized arguments: --colour=red"),
    ],
)
def test_what_mrjob_refuses_is_one_line(run, job, options, what):
    with pytest.raises(JobError, match=what):
        run("local", job, options=options)


def test_old_logs_go(logs):
    long_ago = time.time() - 2 * 24 * 3600
    for number in range(60):
        path = joblog.new(f"2000-{number:02}")
        path.write_text("x")
        os.utime(path, (long_ago, long_ago))
    assert sorted(path.stem for path in logs.iterdir()) == [f"2000-{number:02}" for number in range(10, 60)]


def test_the_log_of_a_job_that_may_still_run_stays(logs):
    """However many others are started meanwhile, such as those in the background."""
    first = joblog.new("2000")
    first.write_text("on its way")
    for number in range(60):
        joblog.new(f"2001-{number:02}").write_text("x")
    assert joblog.why(first) == "on its way"


SHELL = """2026-11-26 03:47:17,944 ERROR mrjob.local:
Probable cause of failure:

+ cd /nowhere
wrapper.sh: 17: cd: can't cd to /nowhere

(from lines 6-7 of stderr)
"""
JAVA = """py4j.protocol.Py4JJavaError: An error occurred while calling o26.partitions.
: org.apache.hadoop.mapred.InvalidInputException: Input path does not exist: file:/a
\tat java.base/x
Caused by: java.io.IOException: Input path does not exist: file:/b
\tat java.base/x
"""
ENDED = (
    "2026-11-26 03:47:18,963 ERROR __main__: Step 1 of 1 failed: Command '[{!r}]' returned non-zero exit status {}.\n"
)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (SHELL + ENDED.format("/bin/sh", 2), "wrapper.sh: 17: cd: can't cd to /nowhere"),
        (JAVA + ENDED.format("/x/spark-submit", 256), "IOException: Input path does not exist: file:/b"),
        (ENDED.format("/x/spark-submit", 256), "Step 1 of 1 failed: a task ended with exit status 1"),
        (ENDED.format("/x/spark-submit", 9), "Step 1 of 1 failed: a task was killed (SIGKILL)"),
        (
            '... INFO mrjob.logs.step:   Exception in thread "main" java.net.URISyntaxException: Illegal\n... INFO: y',
            "URISyntaxException: Illegal",
        ),
        (
            "... INFO mrjob.logs.step:   spark-submit: line 27: /nowhere/spark-class: No such file or directory\n"
            + ENDED.format("/x/spark-submit", 127 * 256),
            "spark-submit: line 27: /nowhere/spark-class: No such file or directory",
        ),
        (
            'yaml.parser.ParserError: while parsing\n  in "/x.conf", line 1\nexpected }\n  in "/x.conf", line 2\n',
            'yaml.parser.ParserError: while parsing in "/x.conf", line 1',
        ),
        (SHELL + ENDED.format("/bin/sh", 137), "Step 1 of 1 failed: a task was killed (SIGKILL)"),
    ],
)
def test_the_line_of_a_log_that_says_why(logs, said, why):
    """And not how a process ended, where anything was said before."""
    log = joblog.new("2000")
    log.write_text(said)
    assert joblog.why(log).rstrip(".") == why


def test_a_log_that_is_gone_does_not_hide_that_the_job_failed(run, logs):
    with pytest.raises(JobError, match="failed on inline: nobody can say why, its log cannot be read"):
        run("inline", "tests.jobs.toy:Failing", progress=lambda _: [path.unlink() for path in logs.glob("*.log")])


def test_processes_of_a_job_are_known_by_their_mark():
    """Also one that left the session and whose parent is gone."""
    key = f"test-{os.getpid()}"
    script = "import os, subprocess, sys; subprocess.Popen(['sleep', '600'], start_new_session=True)"
    subprocess.run([sys.executable, "-c", script], env=os.environ | {processes.MARK: key}, check=True)
    assert [process.name() for process in processes.of(key)] == ["sleep"]
    processes.end(key, patience=5)
    assert list(processes.of(key)) == []


def test_the_parent_stays_light():
    """mrjob is the child's; a notebook that only starts jobs does not load it."""
    code = "import sys, agentpool_jupyter.jobs; sys.exit('mrjob' in sys.modules or 'pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert ENGINES == ("inline", "local", "spark", "hadoop", "emr", "dataproc")
