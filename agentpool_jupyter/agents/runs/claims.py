"""Who may run a team in a pool: claims that the log's order decides, and runs whose process has died."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import RunActiveError, UserError
from agentpool_jupyter.pool.events import Claim, RunFinished, RunStarted, StopAsked, TurnFailed
from agentpool_jupyter.pool.runs import LEASE, RunRecord, this_owner
from agentpool_jupyter.pool.words import LOST

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Pool, Turn

_LEAVING_SECONDS = 5.0  # how long a run that is about to end by itself is waited for
_GLANCE_SECONDS = 0.05  # between two looks whether it has
_STOPPING_SECONDS = 10.0  # how long a process that was asked to stop its run is waited for


def claim(pool: Pool, run: str, branch: str, team: TeamSpec, *, resumed: bool = False) -> int:
    """Record that a run starts here and now, and return its epoch.

    Raises RunActiveError where another run of the pool is alive, also when both start at the same moment: the log's
    order says who was first.
    """
    # The epoch is taken before it is checked who is alive. Who claims the run in between is then either alive when that
    # is checked, or stands in the log with the same epoch before this process, which loses.
    epoch = pool.runs[run].epoch + 1 if resumed else 1
    refuse_if_active(pool)
    started = RunStarted(**pool.header(branch, run), spec=team.to_dict(), resumed=resumed)
    taken = Claim(**pool.header(branch, run), owner=this_owner(), epoch=epoch, lease=LEASE)
    pool.append([started, taken])
    try:
        _refuse_if_lost(pool, run, taken)
    except RunActiveError:
        if not resumed:
            pool.append([RunFinished(**pool.header(branch, run), reason="refused", epoch=epoch)])
        raise
    return epoch


def _refuse_if_lost(pool: Pool, run: str, taken: Claim) -> None:
    held = pool.runs[run].claim
    if held is None or held.id != taken.id:
        message = f"run {run} in pool {pool.name!r} was taken up elsewhere at the same moment"
        raise RunActiveError(message)
    refuse_if_active(pool, but=taken)


def refuse_if_active(pool: Pool, *, but: Claim | None = None) -> None:
    """Raise RunActiveError where a run of the pool is alive; with a claim, only where one was there before it.

    A run whose line the head has left is about to end by itself, and is waited for.
    """
    deadline = time.monotonic() + _LEAVING_SECONDS
    while time.monotonic() < deadline and any(run.branch != pool.branch for run in pool.runs.alive()):
        time.sleep(_GLANCE_SECONDS)
    for other in pool.runs.alive():
        held = other.claim
        if but is None or (other.id != but.run and held is not None and held.offset < but.offset):
            message = (
                f"a team already runs in pool {pool.name!r} (run {other.id}, {other.owner}): "
                f"stop it with `%agents stop {pool.name}`, watch it with `%agents attach {pool.name}`, "
                "or name another pool"
            )
            raise RunActiveError(message)


def ask_to_stop(pool: Pool, run: RunRecord) -> None:
    """Ask the process that holds a run, which may be any, to stop it."""
    pool.append([StopAsked(**pool.header(run.branch), target=run.id, epoch=run.epoch, owner=this_owner())])


def stop_run(pool: Pool, run: str | None = None) -> RunRecord:
    """Have a run that some process holds stopped (default: the one that is alive in the pool), and wait for its end.

    Raises UserError where no such run is alive, RunActiveError where its holder does not do it in time.
    """
    alive = [record for record in pool.runs.alive() if run in (None, record.id)]
    if not alive:
        message = f"no team runs in pool {pool.name!r}" + (f" as {run}" if run else "")
        raise UserError(message)
    asked = alive[-1]
    ask_to_stop(pool, asked)
    deadline = time.monotonic() + _STOPPING_SECONDS
    while (now := pool.runs[asked.id]).alive() and now.epoch == asked.epoch and time.monotonic() < deadline:
        time.sleep(_GLANCE_SECONDS)
    if now.alive():
        message = (
            f"run {asked.id} in pool {pool.name!r} still goes on: {now.owner} was asked to stop it and did not in "
            f"{_STOPPING_SECONDS:g} s; it may be busy, or older than this request: stop it there"
        )
        raise RunActiveError(message)
    return now


def mark_lost(pool: Pool, run: RunRecord) -> list[Turn]:
    """Record that a run's process died, if it did, and return its open turns, which failed thereby."""
    if run.finished or run.alive():
        return []
    lost = fail_open_turns(pool, run.id, run.branch, run.owner)
    detail = f"its process ended before it did ({run.owner})"
    pool.append([RunFinished(**pool.header(run.branch, run.id), reason=LOST, detail=detail, epoch=run.epoch)])
    return lost


def fail_open_turns(pool: Pool, run: str, branch: str, owner: str) -> list[Turn]:
    """Record that the turns which a run's former owner left open on a branch have failed, and return them."""
    lost = [turn for turn in pool.document(branch).turns if turn.run == run and turn.status == "running"]
    error = f"its process ended before the turn did ({owner})"
    failed = [TurnFailed(**pool.header(branch, run, turn.agent), turn=turn.id, error=error, kind=LOST) for turn in lost]
    if failed:
        pool.append(failed)
    return lost
