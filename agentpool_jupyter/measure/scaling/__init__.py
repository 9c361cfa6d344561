"""Scaling: what a larger team gains, from any table of sizes and seconds.

In reading order::

    laws     Amdahl's law, Karp and Flatt's measure, Gunther's law, and how they are fitted
    samples  the runs of a table, by group; what cannot be used is said
    gains    what was measured and fitted, and how it is displayed
    scaling  the way in: ``scaling(table)``
"""

from agentpool_jupyter.errors import ExtraMissingError

try:
    from .scaling import scaling
except ImportError as error:
    message = f"scaling needs {error.name}: pip install 'agentpool-jupyter[measure]'"
    raise ExtraMissingError(message) from error

__all__ = ["scaling"]
