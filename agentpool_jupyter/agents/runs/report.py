"""What a run did and what it took, read from its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.display.note import remarks_html, warnings_html
from agentpool_jupyter.display.table import Table
from agentpool_jupyter.effects.files.conflicts import conflicts_of
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool import Usage
from agentpool_jupyter.pool.columns import frame_of
from agentpool_jupyter.pool.words import OVERTAKEN, UNUSUAL

from .drift import drift_lines
from .measures import Measures
from .stale import stale
from .times import times_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentpool_jupyter.pool import Document, Pool, Turn
    from agentpool_jupyter.pool.effects import Effect

    from .times import RunTimes


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's share; tokens as the servers counted them, cost in US dollars or None where not known."""

    agent: str
    turns: int
    failed: int
    prompt: int
    completion: int
    cost: float | None
    estimated: bool
    task: int = 0
    """What it read: how many of the prompt tokens were the task and the role …"""
    own: int = 0
    """… its own earlier text …"""
    others: int = 0
    """… text of other agents and of people …"""
    recalled: int = 0
    """… and earlier reasoning that was looked up. Servers count prompts as a whole; this is by bytes."""
    stale: int = 0
    """Turns during which something was said that they should have read (:mod:`.stale`)."""
    restarts: int = 0
    """Turns that were broken off because they were overtaken, and begun again (``interrupt``)."""
    concurrent: int = 0
    """Writes of files that were refused, because somebody had written a version that their writer had not read …"""
    repaired: int = 0
    """… and those by which the same agent has then written the same file after all."""
    rewrites: int = 0
    """Writes of files over a version that an agent of the run had written: code churn (Nagappan and Ball, *Use of
    relative code churn measures to predict system defect density*, ICSE 2005), in writes."""

    @property
    def tokens(self) -> str:
        """All its tokens, for people: with ``≤`` where a server did not count them all."""
        return self.bounded(self.prompt + self.completion)

    def bounded(self, number: object) -> str:
        """Return a number for people, marked where it rests on an estimate."""
        return f"≤ {number}" if self.estimated else f"{number}"


_NAMED = 5  # stale turns, and what each missed, that are named


