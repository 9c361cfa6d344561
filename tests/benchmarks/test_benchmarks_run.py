"""The benchmarks still work; what they measure is not judged here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .__main__ import NAMES
from .place import ROOT


@pytest.mark.kafka
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_prints_its_table(name, kafka_broker):
    """Each benchmark, run as a program with tiny sizes, ends well and prints rows of results."""
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--quick", "--kafka", str(kafka_broker.data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(table) >= 3, done.stdout
