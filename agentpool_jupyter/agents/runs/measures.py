"""How fast a run was, and what it cost to be many: measures over the turns of some of its agents.

Each says in its docstring what it is, in which unit, and where it comes from. Seconds are the log's (:mod:`.times`).
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache, cached_property
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.pool import Usage
from agentpool_jupyter.pool.words import PYTHON
from agentpool_jupyter.recall.text.shingles import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Turn

    from .times import RunTimes

_REPEATED = 4  # words


class TurnTokens(NamedTuple):
    """Tokens for each finished turn, by what they were: read in its prompts, said, or lost."""

    task: float
    """The task and the role."""
    own: float
    """The agent's own earlier text."""
    others: float
    """Text of other agents and of people."""
    recalled: float
    """Earlier reasoning that was looked up."""
    said: float
    """What the models answered."""
    retries: float
    """All tokens of attempts that did not become a finished turn."""

    @property
    def all(self) -> float:
        """Their sum."""
        return sum(self)


class Repetition:
    """What of each turn's text had been said before in its run: four neighbouring words (:func:`.shingles.tokens`)."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.counts: dict[str, tuple[int, int]] = {}
        """Of each finished turn, by its id: how many such sequences stood there before, and how many it has."""
        said: set[int] = set()  # their hashes: texts of a long run would not fit twice
        finished = [turn for turn in turns if turn.status == "finished" and turn.end is not None]
        for turn in sorted(finished, key=lambda one: one.end or 0):
            words = tokens(turn.text)
            total = max(0, len(words) - _REPEATED + 1)
            new = set(map(hash, zip(*(words[start:] for start in range(_REPEATED)), strict=False))) - said
            said |= new
            self.counts[turn.id] = total - len(new), total


class Measures:
    """Measures of a run, over the turns of some of its agents: of all, or of one.

    Teams that tasks were handed to have runs of their own, and measures of their own; a turn that waits for such a
    team, for a tool or for a vote is at work meanwhile.
    """

    def __init__(
        self,
        turns: Sequence[Turn],
        team: TeamSpec,
        times: RunTimes,
        agents: Iterable[str] | None = None,
        repetition: Callable[[], Repetition] | None = None,
    ) -> None:
        """``turns`` are all attempts of the run, in the order in which they began."""
        self._all = turns
        self._team = team
        self._times = times
        self._repeated = repetition or cache(lambda: Repetition(turns))
        self.agents = frozenset((agent.name for agent in team.agents) if agents is None else agents)
        """Whose turns are measured; default: everyone's."""
        self._turns = [turn for turn in turns if turn.agent in self.agents]
        self._finished = [turn for turn in self._turns if turn.status == "finished"]

    def of(self, *agents: str) -> Measures:
        """Return the same measures of some of the agents only."""
        return Measures(self._all, self._team, self._times, agents, self._repeated)

    # Time -----------------------------------------------------------------------------------------------------

    @property
    def wall(self) -> float:
        """Wall time: how long the run was at work, from its start to its end, where a process had it.

        Unit: seconds. Source: the makespan of scheduling theory (Graham, *Bounds for certain multiprocessing
        anomalies*, Bell System Technical Journal 45, 1966).
        """
        return self._times.seconds

    @cached_property
    def work(self) -> float:
        """Serial sum: the durations of all attempts at turns, failed ones too, one after the other.

        Unit: seconds. Source: the work T1 of Brent, *The parallel evaluation of general arithmetic expressions*,
        Journal of the ACM 21(2), 1974.
        """
        return sum(span.seconds for turn in self._turns if (span := self._times.span(turn.id)))

    @property
    def speed_up(self) -> float:
        """Speed-up against the same turns one after another: ``work / wall``, or how many went on at once on average.

        No unit; one agent's is the share of the time in which it spoke. It is not the speed-up against a team of one,
        which has other turns: that is what ``ap.experiment`` and ``ap.scaling`` measure. Source: average parallelism,
        Eager, Zahorjan and Lazowska, *Speedup versus efficiency in parallel systems*, IEEE Transactions on Computers
        38(3), 1989.
        """
        return self.work / self.wall if self.wall else 0.0

    @property
    def idle(self) -> float:
        """Idle time: the time in which agents did not speak, summed over them: ``agents x wall - work``.

        Unit: seconds. Source: 1 - efficiency, as in Eager, Zahorjan and Lazowska (1989), times agents and wall time.
        """
        return max(0.0, len(self.agents) * self.wall - self.work)

    @cached_property
    def straggler_gap(self) -> float:
        """Straggler gap: how much later the last agent's last turn ended than the median of the others' last turns.

        Unit: seconds; 0 where only one agent spoke. Source: the stragglers of Dean and Ghemawat, *MapReduce*, OSDI
        2004, section 3.6.
        """
        ends: dict[str, int] = {}
        for turn in self._turns:
            if span := self._times.span(turn.id):
                ends[turn.agent] = max(ends.get(turn.agent, 0), span.end)
        *others, last = sorted(ends.values()) or [0]
        return (last - median(others)) / 1000 if others else 0.0

    @cached_property
    def first_token(self) -> float | None:
        """Time to first token: the median time from a model's turn's beginning to its first words in the log.

        Unit: seconds; None where no turn tells, which is so for turns that a compaction has folded. The queue at the
        server counts. Source: TTFT as in the MLPerf Inference rules for language models (v4.0, 2024).
        """
        models = {turn.id for turn in self._finished if _by_model(turn)}
        known = [first for turn in models if (first := self._times.first_token(turn)) is not None]
        return median(known) if known else None

    # What was read and said -----------------------------------------------------------------------------------

    @property
    def finished(self) -> int:
        """Finished turns, those that had nothing to say among them. Unit: turns. Source: counted in the log."""
        return len(self._finished)

    @cached_property
    def messages(self) -> float:
        """Messages: how many turns of others in the run stood in a finished turn's prompt, on average.

        Unit: messages per turn by a model. Source: the message density of Kim et al., *Towards a science of scaling
        agent systems* (arXiv 2512.08296), counted where they are read, for in a shared pool nobody sends.
        """
        starts, by_id = [turn.start for turn in self._all], {turn.id: turn for turn in self._all}
        agents = {agent.name: agent for agent in self._team.agents}
        counts = []
        for turn in self._finished:
            if not _by_model(turn):
                continue
            also, since = turn.context.get("also"), turn.context.get("since")
            read = [by_id[key] for key in also if key in by_id] if isinstance(also, list | tuple) else []
            if isinstance(since, int):
                read += self._all[bisect_left(starts, since) : bisect_left(starts, turn.seen)]
            counts.append(sum(agents[turn.agent].hears(other.agent) and bool(other.text.strip()) for other in read))
        return sum(counts) / len(counts) if counts else 0.0

    @cached_property
    def tokens(self) -> TurnTokens:
        """Tokens per finished turn, by what they were: see :class:`TurnTokens`.

        Unit: tokens per turn, as the servers counted them; a prompt's are shared out by bytes. Source: the token
        overhead of Kim et al. (arXiv 2512.08296), split by the parts of the prompt that this package records.
        """
        done = sum((turn.usage for turn in self._finished if turn.usage), Usage())
        lost = sum((turn.usage for turn in self._turns if turn.usage and turn.status != "finished"), Usage())
        task = done.prompt - done.own - done.others - done.recalled
        counts = (task, done.own, done.others, done.recalled, done.completion, lost.total)
        return TurnTokens(*(count / max(1, len(self._finished)) for count in counts))

    @cached_property
    def repeated(self) -> float:
        """Repeated text: the share of sequences of four words that had been said before in the run, by anyone.

        No unit, 0 to 1. Of finished turns in the order in which they ended. Source: seq-rep-4 of Welleck et al.,
        *Neural text generation with unlikelihood training*, ICLR 2020, section 6, over a run in place of one text.
        """
        by_turn = self._repeated().counts
        counts = [by_turn[turn.id] for turn in self._finished if turn.id in by_turn]
        total = sum(all_ for _, all_ in counts)
        return sum(again for again, _ in counts) / total if total else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return all of them by name, as plain data; tokens by part."""
        names = ("wall", "work", "speed_up", "idle", "straggler_gap", "first_token", "finished", "messages", "repeated")
        parts = {f"tokens_{name}": value for name, value in self.tokens._asdict().items()}
        return {name: getattr(self, name) for name in names} | parts


def _by_model(turn: Turn) -> bool:
    return bool(turn.model) and not turn.model.startswith(PYTHON)
