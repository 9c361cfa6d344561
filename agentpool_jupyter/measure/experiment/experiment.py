"""The same work at several team sizes and ways of coordination: ``experiment(team, tasks=[…])``."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.agents import Run, Team, report
from agentpool_jupyter.agents.models.endpoint import endpoint_of
from agentpool_jupyter.agents.runs.claims import refuse_if_active
from agentpool_jupyter.agents.runs.plan import check_team
from agentpool_jupyter.errors import RunFailedError, UserError
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.events import TrialFinished
from agentpool_jupyter.services.local_model import LocalModel
from agentpool_jupyter.snapshots.opening import open_pool

from .board import WAYS, Way
from .findings import Experiment
from .tasks import Task, tasks_of
from .trials import Trial, TrialTeam, digest_of, team_of, trials_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from agentpool_jupyter.agents import TeamSpec
    from agentpool_jupyter.pool import Pool

    Tell = Callable[[float, str], object]

_POLL = 0.1  # seconds; short enough for the interrupt button to feel immediate


def experiment(
    team: Team,
    pool: Pool | None = None,
    *,
    sizes: Sequence[int] = (1, 2, 4, 8),
    repeats: int = 5,
    ways: Sequence[Way] | Way | None = None,
    tasks: Iterable[Task | Mapping[str, Any]] = (),
    tokens: int | None = None,
    attempts: int = 2,
    seed: int = 0,
    progress: Tell | None = None,
) -> Experiment:
    """Run the same work at several team sizes and in several ways, each ``repeats`` times, and return one row a run.

    ``tasks`` are the work (:class:`.Task`, or the same as dicts), and a run has succeeded when all their checks hold of
    what it left; it ends when each is done, or was given up after ``attempts``, whatever the team's own ``until``.
    ``ways`` are some of ``alone``, ``dealt``, ``chosen`` and ``pool`` (:mod:`.board`; default: all of them). Without
    tasks the team works on its own task as it is, in a shared pool, and has succeeded when its ``until`` holds, or
    where it has none, ended well.

    A team of n is the team's first n agents, or all of them several times (:func:`.trials.sized`). With ``tokens``
    every run may take so many, whatever its size. A worker that is a function is called with the document, and with
    an :class:`.Assignment` where it takes a second argument.

    Runs are made one after the other, in an order of chance that ``seed`` fixes, each on a branch of its own that
    leaves the current one here; ``pool`` is by default one named ``experiment``. Their rows are on that line: what was
    finished is not run again where the same experiment is asked for again, also after a restart, with more sizes or
    repeats. A run that broke off is made anew. ``progress`` is told how far it is, from 0 to 1, and what is run.

    Raises UserError for sizes, ways and tasks that cannot be, SpecError for what the team lacks, RunActiveError where
    a team runs in the pool.
    """
    work, spec = tasks_of(tasks), _limited(team.spec, tokens)
    chosen = _ways(ways, work)
    _check(sizes, repeats, attempts)
    key = digest_of(spec, work, attempts)
    trials = trials_of(chosen, list(dict.fromkeys(sizes)), repeats, (seed, key))
    check_team(spec, team.functions)
    for trial in {(one.way, one.n): one for one in trials}.values():
        made = team_of(spec, team.functions, trial, work, attempts)
        check_team(made.team.spec, made.team.functions)  # before any is run
    pool, tell = pool or open_pool("experiment"), progress or (lambda _share, _note: None)
    refuse_if_active(pool)
    with _model_of(spec):
        rows = finished_rows(pool, key)
        for place, trial in enumerate(trials):
            if trial not in rows:
                tell(place / len(trials), trial.told)
                rows[trial] = _made(pool, key, trial, team_of(spec, team.functions, trial, work, attempts))
    tell(1.0, "done")
    return Experiment([rows[trial] for trial in sorted(trials, key=_place)], pool.name)


def finished_rows(pool: Pool, key: str) -> dict[Trial, dict[str, Any]]:
    """Return the rows that the current line has of an experiment, in the order in which they were made."""
    rows: dict[Trial, dict[str, Any]] = {}
    for event in pool.lineage.on_line(pool.events(), Position(pool.branch, pool.end - 1)):
        if isinstance(event, TrialFinished) and event.experiment == key:
            with suppress(msgspec.ValidationError):  # of another program
                rows.setdefault(msgspec.convert(event.trial, _Key).trial, event.row)
    return rows


class _Key(msgspec.Struct):
    """A trial as the log has it."""

    way: Way
    n: int
    repeat: int

    @property
    def trial(self) -> Trial:
        return Trial(self.way, self.n, self.repeat)


def _place(trial: Trial) -> tuple[int, int, int]:
    return WAYS.index(trial.way), trial.n, trial.repeat


def _limited(spec: TeamSpec, tokens: int | None) -> TeamSpec:
    if tokens is None:
        return spec
    return msgspec.structs.replace(spec, budget=msgspec.structs.replace(spec.budget, tokens=tokens))


def _ways(given: Sequence[Way] | Way | None, tasks: Sequence[Task]) -> list[Way]:
    usual: Sequence[Way] = WAYS if tasks else ("pool",)
    ways: list[Way] = [given] if isinstance(given, str) else list(given or usual)
    if unknown := [way for way in ways if way not in WAYS]:
        message = f"there is no way {unknown[0]!r} of coordination: choose from {', '.join(WAYS)}"
        raise UserError(message)
    if not tasks and ways != ["pool"]:
        message = f"{ways[0]!r} needs a list of tasks: give `tasks`, or leave `ways` out"
        raise UserError(message)
    return list(dict.fromkeys(ways))


def _check(sizes: Sequence[int], repeats: int, attempts: int) -> None:
    if not sizes or not all(isinstance(n, int) and n >= 1 for n in sizes):
        message = f"sizes = {sizes!r}: a team has 1, 2, 3 … members, as in sizes=[1, 2, 4, 8]"
        raise UserError(message)
    if repeats < 1 or attempts < 1:
        message = f"repeats = {repeats} and attempts = {attempts}: both are 1 or more"
        raise UserError(message)


@contextmanager
def _model_of(spec: TeamSpec) -> Iterator[None]:
    """Keep the bundled model's server up between the runs, where the team uses it: its start is no part of them."""
    if not any(agent.python is None and endpoint_of(spec, agent).local for agent in spec.agents):
        yield
        return
    model = LocalModel()
    model.acquire()
    try:
        yield
    finally:
        model.release()


