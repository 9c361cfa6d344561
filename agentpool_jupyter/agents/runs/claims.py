"""Which runs may start: one team at a time in a pool, and each run held by one process, as the log decides."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.errors import RunActiveError, UserError
from agentpool_jupyter.pool.claims import LEASE
from agentpool_jupyter.pool.events import Claim, Release, RunFinished, RunStarted, StopAsked, TurnFailed
from agentpool_jupyter.pool.runs import RunRecord, in_words, is_dead, this_owner
from agentpool_jupyter.pool.words import LOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool import Event, Pool, Turn
    from agentpool_jupyter.pool.claims import Holding
    from agentpool_jupyter.pool.words import RunReason

_LEAVING_SECONDS = 5.0  # how long a run that is about to end by itself is waited for
_GLANCE_SECONDS = 0.05  # between two looks whether it has
_STOPPING_SECONDS = 10.0  # how long a process that was asked to stop its run is waited for


def start_run(
    pool: Pool, run: str, branch: str, team: TeamSpec, *, resumed: bool = False, parent: str = "", key: str = ""
) -> Claim:
    """Record that a run starts here and now, or goes on, and return the claim by which this process holds it.

    Raises RunActiveError where another run of the pool is alive, or another process holds this one, also when both
    start at the same moment: the log's order says who was first. A holder of whom the log does not tell whether it is
    alive is waited for, about a lease at most. One with a ``parent`` is part of that one, which is alive.
    """
    if not parent:
        refuse_if_active(pool, run)

    def start(claim: Claim) -> list[Event]:
        header = pool.header(branch, run, claim=claim.id)
        return [RunStarted(**header, spec=team.to_dict(), resumed=resumed, parent=parent, key=key)]

    taken = take(pool, branch, run, then=start)
    if parent:
        return taken
    try:
        refuse_if_active(pool, run, before=taken)
    except RunActiveError:
        let_go(pool, branch, taken, "refused")
        raise
    return taken


def take(
    pool: Pool, branch: str, run: str, agent: str = "", *, then: Callable[[Claim], list[Event]] = lambda _: []
) -> Claim:
    """Take a run, or one agent of it, and return the claim once it was read back from the log as the one that holds.

    The events that ``then`` makes are stored with the claim; they count for nothing where it is refused. Raises
    RunActiveError where another process holds the place, and lives.
    """
    while True:
        held = pool.runs.claims.holding(run, agent)
        if held and not held.released and is_dead(held.claim.owner):  # that is certain here: no lease is waited for
            pool.append([_release(pool, branch, held.claim)])
        epoch = held.claim.epoch + 1 if held else 1
        taken = Claim(**pool.header(branch, run, agent), owner=this_owner(), epoch=epoch, lease=LEASE, fencing=True)
        pool.append([taken, *then(taken)])
        held = pool.runs.claims.holding(run, agent)
        if held is None or held.claim.id == taken.id:
            return taken
        if held.seems_alive or not _stays_silent(pool, held):
            raise _active(pool, held.claim)


def _stays_silent(pool: Pool, held: Holding) -> bool:
    """Return whether a holder says nothing for a quarter of its lease; one record's time is not believed so far."""
    claim, sign = held.claim, held.sign
    deadline = time.monotonic() + claim.lease / 4
    while time.monotonic() < deadline:
        time.sleep(_GLANCE_SECONDS)
        now = pool.runs.claims.holding(claim.run, claim.agent)
        if now is None or now.claim.id != claim.id or now.sign.id != sign.id:
            return False
    return True


def let_go(pool: Pool, branch: str, claim: Claim, reason: RunReason, detail: str = "") -> None:
    """End a run that this process holds."""
    header = pool.header(branch, claim.run, claim=claim.id)
    ended = RunFinished(**header, reason=reason, detail=detail, epoch=claim.epoch)
    pool.append([ended, _release(pool, branch, claim)])


def _release(pool: Pool, branch: str, claim: Claim) -> Release:
    header = pool.header(branch, claim.run, claim.agent, claim.id)
    return Release(**header, owner=claim.owner, epoch=claim.epoch)


