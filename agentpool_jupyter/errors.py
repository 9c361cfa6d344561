"""Every error that this package raises, told apart by who can mend it.

::

    AgentPoolError
    ├── UserError              what you asked for cannot be done as asked
    │   ├── SpecError          a team's description; names the line
    │   ├── PositionError      a position that the pool does not have
    │   ├── PoolNotFoundError  no such pool in the store
    │   ├── StoreError         a store address that cannot be used
    │   ├── LibraryError       a document that cannot be added to the library
    │   ├── ExtraMissingError  an optional part that is not installed; says what to install
    │   ├── EngineError        an engine of jobs that is unknown, not installed or not set up
    │   ├── FileChangedError   a newer version of a file than the one that was read
    │   ├── ReleaseRefusedError a table that cannot be released as it was asked for; says why
    │   ├── SnapshotsBusyError another process makes snapshots of the pool (``retriable``)
    │   └── RunActiveError     a team already runs there
    ├── LogError               the log could not do it (``retriable`` says whether trying again may help)
    │   ├── LogUnavailableError   broker or disk away; nothing acknowledged is lost
    │   ├── LogCorruptError       the stored log is damaged
    │   ├── LogBusyError          others write to the pool, and what was asked cannot be done beside them
    │   ├── LogMovedError         the pool was compacted or deleted: open it again
    │   └── LogClosedError        used after close
    ├── IndexUnavailableError  the index of recall is away (disk, Redis); nothing is lost, pools can be read
    ├── ModelError             a language model's server (``retriable``, ``retry_after``)
    ├── SnapshotError          a file of snapshots is damaged, foreign or of another version; the log has all it had
    ├── ServiceError           a local helper process (Kafka, model server) did not start or stop
    ├── JobError               a MapReduce job did not end well; ``log`` is what it said
    │   └── JobCancelledError     because it was told to stop
    ├── EffectError            what was asked for was refused, failed, or is in doubt
    └── RunFailedError         a team ended without doing its work

Messages say what happened, where, and what to do next, in one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class AgentPoolError(Exception):
    """Base of all errors of this package."""

    retriable: bool = False
    """Whether the same call may succeed later, unchanged."""


class UserError(AgentPoolError):
    """What was asked for cannot be done as asked; shown in notebooks as one line."""


class SpecError(UserError):
    """A team's description is wrong; ``line`` is 1-based, or None where no line is at fault."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line is not None else message)
        self.line = line


class SpecWarning(UserWarning):
    """A team's description reads well and may not say what was meant; names the line."""


class PositionError(UserError):
    """A position (offset, turn, time, branch, tag) that the pool does not have."""


class PoolNotFoundError(UserError):
    """No pool of that name in the store."""


class StoreError(UserError):
    """A store address that cannot be used."""


class LibraryError(UserError):
    """A path that names no document which could be added to the library."""


class ExtraMissingError(UserError):
    """An optional part of the package that is not installed; the message says what to install."""


class EngineError(UserError):
    """An engine of MapReduce jobs that is unknown, not installed or not set up."""


class ReleaseRefusedError(UserError):
    """A table that cannot be released with the protection that was asked for; nothing was written."""


class RunActiveError(UserError):
    """A team already runs in that pool."""


class FileChangedError(UserError):
    """A file was to be written over a version that its writer had not read: ``number``, by ``agent``."""

    def __init__(self, path: str, read: int, number: int, agent: str) -> None:
        had = f"version {read} was read" if read else "none was read"
        super().__init__(
            f"file {path!r} has version {number} by {agent or 'nobody'}, and {had}: read it again, then write"
        )
        self.path = path
        self.read = read
        self.number = number
        self.agent = agent


class LogError(AgentPoolError):
    """The log could not do what was asked."""


class LogUnavailableError(LogError):
    """The broker or the disk did not answer in time; what was acknowledged is safe."""

    retriable = True


class LogBusyError(LogError):
    """Others write to the log, and what was asked for cannot be done beside them; nothing was changed."""

    retriable = True


class LogCorruptError(LogError):
    """The stored log is damaged."""


class LogMovedError(LogError):
    """The pool was compacted into a new generation, or deleted, and this log is the old one: open the pool again."""


class LogClosedError(LogError):
    """The log, or the pool over it, was used after ``close()``."""


class IndexUnavailableError(AgentPoolError):
    """The index of recall cannot be used now (disk or Redis); it can always be made again from the log."""

    retriable = True


class ModelError(AgentPoolError):
    """A language model's server refused, failed or fell silent.

    ``retry_after`` is in seconds and None where the server named no time. ``kind`` is a short stable word
    (``rate_limit``, ``server``, ``timeout``, ``cut``, ``malformed``, ``connection``, ``auth``, ``request``).
    """

    def __init__(self, message: str, *, kind: str, retriable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retriable = retriable
        self.retry_after = retry_after


class SnapshotError(AgentPoolError):
    """A file of snapshots cannot be used; everything in it can be made again from the log."""


class StoreWarning(UserWarning):
    """What lies beneath a pool is not as we made it: it can be used, and something may be missing, or vanish."""


class SnapshotWarning(UserWarning):
    """Snapshots were passed over, because they are damaged or of another log: answers are right, and slower."""


class ServiceError(AgentPoolError):
    """A local helper process (Kafka broker, model server) did not start, or did not stop."""


class JobError(AgentPoolError):
    """A MapReduce job did not end well; ``log`` is the file that holds all it said."""

    def __init__(self, message: str, *, log: Path) -> None:
        super().__init__(message)
        self.log = log

    def _render_traceback_(self) -> list[str]:
        """Show one line in a notebook: what failed is in the job's log, not on this stack."""
        return [f"{type(self).__name__}: {self}"]


class JobCancelledError(JobError):
    """A MapReduce job was told to stop; its processes and temporary files are gone."""


class SnapshotsBusyError(UserError):
    """Another process makes snapshots of the same pool: wait for it."""

    retriable = True


class EffectError(AgentPoolError):
    """What was asked for was not done: it was refused, it failed, or nobody knows whether it was."""


class RunFailedError(AgentPoolError):
    """A team ended without doing its work."""

    def _render_traceback_(self) -> list[str]:
        """Show one line in a notebook: what failed is in the pool, not on this stack."""
        return [f"RunFailedError: {self}"]
