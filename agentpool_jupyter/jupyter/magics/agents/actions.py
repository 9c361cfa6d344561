"""What ``%agents`` does on a line of its own."""

from __future__ import annotations

import json
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.jupyter.magics.usage import at_most_one

from .cell import make_way, present

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool.effects import Effect, Question, StandingGrant


def do(session: Session, arguments: Namespace) -> Any:
    """Do what the line's first word says."""
    action, *rest = arguments.words or ["status"]
    if action in VOTES:
        return _vote(session, action, rest, arguments)
    given = [f"--{name}" for name in ("agent", "count", "within") if getattr(arguments, name) is not None]
    if given and action != "grant" and (action, given) != ("stop", ["--agent"]):
        message = f"{given[0]} belongs to %agents grant"
        raise UserError(message)
    if action not in ACTIONS:
        from agentpool_jupyter.agents.team.fields import near  # noqa: PLC0415 - loading the extension stays quick

        message = f"%agents {action}: unknown action, and %%agents begins a cell{near(action, [*ACTIONS, *VOTES])}"
        raise UserError(message)
    return ACTIONS[action](session, at_most_one(rest, f"%agents {action} takes one name"), arguments)


def _status(session: Session, word: str | None, _arguments: Namespace) -> Any:
    if word is not None:
        return session.report(session.find_run(word))
    rows = []
    for run in session.runs():
        total = session.report(run).total
        why = f"{run.reason}: {run.detail}" if run.detail else run.reason
        rows.append((run.id, run.pool.name, run.status, why, total.turns, total.tokens))
    empty = "no run in this kernel; `%agents attach` shows a pool's latest"
    return Table(("run", "pool", "status", "why", "turns", "tokens"), rows, empty=empty)


def _stop(session: Session, word: str | None, arguments: Namespace) -> None:
    if arguments.agent:
        from agentpool_jupyter.agents.runs.claims import stop_agent  # noqa: PLC0415

        record = stop_agent(session.pool(word, arguments.store), arguments.agent)
        print(printable(f"asked {record.owner} to stop {arguments.agent} in run {record.id}"))  # noqa: T201
        return
    runs = [run for run in session.running() if word in (None, run.id, run.pool.name)]
    session.stop(runs)
    told = [repr(run) for run in runs] or _stop_elsewhere(session, word, arguments.store)
    if word and not told:
        told = [repr(session.find_run(word))]  # it has ended
    print("\n".join(told) or f"nothing runs in this kernel or in pool {session.name!r}")  # noqa: T201 - the answer


def _stop_elsewhere(session: Session, word: str | None, store: str | None) -> list[str]:
    """Stop what another process runs, in the pool of that name or in the current one; return what was done."""
    from agentpool_jupyter.agents.runs.claims import stop_run  # noqa: PLC0415

    names = session.open_store(store).names()
    name = word if word in names else session.name
    if name not in names:
        return []
    pool = session.pool(name, store)
    alive = [record for record in pool.runs.alive() if word in (None, record.id, pool.name)]
    for record in alive:
        stop_run(pool, record.id)
    if word == name and not alive:
        return [f"nothing runs in pool {name!r}"]
    return [f"stopped run {one.id} in pool {pool.name!r}, of {one.owner}" for one in alive]


def _attach(session: Session, word: str | None, arguments: Namespace) -> None:
    from agentpool_jupyter.agents.runs.claims import mark_lost  # noqa: PLC0415

    pool = session.pool(word, arguments.store)
    session.use(pool.name, arguments.store)
    if not arguments.text:
        session.greet()
    record = pool.runs.latest()
    if record is None:
        message = f"no team ever ran in pool {pool.name!r}"
        raise UserError(message)
    lost = mark_lost(pool, record)
    show = session.show(pool, record.id, text=arguments.text)
    if lost or not record.alive():
        show.wait(30)
        show.finish()
    if lost:
        names = ", ".join(turn.name for turn in lost)
        print(printable(f"died with their process: {names}; `%agents resume` takes them anew"))  # noqa: T201


def _resume(session: Session, word: str | None, arguments: Namespace) -> None:
    from agentpool_jupyter.agents import TeamSpec, resume  # noqa: PLC0415
    from agentpool_jupyter.agents.team.parse import parse_budget  # noqa: PLC0415

    pool = session.pool(word, arguments.store)
    session.use(pool.name, arguments.store)
    make_way(session, pool, replace=arguments.replace)
    record = pool.runs.latest()
    if record is not None:
        session.hold_model(TeamSpec.from_dict(record.spec))
    budget = parse_budget(arguments.budget) if arguments.budget else None
    more = {"budget": budget, "turns": arguments.turns, "trust": arguments.trust}
    present(session, resume(pool, functions=session.variables, **more), arguments)


