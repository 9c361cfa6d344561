"""``%rollback``, ``%branch``, ``%diff`` and ``%snapshot``: what their lines may say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Int, Unicode, observe

from agentpool_jupyter.jupyter.magics.usage import ENGINES, POOL, STORE, SessionMagics

from .rollback import branch, rollback
from .snapshot import snapshot

if TYPE_CHECKING:
    from argparse import Namespace

    from agentpool_jupyter.history import Diff
    from agentpool_jupyter.jupyter.session import Session


@magics_class
class HistoryMagics(SessionMagics):
    """``%rollback``, ``%branch``, ``%diff`` and ``%snapshot``.

    ``%config HistoryMagics.engine = "spark"`` sets what ``%snapshot`` runs on where its line says nothing.
    """

    engine = Unicode("local", help=f"the engine of %snapshot: {ENGINES}").tag(config=True)
    snapshot_every = Int(
        -1, help="pools opened from now on are snapshotted every so many events; 0: never; -1: as the environment says"
    ).tag(config=True)

    @observe("snapshot_every")
    def _set_every(self, change: Any) -> None:
        self.session.snapshot_every = None if change["new"] < 0 else change["new"]

    @line_magic
    @magic_arguments()
    @argument("position", nargs="?", help="120, planner#2, -3, 14:05, 10m, a branch or a tag: right after that")
    @argument("--undo", action="store_true", help="take back the last rollback or switch")
    @argument("--dry-run", action="store_true", help="show what would leave the document, and change nothing")
    @argument(
        "--compensate", action="store_true", help="take back what tools did, newest first, where they have `undo`"
    )
    @POOL
    @STORE
    def rollback(self, line: str) -> Any:
        """Go back to an earlier position of the pool, on a new branch; nothing is deleted.

        A team that runs in the pool stops, and what it still says stays on the line that was left. What agents did
        outside the pool is not undone; it is listed. With ``--compensate`` what tools did is taken back, newest first,
        by the functions that ``@ap.tool(undo=…)`` names.
        """
        return self.answer(self.rollback, line, rollback)

    @line_magic
    @magic_arguments()
    @argument("name", nargs="?", help="the new branch; without one, all branches are listed")
    @argument("position", nargs="?", help="where it leaves the current line (default: now)")
    @argument("--switch", metavar="BRANCH", help="move the head to a branch")
    @POOL
    @STORE
    def branch(self, line: str) -> Any:
        """List the pool's branches, make one, or switch to one."""
        return self.answer(self.branch, line, branch)

    @line_magic
    @magic_arguments()
    @argument("a", help="a position: 120, planner#2, -3, 14:05, 10m, a branch or a tag")
    @argument("b", nargs="?", help="another one (default: the current line as it is now)")
    @POOL
    @STORE
    def diff(self, line: str) -> Any:
        """Show what changed between two positions, turn by turn and word by word."""
        return self.answer(self.diff, line, _diff)

    @line_magic
    @magic_arguments()
    @argument("pools", nargs="*", help="pools (default: the current one); several are done in one job")
    @argument("--all", action="store_true", help="all pools of the store")
    @argument("--engine", help=f"{ENGINES} (default: %%config HistoryMagics.engine)")
    @argument("-O", "--option", action="append", metavar="NAME=VALUE", help="an option of the engine: num_cores=2")
    @argument("--status", action="store_true", help="say how far snapshots reach, and build nothing")
    @STORE
    def snapshot(self, line: str) -> Any:
        """Bring snapshots up to date, by which any earlier state of a pool is there at once.

        They are also taken by themselves, after a run and every 10,000 events; this is for a longer history, or for a
        cluster. Only what is new is read. The interrupt button stops the job and leaves what was there before.
        """
        return self.answer(self.snapshot, line, partial(snapshot, engine=self.engine))


def _diff(session: Session, arguments: Namespace) -> Diff:
    from agentpool_jupyter.history import diff  # noqa: PLC0415 - loading the extension stays quick

    return diff(session.pool(arguments.pool, arguments.store), arguments.a, arguments.b)
