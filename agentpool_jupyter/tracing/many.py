"""Many turns explained at once: those of an agent, a run or a branch, and those that went wrong."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.agents.runs.drift import DriftWatch, TurnDrift
from agentpool_jupyter.display.account import Account, Part
from agentpool_jupyter.display.table import Table, counted
from agentpool_jupyter.pool.words import OVERTAKEN, UNUSUAL

from .causes import CausalGraph
from .told import effect_lines, handed_over
from .turn import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentpool_jupyter.pool import Document, Pool, Turn

    from .line import Line

_PRINTED = 200  # turns that are listed; the object has all
_BAD = ("failed", "in doubt", "refused")


class TurnsTrace(Account):
    """Turns of a line, in the order in which they began; ``found["planner#2"]`` explains one. Displays itself."""

    def __init__(
        self, pool: Pool, document: Document, line: Line, name: str, belongs: Callable[[Turn], bool], *, failures: bool
    ) -> None:
        self._pool, self._document, self._line = pool, document, line
        self.name = name
        self._causes = CausalGraph(pool, line, document.turns)
        attempts = [turn for turn in document.attempts if belongs(turn)]
        self.failures = [turn for turn in attempts if _went_wrong(turn)]
        """Attempts that failed, were cut or stopped, those that were tried again included."""
        wrong = {turn.id for turn in self.failures}
        self.turns = [turn for turn in document.turns if belongs(turn) and (turn.id in wrong or not failures)]
        ids = {turn.id for turn in attempts}
        effects = [effect for effect in pool.effects.values() if effect.proposal.turn in ids]
        self.effects = [effect for effect in effects if effect.status in _BAD] if failures else effects
        """What they called."""
        self._only_failures = failures

    def __len__(self) -> int:
        return len(self.turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __getitem__(self, name: str) -> Trace:
        turn = next((turn for turn in self.turns if name in (turn.name, turn.id)), None)
        if turn is None:
            raise KeyError(name)
        return Trace(self._pool, self._document, self._line, turn)

    @cached_property
    def causes(self) -> CausalGraph:
        """The turns and what ties them."""
        return self._causes.part({turn.id for turn in self.turns})

    @property
    def graph(self) -> Any:
        """The same as a networkx ``DiGraph`` (:meth:`.CausalGraph.networkx`)."""
        return self.causes.networkx()

    @property
    def critical_path(self) -> list[str]:
        """The names of the turns on the critical path (:attr:`.CausalGraph.critical_path`)."""
        causes = self.causes
        return [causes.turns[key].name for key in causes.critical_path]

    @property
    def stragglers(self) -> list[str]:
        """The names of the turns that took unusually long (:attr:`.CausalGraph.stragglers`)."""
        causes = self.causes
        return [causes.turns[key].name for key in causes.stragglers]

    @property
    def drifts(self) -> list[TurnDrift]:
        """How far the turns of teams drifted, with what each measure means; of runs that the log has the team of."""
        ids = {turn.id for turn in self.turns}
        runs = dict.fromkeys(turn.run for turn in self.turns if turn.run in self._pool.runs)
        found = []
        for run in runs:
            first = next(turn for turn in self.turns if turn.run == run)
            team = self._line.team(self._causes.attempt(first.id))
            measured = DriftWatch(team, run).measure(self._document) if team else []
            found += [one for one in measured if one.turn.id in ids]
        return found

    @property
    def head(self) -> str:
        """It in a line."""
        tokens = sum(turn.usage.total for turn in self.turns if turn.usage)
        wrong = f"{counted(len(self.failures), 'attempt')} that went wrong"
        told = f"{counted(len(self.turns), 'turn')}, {wrong}, {tokens:,} tokens"
        return f"{self.name}{', what went wrong' if self._only_failures else ''}: {told}"

    def _above(self) -> Iterator[str]:
        """Yield for whom runs work to which a task was handed over, and who did that."""
        for run in dict.fromkeys(turn.run for turn in self.turns):
            record = self._pool.runs.get(run)
            if record is not None and record.parent:
                asked = self._pool.effects.of_key(record.key)
                by = f", asked by {asked.proposal.agent} at offset {asked.proposal.offset}" if asked else ""
                yield f"Run {run} works for run {record.parent}{by}"

    def _rows(self) -> list[tuple[object, ...]]:
        causes = self._causes
        rows: list[tuple[object, ...]] = []
        for turn in self.turns[-_PRINTED:]:
            one = causes.attempt(turn.id)
            came = ", ".join(causes.turns[key].name for key in causes.causes[turn.id][-4:])
            tokens = turn.usage.total if turn.usage else ""
            said = [turn.remark or turn.status, *(f"label: {one.label}" for one in self._line.labels(turn.id))]
            status = "; ".join(said)
            rows.append((turn.name, turn.start, f"{one.seconds:.2f}", tokens, len(turn.text), status, came))
        return rows

    def _parts(self) -> list[Part]:
        head = ("turn", "offset", "seconds", "tokens", "characters", "status", "comes from")
        more = f", the last {_PRINTED} of them" if len(self.turns) > _PRINTED else ""
        parts = [Part(f"Turns{more}", Table(head, self._rows(), empty="none"))]
        parts += [Part(told) for told in self._above()]
        again = [turn for turn in self.failures if turn.id not in {one.id for one in self.turns}]
        if again:
            lines = [f"{turn.name}, attempt {turn.attempt}, offset {turn.start}: {turn.remark}" for turn in again]
            parts.append(Part(f"{len(again)} attempts were made again", "\n".join(lines)))
        if self.effects:
            lines = [effect_lines(one, handed_over(self._pool)) for one in self.effects]
            parts.append(Part(f"{len(self.effects)} calls of tools", "\n".join(lines)))
        if drifts := self.drifts:
            rows = [_drift_row(one) for one in drifts[-_PRINTED:]]
            parts.append(Part("Drift: shares and distances", Table(_DRIFT_HEAD, rows, numbers=True), shut=True))
        if self.turns:
            causes = self.causes
            path = " → ".join(self.critical_path)
            parts.append(Part(f"Critical path: {path}"))
            parts.append(Part(f"Stragglers: {', '.join(self.stragglers) or 'none'}"))
            parts.append(Part("What came from what", causes.text(), causes.svg()))
        return parts


_DRIFT_HEAD = ("turn", "new to itself", "new to all", "of others", "repeats", "far from task", "far from heard")


def _drift_row(one: TurnDrift) -> tuple[object, ...]:
    shares = (one.fresh, one.new, one.copied, one.repeats, one.task, one.heard)
    return (one.turn.name, *(f"{share:.2f}" for share in shares))


def _went_wrong(turn: Turn) -> bool:
    failed = turn.status == "failed" and turn.reason != OVERTAKEN
    return failed or turn.status == "cancelled" or turn.reason in UNUSUAL