def _unusual(turns: Iterable[Turn]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for turn in turns:
        if turn.reason in UNUSUAL:
            found.setdefault(UNUSUAL[turn.reason], []).append(turn.name)
    return found


def _in_a_sentence(measures: Measures) -> str:
    told = f"time: {measures.wall:.2f} s, the turns one after another {measures.work:.2f} s"
    gap = f"the last agent ended {measures.straggler_gap:.2f} s after the median of the others"
    return f"{told}: {measures.speed_up:.2f} at once on average; {gap}"


class ReportPart(NamedTuple):
    """A run on its line."""

    document: Document
    team: TeamSpec
    run: str

    @property
    def attempts(self) -> list[Turn]:
        """All that its agents tried to say."""
        return [turn for turn in self.document.attempts if turn.run == self.run]


class Report:
    """A table, one row an agent and one for all; displays itself, and ``rows`` holds the numbers.

    ``below`` are the runs of teams that tasks were handed to: their agents have rows, too.
    Below it stand what was read, where something was, stale turns, unusual ends, and what went wrong with recall.
    """

    def __init__(
        self,
        document: Document,
        team: TeamSpec,
        run: str,
        notes: Sequence[str] = (),
        *,
        effects: Iterable[Effect] = (),
        below: Sequence[ReportPart] = (),
        times: RunTimes | None = None,
    ) -> None:
        """``times`` are those of the run; without them there are no measures."""
        self.run = run
        self.notes = list(notes)
        """What went wrong when agents were to be reminded of something; their turns went on without."""
        parts = [ReportPart(document, team, run), *below]
        own, *others = (part.attempts for part in parts)
        self._measures = Measures(own, team, times) if times else None
        self._parts = parts
        attempts = [*own, *(turn for some in others for turn in some)]
        self.stale_turns = [turn for part in parts for turn in stale(*part)]
        """Turns during which something was said that they should have read, and what."""
        self.unusual = _unusual(turn for turn in attempts if turn.status == "finished")
        """The turns that ended otherwise than they should, by how they did."""
        effects, turns = list(effects), {turn.id for turn in attempts}
        self._conflicts = conflicts_of(effects, turns)
        self._effects = [effect for effect in effects if effect.proposal.turn in turns]
        names = list(dict.fromkeys(agent.name for part in parts for agent in part.team.agents))
        self.rows = [self._row(name, attempts, {name}) for name in names]
        self.total = self._row("all", attempts, set(names))

    @property
    def measures(self) -> Measures:
        """How fast the run was and what it cost to be many, each measure with its definition, unit and source.

        Raises UserError where the report was made of a document alone, which does not tell times.
        """
        if self._measures is None:
            message = "a document alone does not tell times: take `run.report()`, or `ap.report(pool, run)`"
            raise UserError(message)
        return self._measures

    def _row(self, name: str, attempts: Sequence[Turn], agents: set[str]) -> ReportRow:
        turns = [turn for turn in attempts if turn.agent in agents]
        restarts = sum(turn.status == "failed" and turn.reason == OVERTAKEN for turn in turns)
        usage = sum((turn.usage for turn in turns if turn.usage), Usage())
        costs = [turn.cost for turn in turns if turn.usage]
        return ReportRow(
            agent=name,
            turns=sum(turn.status == "finished" for turn in turns),
            failed=sum(turn.status == "failed" for turn in turns) - restarts,
            prompt=usage.prompt,
            completion=usage.completion,
            cost=None if None in costs else sum(cost for cost in costs if cost is not None),
            estimated=usage.estimated,
            task=usage.prompt - usage.own - usage.others - usage.recalled,
            own=usage.own,
            others=usage.others,
            recalled=usage.recalled,
            stale=sum(found.turn.agent in agents for found in self.stale_turns),
            restarts=restarts,
            concurrent=sum(self._conflicts.concurrent[name] for name in agents),
            repaired=sum(self._conflicts.repaired[name] for name in agents),
            rewrites=sum(self._conflicts.rewrites[name] for name in agents),
        )

    def _tables(self) -> list[Table]:
        """Return what is displayed: the costs, and what was read where that is more than the task."""
        rows = [*self.rows, self.total]
        costs = []
        for row in rows:
            cost = "unknown" if row.cost is None else row.bounded(f"{row.cost:.4f}")
            costs.append((row.agent, row.turns, row.failed, row.bounded(row.prompt), row.bounded(row.completion), cost))
        head = ("agent", "turns", "failed attempts", "prompt tokens", "completion tokens", "cost (US$)")
        tables = [Table(head, costs, numbers=True)]
        if self.total.own or self.total.others or self.total.recalled:
            read = [(row.agent, row.task, row.own, row.others, row.recalled, row.stale, row.restarts) for row in rows]
            names = ("tokens read", "of the task", "own text", "others' text", "recalled", "stale turns", "restarts")
            tables.append(Table(names, read, numbers=True))
        if self._measures:
            tables.append(self._measured())
        return tables

    def _measured(self) -> Table:
        rows = []
        for row in [*self.rows, self.total]:
            one = self._of(row)
            if one is not None:
                first = "" if one.first_token is None else f"{one.first_token:.2f}"
                read = (f"{one.messages:.1f}", row.bounded(f"{one.tokens.all:.0f}"), f"{one.tokens.retries:.0f}")
                rows.append((row.agent, f"{one.work:.2f}", f"{one.idle:.2f}", first, *read, f"{one.repeated:.0%}"))
        turn = ("messages a turn", "tokens a turn", "in retries", "repeated text")
        return Table(("time", "at work (s)", "idle (s)", "first token (s)", *turn), rows, numbers=True)

    def _of(self, row: ReportRow) -> Measures | None:
        """Return the measures of a row; None for agents of teams below, whose runs have their own."""
        if self._measures is None or row is self.total:
            return self._measures
        return self._measures.of(row.agent) if row.agent in self._measures.agents else None

    def to_pandas(self) -> Any:
        """Return a DataFrame, one row an agent and one for all, with the counts and the measures of each.

        Of agents of teams that tasks were handed to there are counts alone.
        """

        def plain(row: ReportRow) -> dict[str, Any]:
            measures = self._of(row)
            return {**msgspec.to_builtins(row), **(measures.to_dict() if measures else {})}

        return frame_of([plain(row) for row in [*self.rows, self.total]])

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data."""
        rows = {"agents": msgspec.to_builtins(self.rows), "total": msgspec.to_builtins(self.total)}
        missed = {found.turn.name: [turn.name for turn in found.missed] for found in self.stale_turns}
        measures = {"measures": self.measures.to_dict()} if self._measures else {}
        return {"run": self.run, **rows, "stale": missed, "notes": self.notes, **measures}

    def _remarks(self) -> list[str]:
        shown = [_in_a_sentence(self.measures)] if self._measures else []
        shown += [
            f"stale: {found.turn.name} was said without {', '.join(turn.name for turn in found.missed[-_NAMED:])}"
            + (f" and {len(found.missed) - _NAMED} more" if len(found.missed) > _NAMED else "")
            for found in self.stale_turns[:_NAMED]
        ]
        if len(self.stale_turns) > _NAMED:
            shown.append(f"stale: {len(self.stale_turns) - _NAMED} more turns, see `stale_turns`")
        if self.total.concurrent:
            found = f"{self.total.concurrent} concurrent, refused; {self.total.repaired} repaired by their writers"
            shown.append(f"writes of files: {found}")
        if self.total.rewrites:
            shown.append(f"rewrites of files: {self.total.rewrites}")
        granted = [f"{effect.told} (grant {effect.granted.id})" for effect in self._effects if effect.granted]
        if granted:
            more = f" and {len(granted) - _NAMED} more" if len(granted) > _NAMED else ""
            shown.append(f"agreed beforehand: {', '.join(granted[:_NAMED])}{more}")
        idle = [f"{effect.told}: {effect.uncounted}" for effect in self._effects if effect.uncounted]
        shown += [f"votes that did not count: {told}" for told in idle[:_NAMED]]
        if len(idle) > _NAMED:
            shown.append(f"votes that did not count: on {len(idle) - _NAMED} more calls")
        for what, names in self.unusual.items():
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            shown.append(f"{', '.join(names[:_NAMED])}{more}: {what}")
        shown += [line for part in self._parts for line in drift_lines(*part)]
        return [*shown, *(f"recall: {note}" for note in self.notes)]

    @property
    def warnings(self) -> list[str]:
        """What was let pass where a gate that fails closed would have kept it, and which gates do so."""
        gates = {
            f"the gate of {tool} lets pass ({'; '.join(gate.lets_pass)})": None
            for part in self._parts
            for tool, gate in part.team.gates.items()
            if gate.lets_pass
        }
        return [*gates, *(f"let pass: {one.told} ({one.let_pass})" for one in self._effects if one.let_pass)]

    def __repr__(self) -> str:
        remarks = [f"⚠ {warning}" for warning in self.warnings] + self._remarks()
        return "\n\n".join([*map(repr, self._tables()), *([printable("\n".join(remarks))] if remarks else [])])

    def _repr_html_(self) -> str:
        tables = "".join(table._repr_html_() for table in self._tables())
        return warnings_html(self.warnings) + tables + remarks_html(self._remarks())


def _document(pool: Pool, branch: str) -> Document:
    return pool.document() if branch == pool.branch else pool.document(branch)  # the first is folded already


def report(pool: Pool, run: str | None = None) -> Report:
    """Return what a run did and what it took (default: the latest of the pool), from its log alone.

    Raises UserError where there is no such run. One that is under way is reported as far as it has come.
    """
    runs = pool.runs
    record = runs.latest() if run is None else runs.get(run)
    if record is None:
        known = f"there are: {', '.join(runs)}" if runs else "no team ever ran there"
        message = f"pool {pool.name!r} has no run {run or ''}".rstrip() + f"; {known}"
        raise UserError(message)
    ended = record.finished
    times = times_of(pool.events(record.start, ended.offset + 1 if ended else None), record.id, runs.claims.fences)
    parts = [
        ReportPart(_document(pool, one.branch), TeamSpec.from_dict(one.spec), one.id)
        for one in (record, *runs.below(record.id))
    ]
    return Report(*parts[0], list(times.notes), effects=list(pool.effects.values()), below=parts[1:], times=times)
