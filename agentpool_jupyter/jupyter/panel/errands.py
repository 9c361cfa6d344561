"""What a page asks to be done: each a call of the Python API, answered in a sentence."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, assert_never

from agentpool_jupyter.errors import AgentPoolError, SpecError, UserError
from agentpool_jupyter.jupyter import faults
from agentpool_jupyter.jupyter.magics.pool import delete_pool

from .wire import (
    AskNames,
    AskPicture,
    CastVote,
    CheckCell,
    Checked,
    DeletePool,
    ErrandDone,
    ExportPool,
    Names,
    PictureNow,
    StopRun,
    TagPool,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool

    from .wire import Errand


def run_errand(session: Session, errand: Errand) -> ErrandDone | Names | Checked | PictureNow:
    """Do what a page asks for and return the answer; what the person or the world did wrong is one, too."""
    try:
        if isinstance(errand, AskNames):
            return _names(session, errand.ask)
        if isinstance(errand, CheckCell):
            return _checked(session, errand)
        if isinstance(errand, AskPicture):
            return _picture(session, errand)
        return ErrandDone(ask=errand.ask, text=_do(session, errand))
    except Exception as error:  # noqa: BLE001 - the page waits for an answer
        return ErrandDone(ask=errand.ask, text=faults.told(error), failed=True)


def _do(session: Session, errand: StopRun | CastVote | TagPool | ExportPool | DeletePool) -> str:
    match errand:
        case StopRun(pool=name, run=run):
            return _stop(session, name, run)
        case CastVote(pool=name, seen=seen, accept=accept, text=text):
            with _opened(session, name) as pool:
                effects = pool.vote_all(seen, text, accept=accept)
                calls = ", ".join(effect.told for effect in effects)
                return f"{'agreed to' if accept else 'refused'} {calls}; {effects[0].verdict(0).why}"
        case TagPool(pool=name, name=tag):
            with _opened(session, name) as pool:
                place = pool.tag(tag, None)
                return f"tag {tag!r} is right after offset {place.at} on branch {place.branch!r} of pool {name!r}"
        case ExportPool(pool=name, file=file):
            from agentpool_jupyter.history import export_pool  # noqa: PLC0415 - only when it is asked for

            with _opened(session, name) as pool:
                return f"wrote {export_pool(pool, file):,} records of pool {name!r} to {file}"
        case DeletePool(pool=name):
            return delete_pool(session, name)
        case _:
            assert_never(errand)


@contextmanager
def _opened(session: Session, name: str) -> Iterator[Pool]:
    """Open a pool for an errand alone: the session's own objects belong to the thread of the cells."""
    from agentpool_jupyter.snapshots.opening import open_pool  # noqa: PLC0415 - loading the extension stays quick

    pool = open_pool(name, session.store, create=False, snapshot_every=0)
    try:
        yield pool
    finally:
        pool.close()


def _stop(session: Session, name: str, run: str) -> str:
    mine = [one for one in session.running() if one.id == run]
    if mine:
        mine[0].stop(timeout=0)
        return f"stopping run {run} in pool {name!r}"
    from agentpool_jupyter.agents.runs.claims import ask_to_stop  # noqa: PLC0415

    with _opened(session, name) as pool:
        record = pool.runs.get(run)
        if record is None or not record.alive():
            return f"run {run} in pool {name!r} has ended"
        ask_to_stop(pool, record)
        return f"asked {record.owner} to stop run {run} in pool {name!r}"


def _checked(session: Session, errand: CheckCell) -> Checked:
    from agentpool_jupyter.agents.team.parse import parse_team  # noqa: PLC0415 - loading the extension stays quick

    head = errand.text.find("%%agents")
    _, _, body = errand.text[head:].partition("\n")
    line = errand.text.count("\n", 0, max(head, 0)) + 1
    if head < 0 or not body.strip():
        return Checked(ask=errand.ask, line=0, text="")
    # Of others, what text they are is only asked in the cells' own thread.
    variables = {name: value for name, value in dict(session.variables).items() if isinstance(value, str | int | float)}
    try:
        parse_team(body, first_line=line + 1, variables=variables, warn=len)
    except SpecError as error:
        told = str(error).removeprefix(f"line {error.line}: ")
        if "is no variable of this notebook" not in told:  # a cell above may still make it
            return Checked(ask=errand.ask, line=error.line or 0, text=told)
    return Checked(ask=errand.ask, line=0, text="")


def _picture(session: Session, errand: AskPicture) -> PictureNow:
    """Draw a run as it is shown, or as its pool has it where this kernel does not show it any more."""
    from agentpool_jupyter.display.still import Still, is_mark  # noqa: PLC0415 - loading the extension stays quick
    from agentpool_jupyter.jupyter.live.unshown import state_of  # noqa: PLC0415
    from agentpool_jupyter.jupyter.live.widget import stand_in  # noqa: PLC0415

    if not is_mark(errand.mark):
        message = f"{errand.mark!r} is the mark of no picture"
        raise UserError(message)
    if (show := session.shows.get(errand.run)) is not None:
        still = Still(show.state)
    else:
        with _opened(session, errand.pool) as pool:
            still = Still(state_of(pool, errand.run))
    bundle = stand_in(errand.mark, still)
    return PictureNow(ask=errand.ask, html=bundle["text/html"], text=bundle["text/plain"], ended=still.ended)


def _names(session: Session, ask: int) -> Names:
    from agentpool_jupyter.agents.models.providers import PROVIDERS  # noqa: PLC0415

    # The cells' thread may define some meanwhile.
    variables = dict(session.variables)
    functions = (name for name, value in variables.items() if inspect.isroutine(value) and not name.startswith("_"))
    tools = sorted(name for name in functions if getattr(variables[name], "__module__", None) == "__main__")
    teams = [team for run in session.runs() for team in run.team.whole()]
    used = {team.model for team in teams} | {agent.model for team in teams for agent in team.agents}
    try:
        pools = session.open_store().names()
    except AgentPoolError:
        pools = []
    models = ["local", *sorted(name for name in used if name and name != "local"), *(f"{one}/" for one in PROVIDERS)]
    return Names(ask=ask, tools=tools, models=models, pools=pools)
