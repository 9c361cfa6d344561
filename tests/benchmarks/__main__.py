"""All benchmarks, one after the other: ``python -m tests.benchmarks``; ``--write`` puts the results into the README."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
import time
from importlib import import_module
from pathlib import Path

import psutil

from . import command
from .place import Place

NAMES = (
    "bench_append",
    "bench_team",
    "bench_lag",
    "bench_feed",
    "bench_storage",
    "bench_restore",
    "bench_history",
    "bench_snapshot_job",
)
README = Path(__file__).with_name("README.md")
MARKS = ("<!-- results -->", "<!-- end of results -->")


def main() -> None:
    """Run every benchmark against one broker and print, or write down, what they found."""
    parser = command.parser(__doc__)
    parser.add_argument("--write", action="store_true", help="rewrite the results in tests/benchmarks/README.md")
    options = parser.parse_args()
    sections = [machine()]
    with Place(options.kafka) as place:
        for name in NAMES:
            print(f"{name} …", file=sys.stderr, flush=True)
            begin = time.perf_counter()
            tables = import_module(f"{__package__}.{name}").measure(place, options.quick)
            line = f"`python -m tests.benchmarks.{name}`, {time.perf_counter() - begin:.0f} s"
            sections += ["\n\n".join(map(str, tables)), line]
            print("\n" + "\n\n".join(sections[-2:]) + "\n", flush=True)
    if options.write:
        write("\n\n".join(sections))


def machine() -> str:
    """Return when and on what the results came about, without any name of a machine."""
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    cores = f"{os.cpu_count()} cores ({platform.machine()})"
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {cores}, {memory:.0f} GiB of memory, {platform.system()}, "
        f"Python {platform.python_version()}; load before the start: {load}."
    )


def write(results: str) -> None:
    """Put results between the README's marks."""
    before, _, rest = README.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    README.write_text(f"{before}{MARKS[0]}\n\n{results}\n\n{MARKS[1]}{after}")


if __name__ == "__main__":
    main()