def _made(pool: Pool, key: str, trial: Trial, made: TrialTeam) -> dict[str, Any]:
    """Run a trial on a branch of its own, record its row in the log, and return it."""
    base = pool.branch
    branch = pool.fork(_name(pool, trial), Position(base, pool.end - 1))
    run = made.team.start(pool, branch)
    if made.tasks is not None:
        made.tasks.run.set_result(run)
    try:
        with suppress(RunFailedError):  # which the row tells
            while not run.wait(_POLL):
                pass
    except BaseException:
        run.stop()
        raise
    finally:
        if made.tasks is not None:
            made.tasks.close()
    row = _row(pool, run, trial, made)
    event = TrialFinished(**pool.header(base, run.id), experiment=key, trial=trial._asdict(), row=row)
    pool.append([event])
    return row


def _name(pool: Pool, trial: Trial) -> str:
    """Return a name for a trial's branch that is free: one that broke off has had the first."""
    name, lineage = f"{trial.way}-{trial.n}-{trial.repeat}", pool.lineage
    return next(new for i in count(1) if (new := f"{name}-{i}" if i > 1 else name) not in lineage)


def _row(pool: Pool, run: Run, trial: Trial, made: TrialTeam) -> dict[str, Any]:
    told = report(pool, run.id)
    passed, success = _verified(run, made)
    total = told.total
    tasks = len(made.tasks.tasks) if made.tasks else 0
    counts = {name: getattr(total, name) for name in ("concurrent", "repaired", "rewrites", "stale")}
    measures = told.measures.of(*made.workers).to_dict()
    return {
        **trial._asdict(),
        "seconds": measures.pop("wall"),
        "success": success,
        "passed": passed,
        "tasks": tasks,
        "reason": run.reason,
        "detail": run.detail,
        "run": run.id,
        "branch": run.branch,
        "tokens": total.prompt + total.completion,
        **counts,
        **measures,
    }


def _verified(run: Run, made: TrialTeam) -> tuple[int, bool]:
    """Return how many checks hold of what a run has left, and whether all do: whatever anybody has said of it."""
    if made.tasks is None:
        return 0, run.status == "finished" and (not made.team.spec.until or run.reason == "reached")
    tasks, document, found = list(made.tasks.tasks.values()), run.document(), list[bool]()
    # On a thread of its own: a notebook's has an event loop, in which a check that is async could not run.
    thread = threading.Thread(target=lambda: found.extend(not task.problem(document) for task in tasks), daemon=True)
    thread.start()
    thread.join()
    return sum(found), len(found) == len(tasks) and all(found)
