"""The benchmarks still work; what they measure is not judged here."""

import importlib.util
import subprocess
import sys

import pytest

from .__main__ import NAMES, README, written
from .place import ROOT

NEEDS = {"bench_recall": ("datasketch", "rensa", "scipy")}
"""What a benchmark cannot do without. The peers of the others stay out of their tables where they are missing."""

QUICK = ("bench_append",)
"""Those that run each time; the others by night."""


@pytest.mark.kafka
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.nightly) for name in NAMES]
)
def test_a_benchmark_prints_its_table(name, kafka_broker):
    """Each benchmark, run as a program with tiny sizes, ends well and prints rows of results."""
    for module in NEEDS.get(name, ()):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{name} needs {module}: pip install 'agentpool-jupyter[bench]'")
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--quick", "--kafka", str(kafka_broker.data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(table) >= 3, done.stdout


def test_results_take_the_place_of_earlier_ones_of_the_same_benchmark():
    """Everything else in the README stays as it is, and benchmarks stand in their order, whichever ran first."""
    empty = "# Benchmarks\n\n<!-- results -->\n\n<!-- end of results -->\n\nMore.\n"
    readme = empty
    for name, results in (("bench_lag", "old"), ("bench_recall", "recall"), ("bench_append", "append")):
        readme = written(readme, name, results)
    again = written(readme, "bench_lag", "new")
    assert again == readme.replace("old", "new")
    sections = "".join(
        f"<!-- {name} -->\n\n{results}\n\n"
        for name, results in (("bench_append", "append"), ("bench_lag", "new"), ("bench_recall", "recall"))
    )
    assert again == empty.replace("<!-- end of results", f"{sections}<!-- end of results")


def test_the_readme_names_every_benchmark():
    text = README.read_text()
    assert [name for name in NAMES if f"`python -m tests.benchmarks.{name}`" not in text] == []
    assert written(text, NAMES[-1], "results") != text
