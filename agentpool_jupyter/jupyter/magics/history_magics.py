"""The magics of time travel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Int, Unicode, observe

from .history_actions import HistoryActions
from .snapshot_actions import SnapshotActions
from .usage import parse, usage_errors

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.jupyter.session import Session

_POOL = argument("--pool", help="the pool (default: the current one)")
_STORE = argument("--store", help="a folder, or kafka://host:port")


@magics_class
class HistoryMagics(Magics):  # type: ignore[misc]  # IPython's types are not followed
    """``%rollback``, ``%branch``, ``%diff`` and ``%snapshot``.

    ``%config HistoryMagics.engine = "spark"`` sets what ``%snapshot`` runs on where its line says nothing.
    """

    engine = Unicode("local", help="the engine of %snapshot: local, inline, spark, hadoop, emr or dataproc").tag(
        config=True
    )
    snapshot_every = Int(
        -1, help="pools opened from now on are snapshotted every so many events; 0: never; -1: as the environment says"
    ).tag(config=True)

    @observe("snapshot_every")
    def _set_every(self, change: Any) -> None:
        self.session.snapshot_every = None if change["new"] < 0 else change["new"]

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @line_magic
    @magic_arguments()
    @argument("position", nargs="?", help="120, planner#2, -3, 14:05, 10m, a branch or a tag: right after that")
    @argument("--undo", action="store_true", help="take back the last rollback or switch")
    @argument("--dry-run", action="store_true", help="show what would leave the document, and change nothing")
    @_POOL
    @_STORE
    def rollback(self, line: str) -> Any:
        """Go back to an earlier position of the pool, on a new branch; nothing is deleted.

        A team that runs in the pool stops, and what it still says stays on the line that was left. What agents did
        outside the pool is not undone; it is listed.
        """
        arguments = parse(self.rollback, line)
        with usage_errors():
            return HistoryActions(self.session).rollback(arguments)

    @line_magic
    @magic_arguments()
    @argument("name", nargs="?", help="the new branch; without one, all branches are listed")
    @argument("position", nargs="?", help="where it leaves the current line (default: now)")
    @argument("--switch", metavar="BRANCH", help="move the head to a branch")
    @_POOL
    @_STORE
    def branch(self, line: str) -> Any:
        """List the pool's branches, make one, or switch to one."""
        arguments = parse(self.branch, line)
        with usage_errors():
            return HistoryActions(self.session).branch(arguments)

    @line_magic
    @magic_arguments()
    @argument("a", help="a position: 120, planner#2, -3, 14:05, 10m, a branch or a tag")
    @argument("b", nargs="?", help="another one (default: the current line as it is now)")
    @_POOL
    @_STORE
    def diff(self, line: str) -> Any:
        """Show what changed between two positions, turn by turn and word by word."""
        arguments = parse(self.diff, line)
        with usage_errors():
            return HistoryActions(self.session).diff(arguments)

    @line_magic
    @magic_arguments()
    @argument("pools", nargs="*", help="pools (default: the current one); several are done in one job")
    @argument("--all", action="store_true", help="all pools of the store")
    @argument("--engine", help="local, inline, spark, hadoop, emr or dataproc (default: %%config HistoryMagics.engine)")
    @argument("-O", "--option", action="append", metavar="NAME=VALUE", help="an option of the engine: num_cores=2")
    @argument("--status", action="store_true", help="say how far snapshots reach, and build nothing")
    @_STORE
    def snapshot(self, line: str) -> Any:
        """Bring snapshots up to date, by which any earlier state of a pool is there at once.

        They are also taken by themselves, after a run and every 10,000 events; this is for a longer history, or for a
        cluster. Only what is new is read. The interrupt button stops the job and leaves what was there before.
        """
        arguments = parse(self.snapshot, line)
        with usage_errors():
            arguments.engine = arguments.engine or self.engine
            return SnapshotActions(self.session).do(arguments)
