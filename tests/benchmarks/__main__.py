"""All benchmarks, or some, one after the other: ``python -m tests.benchmarks [NAME …]``.

``--write`` puts each one's results into the README as soon as it has ended, and leaves those of others as they are.
"""

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
    "bench_effects",
    "bench_feed",
    "bench_frames",
    "bench_timeline",
    "bench_storage",
    "bench_restore",
    "bench_files",
    "bench_history",
    "bench_snapshot_job",
    "bench_report",
    "bench_reading",
    "bench_stride",
    "bench_recall",
    "bench_privacy",
    "bench_trace",
)
README = Path(__file__).with_name("README.md")
_END = "<!-- end of results -->\n"


def main() -> None:
    """Run benchmarks against one broker and print, or write down, what they found."""
    parser = command.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)}; all where none is named")
    parser.add_argument("--write", action="store_true", help="put the results into tests/benchmarks/README.md")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}")
    if options.quick and options.write:
        parser.error("--quick measures nothing: there is nothing to write")
    with Place(options.kafka) as place:
        for name in options.names or NAMES:
            print(f"{name} …", file=sys.stderr, flush=True)
            before, begin = os.getloadavg(), time.perf_counter()
            tables = import_module(f"{__package__}.{name}").measure(place, options.quick)
            results = "\n\n".join([*map(str, tables), provenance(name, time.perf_counter() - begin, before)])
            print(f"\n{results}\n", flush=True)
            if options.write:
                README.write_text(written(README.read_text(), name, results))


def provenance(name: str, seconds: float, load: tuple[float, ...]) -> str:
    """Return when, on what and how the results came about, without any name of a machine."""
    memory = psutil.virtual_memory().total / 2**30
    cores = f"{os.cpu_count()} cores ({platform.machine()})"
    return (
        f"`python -m tests.benchmarks.{name}`, {seconds:.0f} s, {dt.datetime.now(dt.UTC):%Y-%m-%d}; {cores}, "
        f"{memory:.0f} GiB of memory, {platform.system()}, Python {platform.python_version()}; load before the start: "
        f"{', '.join(f'{figure:.1f}' for figure in load)}."
    )


def written(readme: str, name: str, results: str) -> str:
    """Return a README with a benchmark's results in the place of its earlier ones, or in the order of ``NAMES``."""
    section = f"{_mark(name)}\n{results}\n\n"
    following = [_mark(other) for other in NAMES[NAMES.index(name) + 1 :]]
    before, found, rest = readme.partition(_mark(name))
    places = [at for mark in (*map(_mark, NAMES), _END) if (at := rest.find(mark)) >= 0]
    if found:
        return before + section + rest[min(places) :]
    place = next(at for mark in (*following, _END) if (at := readme.find(mark)) >= 0)
    return readme[:place] + section + readme[place:]


def _mark(name: str) -> str:
    return f"<!-- {name} -->\n"


if __name__ == "__main__":
    main()
