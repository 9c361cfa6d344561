"""What the parent and the child process of a job say to each other: JSON, one message a line.

The parent sends one :class:`Request` and then keeps the pipe open: its end means *stop*, so that a job does not
outlive a parent that was killed.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

Counters = Mapping[str, Mapping[str, int]]
"""How often what happened: by group, then by name."""


class Request(msgspec.Struct, kw_only=True, frozen=True):
    """What the child is to do."""

    job: str
    """``module:Class``."""
    key: str
    """The job's own name, unique on this machine and on a cluster."""
    engine: str
    arguments: list[str]
    """mrjob's command line."""
    scratch: str
    """A folder for temporary files; the parent removes it."""
    draft: str
    """The local folder to which output has to be brought from the engine's own file system; empty for none."""


class Progress(msgspec.Struct, kw_only=True, frozen=True, tag="progress"):
    """How far a job is."""

    step: int
    """From 1; Spark takes several steps as one."""
    steps: int
    phase: str = ""
    """What the step is at: ``map``, ``reduce``, or a stage of Spark's."""
    done: int = 0
    """How much of the phase is done, out of ``total``."""
    total: int = 0
    """Tasks of the phase (on Hadoop: 100, percent); 0 before they are known."""

    @property
    def share(self) -> float:
        """How much of the job is done, from 0 to 1; mapping and reducing are the two halves of a step."""
        part = self.done / self.total if self.total else 0.0
        half = {"map": 0.0, "reduce": 0.5}.get(self.phase)  # other phases are whole steps
        part = part if half is None else half + part / 2
        return (self.step - 1 + part) / max(1, self.steps)

    @property
    def note(self) -> str:
        """The same in words: ``step 1 of 2, map 3/8``."""
        return f"step {self.step} of {self.steps}" + (f", {self.phase} {self.done}/{self.total}" if self.total else "")


class Done(msgspec.Struct, kw_only=True, frozen=True, tag="done"):
    """The job ended well."""

    counters: Counters


Told = Progress | Done
"""What the child may tell."""