def refuse_if_active(pool: Pool, run: str = "", *, before: Claim | None = None) -> None:
    """Raise RunActiveError where another run of the pool is alive; with a claim, only where one was there before it.

    A run whose line the head has left is about to end by itself, and is waited for.
    """
    deadline = time.monotonic() + _LEAVING_SECONDS

    def leaving(other: RunRecord) -> bool:
        return other.branch != pool.branch and (before is None or other.id != run)  # one's own may be on any

    while (alive := pool.runs.alive()) and time.monotonic() < deadline and any(map(leaving, alive)):
        time.sleep(_GLANCE_SECONDS)
    for other in alive:
        held = other.claim
        own = other.id == run and held is not None and held.fencing  # of which the log decides
        if held is not None and not own and (before is None or held.offset < before.offset):
            raise _active(pool, held)


def _active(pool: Pool, claim: Claim) -> RunActiveError:
    return RunActiveError(
        f"a team already runs in pool {pool.name!r} (run {claim.run}, {in_words(claim.owner)}): stop it with "
        f"`%agents stop {pool.name}`, watch it with `%agents attach {pool.name}`, or name another pool"
    )


def ask_to_stop(pool: Pool, run: RunRecord, agent: str = "") -> None:
    """Ask the process that holds a run, which may be any, to stop it, or one agent of it."""
    header = pool.header(run.branch, agent=agent)
    pool.append([StopAsked(**header, target=run.id, epoch=run.epoch, owner=this_owner())])


def stop_agent(pool: Pool, agent: str, run: str | None = None) -> RunRecord:
    """Have one agent of a run that some process holds stopped (default: of the run that is alive in the pool).

    What it says is broken off, and it takes no more turns in this run; the others go on. Returns once the log has the
    request. Raises UserError where no such run is alive, or it has no such agent.
    """
    found = _alive(pool, run)
    names = [one.name for one in TeamSpec.from_dict(found.spec).agents]
    if agent not in names:
        message = f"run {found.id} in pool {pool.name!r} has no agent {agent!r}; it has: {', '.join(names)}"
        raise UserError(message)
    ask_to_stop(pool, found, agent)
    return found


def _alive(pool: Pool, run: str | None) -> RunRecord:
    alive = [record for record in pool.runs.alive() if run in (None, record.id)]
    if not alive:
        message = f"no team runs in pool {pool.name!r}" + (f" as {run}" if run else "")
        raise UserError(message)
    return alive[-1]


def stop_run(pool: Pool, run: str | None = None) -> RunRecord:
    """Have a run that some process holds stopped (default: the one that is alive in the pool), and wait for its end.

    Raises UserError where no such run is alive, RunActiveError where its holder does not do it in time.
    """
    asked = _alive(pool, run)
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
    """Record that a run's process died, if it did, and return its open turns, which failed thereby.

    To say so, this process takes the run: what the log does not let it take is not lost.
    """
    if run.finished or run.alive():
        return []
    owner = run.owner
    try:
        claim = take(pool, run.branch, run.id)
    except RunActiveError:
        return []
    lost = [turn for below in pool.runs.below(run.id) for turn in mark_lost(pool, below)]
    lost += fail_open_turns(pool, claim, run.branch, owner)
    let_go(pool, run.branch, claim, LOST, f"its process ended before it did ({owner})")
    return lost


def fail_open_turns(pool: Pool, claim: Claim, branch: str, owner: str) -> list[Turn]:
    """Record that the turns which a run's former owner left open on a branch have failed, and return them."""
    lost = [turn for turn in pool.document(branch).turns if turn.run == claim.run and turn.status == "running"]
    error = f"its process ended before the turn did ({owner})"
    headers = [(pool.header(branch, claim.run, turn.agent, claim.id), turn.id) for turn in lost]
    if headers:
        pool.append([TurnFailed(**header, turn=turn, error=error, kind=LOST) for header, turn in headers])
    return lost
