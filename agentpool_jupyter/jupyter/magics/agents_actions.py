"""What ``%%agents`` and ``%agents`` do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import RunActiveError, UserError

from .dry_run import DryRun

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.agents import Run, Team
    from agentpool_jupyter.jupyter.live.show import Show
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool

_CELL_FIRST_LINE = 2  # the magic's own line is the first
_POLL = 0.1  # seconds; short enough for the interrupt button to feel immediate


class AgentsActions:
    """The actions of one call."""

    def __init__(self, session: Session, shell: InteractiveShell) -> None:
        self._session = session
        self._shell = shell

    # The cell ----------------------------------------------------------------------------------------------

    def run_cell(self, arguments: Namespace, cell: str) -> Any:
        """Start the cell's team, show it, and wait for it unless ``--bg``."""
        name = _at_most_one(arguments.words, "%%agents takes one pool")
        team = self._team(arguments, cell)
        if arguments.dry_run:
            return self._dry_run(team, name, arguments)
        pool = self._session.pool(name, arguments.store, create=True)
        self._session.use(pool.name, arguments.store)
        self._make_way(pool, replace=arguments.replace)
        self._session.hold_model(team.spec)
        if arguments.fresh and pool.document().turns:
            pool.clear()
        run = team.start(pool)
        return self._present(run, background=arguments.bg, text=arguments.text, out=arguments.out)

    def _team(self, arguments: Namespace, cell: str) -> Team:
        from agentpool_jupyter.agents import Team  # noqa: PLC0415 - loading the extension stays quick
        from agentpool_jupyter.agents.runs.plan import check_team  # noqa: PLC0415

        names = self._shell.user_ns
        team = Team.from_yaml(cell, functions=names, variables=names, first_line=_CELL_FIRST_LINE)
        if arguments.model:
            team.spec = msgspec.structs.replace(team.spec, model=arguments.model)
        check_team(team.spec, names)
        return team

    def _dry_run(self, team: Team, name: str | None, arguments: Namespace) -> DryRun:
        from agentpool_jupyter.agents.runs.plan import plan  # noqa: PLC0415
        from agentpool_jupyter.errors import PoolNotFoundError  # noqa: PLC0415
        from agentpool_jupyter.pool import Document  # noqa: PLC0415

        try:
            document = self._session.pool(name, arguments.store).document()
        except PoolNotFoundError:  # a dry run makes nothing
            document = Document()
        return DryRun(plan(team.spec, Document() if arguments.fresh else document), team.spec)

    def _make_way(self, pool: Pool, *, replace: bool) -> None:
        from agentpool_jupyter.agents.runs.claims import refuse_if_active  # noqa: PLC0415

        mine = [run for run in self._session.running() if run.pool is pool]
        if mine and not replace:
            message = (
                f"a team still runs in pool {pool.name!r}: wait for it, stop it with `%agents stop`, start this one "
                "in its place with `%%agents --replace`, or name another pool"
            )
            raise RunActiveError(message)
        self._session.stop(mine)
        refuse_if_active(pool)  # one of another process, before anything is done to the pool

    def _present(self, run: Run, *, background: bool, text: bool, out: str | None) -> None:
        if out:
            self._shell.user_ns[out] = run
        show = self._session.show(run.pool, run.id, run, text=text)
        if background:
            show.finish_later()
            return
        _wait(run, show)
        if run.notes:
            print("\n".join(f"recall: {note}" for note in run.notes))  # noqa: T201 - under the cell's picture

    # The line ----------------------------------------------------------------------------------------------

    def do(self, arguments: Namespace) -> Any:
        """Do what the line's first word says."""
        action, *rest = arguments.words or ["status"]
        actions: dict[str, Callable[[str | None, Namespace], Any]] = {
            "status": self._status,
            "stop": self._stop,
            "attach": self._attach,
            "resume": self._resume,
            "list": self._list,
        }
        if action not in actions:
            message = f"%agents {action}: unknown action; use {', '.join(actions)}, or %%agents for a cell"
            raise UserError(message)
        return actions[action](_at_most_one(rest, f"%agents {action} takes one name"), arguments)

    def _status(self, word: str | None, _arguments: Namespace) -> Any:
        if word is not None:
            return self._session.report(self._session.find_run(word))
        rows = []
        for run in self._session.runs():
            total = self._session.report(run).total
            why = f"{run.reason}: {run.detail}" if run.detail else run.reason
            rows.append((run.id, run.pool.name, run.status, why, total.turns, total.prompt + total.completion))
        return Table(
            ("run", "pool", "status", "why", "turns", "tokens"),
            rows,
            empty="no run in this kernel; `%agents attach` shows a pool's latest",
        )

    def _stop(self, word: str | None, _arguments: Namespace) -> None:
        runs = [self._session.find_run(word)] if word else self._session.running()
        self._session.stop(runs)
        print("\n".join(repr(run) for run in runs) or "nothing runs in this kernel")  # noqa: T201 - a magic's answer

    def _attach(self, word: str | None, arguments: Namespace) -> None:
        from agentpool_jupyter.agents.runs.claims import mark_lost  # noqa: PLC0415

        pool = self._session.pool(word, arguments.store)
        self._session.use(pool.name, arguments.store)
        record = pool.runs.latest()
        if record is None:
            message = f"no team ever ran in pool {pool.name!r}"
            raise UserError(message)
        lost = mark_lost(pool, record)
        show = self._session.show(pool, record.id, text=arguments.text)
        if lost or not record.alive():
            show.wait(30)
            show.finish()
        else:
            show.finish_later()
        if lost:
            names = ", ".join(turn.name for turn in lost)
            print(f"died with their process: {names}; `%agents resume` takes them anew")  # noqa: T201

    def _resume(self, word: str | None, arguments: Namespace) -> None:
        from agentpool_jupyter.agents import TeamSpec, resume  # noqa: PLC0415

        pool = self._session.pool(word, arguments.store)
        self._session.use(pool.name, arguments.store)
        self._make_way(pool, replace=arguments.replace)
        record = pool.runs.latest()
        if record is not None:
            self._session.hold_model(TeamSpec.from_dict(record.spec))
        run = resume(pool, functions=self._shell.user_ns)
        self._present(run, background=arguments.bg, text=arguments.text, out=arguments.out)

    def _list(self, word: str | None, arguments: Namespace) -> Table:
        pool = self._session.pool(word, arguments.store)
        rows = []
        for record in pool.runs.values():
            state = "running" if record.alive() else record.finished.reason if record.finished else "lost"
            rows.append((record.id, record.branch, record.start, state, record.owner, record.spec.get("task", "")))
        return Table(("run", "branch", "offset", "state", "owner", "task"), rows, empty="no team ever ran here")


def _wait(run: Run, show: Show) -> None:
    """Wait for a run; the notebook's interrupt button stops it."""
    try:
        while not run.wait(_POLL):
            pass
    except KeyboardInterrupt as interrupt:
        run.stop()
        told = f"KeyboardInterrupt: the team was stopped; pool {run.pool.name!r} has what it said"
        interrupt._render_traceback_ = lambda: [told]  # type: ignore[attr-defined]  # IPython shows this line alone
        raise
    finally:
        show.wait(5)
        show.finish()


def _at_most_one(words: list[str], message: str) -> str | None:
    if len(words) > 1:
        message = f"{message}, not {' '.join(words)!r}"
        raise UserError(message)
    return words[0] if words else None
