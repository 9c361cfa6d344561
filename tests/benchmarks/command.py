"""The command line that all benchmarks share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .place import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from .table import Table

    Measure = Callable[[Place, bool], list[Table]]
    """Measures in a place, with ``quick`` only to prove that it works, and returns what it found."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark takes."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="tiny sizes: proves that it works, measures nothing")
    made.add_argument("--kafka", type=Path, metavar="FOLDER", help="data folder of a broker to use, not a new one")
    return made


def run(measure: Measure, description: str | None) -> None:
    """Do one benchmark and print its tables."""
    options = parser(description).parse_args()
    with Place(options.kafka) as place:
        for table in measure(place, options.quick):
            print(f"\n{table}\n", flush=True)
