"""What ``%agents`` does on a line of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.jupyter.magics.usage import at_most_one

from .cell import TeamCell

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from agentpool_jupyter.jupyter.session import Session


class AgentsActions:
    """The actions, by the first word of the line."""

    def __init__(self, session: Session, shell: InteractiveShell) -> None:
        self._session = session
        self._cell = TeamCell(session, shell)
        self._functions = shell.user_ns

    def do(self, arguments: Namespace) -> Any:
        """Do what the line's first word says."""
        action, *rest = arguments.words or ["status"]
        if action not in self.NAMED:
            message = f"%agents {action}: unknown action; use {', '.join(self.NAMED)}, or %%agents for a cell"
            raise UserError(message)
        return self.NAMED[action](self, at_most_one(rest, f"%agents {action} takes one name"), arguments)

    def _status(self, word: str | None, _arguments: Namespace) -> Any:
        if word is not None:
            return self._session.report(self._session.find_run(word))
        rows = []
        for run in self._session.runs():
            total = self._session.report(run).total
            why = f"{run.reason}: {run.detail}" if run.detail else run.reason
            rows.append((run.id, run.pool.name, run.status, why, total.turns, total.tokens))
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
        from agentpool_jupyter.agents.team.parse import parse_budget  # noqa: PLC0415

        pool = self._session.pool(word, arguments.store)
        self._session.use(pool.name, arguments.store)
        self._cell.make_way(pool, replace=arguments.replace)
        record = pool.runs.latest()
        if record is not None:
            self._session.hold_model(TeamSpec.from_dict(record.spec))
        budget = parse_budget(arguments.budget) if arguments.budget else None
        run = resume(pool, functions=self._functions, budget=budget, turns=arguments.turns)
        self._cell.present(run, arguments)

    def _list(self, word: str | None, arguments: Namespace) -> Table:
        pool = self._session.pool(word, arguments.store)
        rows = []
        for record in pool.runs.values():
            state = "running" if record.alive() else record.finished.reason if record.finished else "lost"
            rows.append((record.id, record.branch, record.start, state, record.owner, record.spec.get("task", "")))
        return Table(("run", "branch", "offset", "state", "owner", "task"), rows, empty="no team ever ran here")

    NAMED: ClassVar = {"status": _status, "stop": _stop, "attach": _attach, "resume": _resume, "list": _list}