def _list(session: Session, word: str | None, arguments: Namespace) -> Table:
    pool = session.pool(word, arguments.store)
    rows = []
    for record in pool.runs.values():
        state = "running" if record.alive() else record.finished.reason if record.finished else "lost"
        run = f"↳ {record.id}" if record.parent else record.id
        rows.append((run, record.branch, record.start, state, record.owner, record.spec.get("task", "")))
    return Table(("run", "branch", "offset", "state", "owner", "task"), rows, empty="no team ever ran here")


def _pending(session: Session, word: str | None, arguments: Namespace) -> Table:
    from agentpool_jupyter.pool.positions import clock  # noqa: PLC0415
    from agentpool_jupyter.pool.votes import PERSON  # noqa: PLC0415

    pool = session.pool(word, arguments.store)
    rows = [
        (effect.id, effect.proposal.agent, effect.told, state, clock(effect.deadline) if effect.deadline else "")
        for question in pool.pending().questions
        for effect, state in _states(question)
    ]
    rows += [
        (grant.id, PERSON, grant.told, f"{grant.left} of {grant.grant.count} left", clock(grant.until))
        for grant in pool.grants
    ]
    return Table(("id", "asked by", "what", "state", "until"), rows, empty=f"nothing waits in pool {pool.name!r}")


def _states(question: Question) -> Iterator[tuple[Effect, str]]:
    """Yield the calls of a question, each with what it waits for."""
    alike = len(question.effects)
    for number, effect in enumerate(question.effects, 1):
        again = f"; asked again: {effect.asked_again}" if effect.asked_again else ""
        one_of = f"; {number} of {alike} alike: {question.name}" if alike > 1 else ""
        idle = f"; not counted: {effect.uncounted}" if effect.uncounted else ""
        lets = effect.gate.lets_pass if effect.gate else []
        warning = f"; ⚠ lets pass ({'; '.join(lets)})" if lets else ""
        yield effect, f"{effect.verdict(0).why}{again}{idle}{one_of}{warning}"


def _vote(session: Session, action: str, words: list[str], arguments: Namespace) -> None:
    if not words:
        message = f"%agents {action} takes an id or several, and maybe a reason; `%agents pending` lists what waits"
        raise UserError(message)
    pool = session.pool(None, arguments.store)
    waiting = pool.pending()
    known = {effect.id for effect in waiting} | {question.name for question in waiting.questions}
    # The first may be the end of an id; a word of the reason must not be taken for one.
    more = list(takewhile(known.__contains__, words[1:]))
    effects = pool.vote_all([words[0], *more], " ".join(words[1 + len(more) :]), accept=VOTES[action])
    said = "agreed to" if VOTES[action] else "refused"
    for effect in effects:
        print(printable(f"{said} {effect.told}; {effect.verdict(0).why}"))  # noqa: T201


def _grant(session: Session, word: str | None, arguments: Namespace) -> None:
    from agentpool_jupyter.agents.team.keys import parse_span  # noqa: PLC0415

    if word is None:
        message = "%agents grant takes a tool's name, such as `%agents grant pay --count 5 --within 30min`"
        raise UserError(message)
    pool = session.pool(None, arguments.store)
    more = {"count": arguments.count, "within": arguments.within and parse_span(arguments.within)}
    asked = {name: value for name, value in more.items() if value is not None}
    _tell(pool.grant(word, agent=arguments.agent or "", **asked))


def _revoke(session: Session, word: str | None, arguments: Namespace) -> None:
    if word is None:
        message = "%agents revoke takes a grant's id; `%agents pending` lists them"
        raise UserError(message)
    _tell(session.pool(None, arguments.store).revoke(word))


def _tell(grant: StandingGrant) -> None:
    from agentpool_jupyter.pool.positions import clock  # noqa: PLC0415

    state = "revoked" if grant.revoked else f"{grant.left} left, until {clock(grant.until)}"
    print(printable(f"{grant.id} {grant.told}: {state}"))  # noqa: T201


def _schema(_session: Session, _word: str | None, _arguments: Namespace) -> None:
    from agentpool_jupyter.agents.team.schema import team_schema  # noqa: PLC0415 - loading the extension stays quick

    print(json.dumps(team_schema(), indent=1, ensure_ascii=False))  # noqa: T201 - the answer


VOTES = {"approve": True, "reject": False}
ACTIONS: dict[str, Callable[[Session, str | None, Namespace], Any]] = {
    "status": _status,
    "stop": _stop,
    "attach": _attach,
    "resume": _resume,
    "list": _list,
    "pending": _pending,
    "schema": _schema,
    "grant": _grant,
    "ledger": lambda session, word, arguments: session.pool(word, arguments.store).ledger(),
    "revoke": _revoke,
}
