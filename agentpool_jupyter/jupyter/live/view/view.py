"""The view: events in, and out of it the state of what is shown, or what of it has changed."""

from __future__ import annotations

import copy
import sys
from collections import Counter, defaultdict
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.display.screen import (
    AgentState,
    AgentView,
    Append,
    EdgeView,
    Patch,
    QuestionView,
    RunStatus,
    RunView,
    State,
    TurnView,
)
from agentpool_jupyter.pool import words
from agentpool_jupyter.pool.branches import Position
from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.effects.questions import questions_of
from agentpool_jupyter.pool.events import (
    Decision,
    Delta,
    EffectDone,
    EffectFailed,
    EffectStarted,
    Event,
    File,
    GateEdited,
    Grant,
    GrantRevoked,
    Head,
    Message,
    Proposal,
    RunFinished,
    RunStarted,
    TurnContinued,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
    Vote,
)
from agentpool_jupyter.pool.turn import turn_name

from .causes import LiveCauses
from .files import ShownFiles
from .parts import agent_view, question_view, show_call
from .readings import Readings, overtaken
from .shown import ShownTurn
from .timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentpool_jupyter.pool import Document, Pool
    from agentpool_jupyter.pool.affairs import Affairs
    from agentpool_jupyter.pool.runs import RunRecord
    from agentpool_jupyter.pool.votes import Gate

_Item = TypeVar("_Item")
_CHARS_PER_TOKEN = 4  # English prose; only for the rate shown while a turn still runs
_OF_ANYONE = (GateEdited, Grant, GrantRevoked, File, Head)
"""Events of others that may change what the run's agents wait for."""
_UNDER_WAY = ("waiting", "approved")
_ANEW = "overtaken, began anew"


class TeamView:
    """Folds a run's events into what is shown, and says what has changed since it was last asked."""

    def __init__(self, run: str, before: Document, line: Mapping[str, int], affairs: Affairs) -> None:
        """Start from the document as it was before the run: its turns count in names and as sources of edges.

        Agents have the colours that they have in it, and new ones the next. ``line`` holds the branches of the run's
        line, each with the last offset that belongs to it. ``affairs`` are those of the pool before it, and are this
        view's from now on: what becomes of a call depends on more than its run's events.
        """
        self.run = RunView(pool=before.pool, run=run, branch=before.branch or "main")
        self.line = line
        """That of the run alone: teams to which it hands tasks speak on others."""
        self._line = dict(line)
        self._tree = {"", run}  # people, the run, and those to which it has handed tasks
        self._affairs = affairs  # knows what counts: what is written under the claim that holds
        self._asked: dict[str, None] = {}  # calls that the run's agents asked for and that have not ended, oldest first
        self._sign = 0  # when the run's holder last wrote, by its own clock
        self._places = dict(before.places)
        self.agents: dict[str, AgentView] = {}
        self._turns: dict[str, ShownTurn] = {}
        self._edges: dict[tuple[str, str], EdgeView] = {}
        self._handed = defaultdict[str, Counter[str]](Counter)  # text that is new to Python agents, by who said it
        self._said = Counter(turn.agent for turn in before.turns)
        self._readings = Readings()
        self._timeline = Timeline()
        self._causes = LiveCauses()
        self._files = ShownFiles(before.files, line)
        self._overtaken: set[str] = set()  # agents that are about to begin anew
        self._seen: set[str] = set()
        self._seq = 0
        self._changed_run = True
        self._changed_agents: set[str] = set()
        self._changed_turns: set[str] = set()
        self._changed_edges: set[tuple[str, str]] = set()
        self._grown: set[str] = set()
        self._drops: list[str] = []
        self._later: list[Message] = []  # said after the run's end: part of it where it is resumed

    @classmethod
    def before(cls, pool: Pool, record: RunRecord) -> TeamView:
        """Return the view of a run as it is before its first event."""
        document = pool.document(Position(record.branch, record.start - 1))
        line = dict(pool.lineage.line(record.branch, sys.maxsize))
        return cls(record.id, document, line, pool.affairs(record.start))

    # Taking in ---------------------------------------------------------------------------------------------

    def absorb(self, event: Event) -> None:  # noqa: C901, PLR0912 - one case a kind of event
        """Take in the next event of the pool; those of other runs and other lines are passed over.

        What the run spent on a line that was left it has spent. Runs of teams that it handed tasks to are part of it,
        on lines of their own.
        """
        self._affairs.absorb(event)
        if isinstance(event, RunStarted) and event.parent in self._tree - {""}:
            self._tree.add(event.run)
            self._line[event.branch] = sys.maxsize
        if isinstance(event, _OF_ANYONE) and self._asked:
            self._look()
        if isinstance(event, File) and not is_late(event, self._affairs.runs.claims.fences):
            self._files.absorb(event)
        if event.run not in self._tree or event.id in self._seen:
            return
        if is_late(event, self._affairs.runs.claims.fences):
            return
        self._timeline.absorb(event)
        if event.run == self.run.run:
            self._keep_time(event)
        if event.offset > self._line.get(event.branch, -1):
            if isinstance(event, TurnFinished | TurnFailed):
                self._seen.add(event.id)
                self._charge(event.agent, event.usage, getattr(event, "cost", None))
            return
        if not isinstance(event, Delta):  # deltas are told apart by turn and seq; ids of all would be many
            self._seen.add(event.id)
            self._readings.absorb(event)
        self._causes.absorb(event)
        match event:
            case RunStarted():
                self._start(event)
            case TurnStarted():
                self._begin(event)
            case TurnContinued(turn=turn) if turn in self._turns:
                self._read(event, self._turns[turn].view)
            case Delta(turn=turn) if turn in self._turns:
                self._grow(event, self._turns[turn])
            case TurnFinished(turn=turn) if turn in self._turns:
                self._finish(event, self._turns[turn])
            case TurnFailed(turn=turn) if turn in self._turns:
                self._fail(event, self._turns[turn])
            case Proposal() | Vote() | Decision() | EffectStarted() | EffectDone() | EffectFailed():
                self._act(event)
            case Message() if self.run.finished is None:
                self._message(event)
            case Message():
                self._later.append(event)
            case RunFinished() if (known := self._affairs.runs.get(event.run)) and known.finished is event:
                self._end(event)
            case _:
                pass
        self.run.end = event.offset + 1

    def mark(self, status: RunStatus) -> None:
        """Show a status that the log does not have yet, such as ``stopping``."""
        if self.run.finished is None:
            self.run.status = status
            self._changed_run = True

    def _keep_time(self, event: Event) -> None:
        """Move the run's beginning by the time in which nobody held it, so that its seconds are those of work.

        If it began at 0:00, its process died at 0:20 and it is resumed at 0:50, it counts as begun at 0:30.
        """
        if isinstance(event, RunStarted) and self.run.started:
            self.run.started += max(0, event.ts - self._sign)
        if words.LOST not in (getattr(event, "reason", ""), getattr(event, "kind", "")):  # else another process says so
            self._sign = event.ts

    def _start(self, event: RunStarted) -> None:
        spec = TeamSpec.from_dict(event.spec)
        below = event.run != self.run.run
        if not below:
            self.run.task, self.run.status, self.run.reason = spec.task, "running", ""
            self.run.started, self.run.finished = self.run.started or event.ts, None
            self.run.tokens_max = spec.budget.tokens
        for tool, gate in spec.gates.items():
            self._warn_of(tool, gate)
        for agent in spec.agents:
            view = self.agents.setdefault(agent.name, agent_view(spec, agent))
            view.state, view.note = "idle", ""
            view.place = self._places.setdefault(agent.name, len(self._places))
            self._changed_agents.add(agent.name)
        names = {agent.name for agent in spec.agents}
        for turn in self._turns.values():  # those that are cut off by the rollback that this run is resumed from
            if turn.view.status == "running" and (not below or turn.view.agent in names):
                self._close(turn, "cancelled", words.CUT_OFF)
        if asked := self._affairs.effects.of_key(event.key):
            for agent in spec.agents:
                if agent.hears_task:
                    self._edge(asked.proposal.agent, agent.name, len(spec.task))
        while self._later and not below:
            self._message(self._later.pop(0))
        self._changed_run = True

    def _begin(self, event: TurnStarted) -> None:
        view = self._open(event, event.turn).view
        if event.agent in self._overtaken:
            self._overtaken.discard(event.agent)
            view.note = _ANEW
        self._set(event.agent, "thinking")
        if event.model:
            self._lane(event.agent).model = event.model
        self._read(event, view)

    def _hand(self, speaker: str, text: str) -> None:
        """Count what Python agents read when they next speak: the document that they are handed is in no event."""
        people = speaker not in self.agents or self.agents[speaker].kind == "person"
        for name, view in self.agents.items():
            hears = people or view.listens is None or speaker in view.listens
            if view.kind == "python" and hears and speaker != name:
                self._handed[name][speaker] += len(text)

    def _read(self, event: TurnStarted | TurnContinued, turn: TurnView) -> None:
        read = event.context.get("read", self._handed.pop(event.agent, {}))
        for source, chars in read.items() if isinstance(read, dict) else ():
            if source != event.agent:
                self._edge(source, event.agent, chars)
        causes = self._causes.of(turn.id, event.branch) or msgspec.UNSET
        if causes != turn.causes:
            turn.causes = causes
            self._changed_turns.add(turn.id)

    def _grow(self, event: Delta, turn: ShownTurn) -> None:
        silent = not turn.chars
        if turn.view.status != "running" or not turn.add(event):
            return
        self._hand(event.agent, event.text)
        if silent:
            self._set(event.agent, "speaking")
        self._grown.add(event.turn)
        agent = self.agents.get(event.agent)
        elapsed = event.ts - turn.began
        if agent is not None and agent.kind == "model" and elapsed > 0:
            rate = float(round(turn.chars / _CHARS_PER_TOKEN * 1000 / elapsed))
            if rate != agent.rate:  # whole numbers, so that a steady stream does not send its lane again and again
                agent.rate = rate
                self._changed_agents.add(event.agent)

    def _finish(self, event: TurnFinished, turn: ShownTurn) -> None:
        cancelled, silent = event.reason == words.CANCELLED, event.reason == words.SILENT
        self._close(turn, "cancelled" if cancelled else "finished", words.ENDED.get(event.reason, ""))
        lane, elapsed = self._lane(event.agent), event.ts - turn.began
        lane.turns += not cancelled
        if event.usage and not event.usage.estimated and elapsed > 0:
            lane.rate = round(event.usage.completion * 1000 / elapsed, 1)
        self._charge(event.agent, event.usage, event.cost)
        self._set(event.agent, "idle", "had nothing to say" if silent else words.STOPPED if cancelled else "")
        if silent:
            self._drop(event.turn)

    def _fail(self, event: TurnFailed, turn: ShownTurn) -> None:
        self._charge(event.agent, event.usage, event.cost)
        if overtaken(event):
            self._drop(event.turn)
            self._overtaken.add(event.agent)
            self._set(event.agent, "thinking", _ANEW)
        elif event.retriable:
            self._drop(event.turn)
            again = f"attempt {event.attempt} failed, again in {event.wait:.0f} s: {event.error}"
            self._set(event.agent, "retrying", again)
        else:
            self._close(turn, "failed", event.error)
            self._set(event.agent, "failed", event.error)
        self._look()

    def _act(self, event: Event) -> None:
        """Show what an agent wants to do, for whom it waits, and what it does."""
        effect = self._affairs.effects.get(getattr(event, "proposal", ""))
        if effect is None or effect.proposal.agent not in self.agents:
            return
        if effect.proposal.turn in self._turns:
            turn = self._own(effect.proposal.turn)
            show_call(turn.view, effect)
            self._changed_turns.add(turn.view.id)
        doing = {"waiting": f"{effect.verdict(0).why}: {effect.told}", "running": f"calls {effect.told}"}
        self._set(effect.proposal.agent, "thinking", doing.get(effect.status, ""))
        self._warn_of(effect.proposal.tool, effect.gate)
        if effect.let_pass:
            self._warn(f"let pass: {effect.told} ({effect.let_pass})")
        if effect.status in _UNDER_WAY and effect.proposal.run:
            self._asked[effect.id] = None
        else:
            self._asked.pop(effect.id, None)
        self._look()

    def _warn_of(self, tool: str, gate: Gate | None) -> None:
        """Say what of a gate lets pass instead of failing closed."""
        if gate is not None and gate.lets_pass:
            self._warn(f"the gate of {tool} lets pass ({'; '.join(gate.lets_pass)})")

    def _warn(self, told: str) -> None:
        known = self.run.lets_pass or []
        if told not in known:
            self.run.lets_pass = [*known, told]
            self._changed_run = True

    def _look(self) -> None:
        """See what waits for a person now: that depends on events of others, too."""
        questions = self._questions() or msgspec.UNSET
        if questions != self.run.questions and self.run.finished is None:
            self.run.questions = questions
            self._changed_run = True

    def _questions(self) -> list[QuestionView]:
        """Return what waits for a person, who has not answered yet."""
        effects = self._affairs.effects
        waiting = [effect for effect in map(effects.__getitem__, self._asked) if effect.waits_for_person]
        return [question_view(question.effects) for question in questions_of(waiting)]

    def _message(self, event: Message) -> None:
        turn = self._open(event, event.id)
        turn.add(Delta(id=event.id, turn=event.id, seq=0, text=event.text))
        self._close(turn, "finished")
        if event.agent not in self.agents:
            self.agents[event.agent] = AgentView(name=event.agent, kind="person", role="a person", state="done")
            self._changed_agents.add(event.agent)
        self._hand(event.agent, event.text)

    def _end(self, event: RunFinished) -> None:
        if event.run != self.run.run:
            for spec in TeamSpec.from_dict(self._affairs.runs[event.run].spec).agents:
                if self.agents[spec.name].state != "failed":
                    self._set(spec.name, "done")
            return
        self.run.status = words.run_status(event.reason)
        self.run.reason = "; ".join(filter(None, (words.WHY.get(event.reason, ""), event.detail)))
        self.run.finished = self._sign or event.ts
        self.run.questions = msgspec.UNSET  # they wait in the pool, for the run to go on
        self._changed_run = True
        for agent in self.agents.values():
            if agent.state != "failed":
                self._set(agent.name, "done", agent.note if agent.note == words.STOPPED else "")

    def _open(self, event: Event, key: str) -> ShownTurn:
        self._said[event.agent] += 1
        name = turn_name(event.agent, self._said[event.agent])
        view = TurnView(id=key, name=name, agent=event.agent, start=event.offset)
        self._changed_turns.add(key)
        turn = self._turns[key] = ShownTurn(view, event.ts)
        return turn

    def _close(self, turn: ShownTurn, status: words.TurnStatus, note: str = "") -> None:
        turn = self._own(turn.view.id)
        turn.end()
        turn.view.status, turn.view.note = status, note
        self._changed_turns.add(turn.view.id)
        self._grown.add(turn.view.id)

    def _own(self, key: str) -> ShownTurn:
        """Return a turn that is about to change: one that has ended may be shared with copies, and is replaced."""
        turn = self._turns[key]
        if turn.view.status != "running":
            turn = self._turns[key] = turn.copy()
        return turn

    def _drop(self, turn: str) -> None:
        self._said[self._turns.pop(turn).view.agent] -= 1
        self._changed_turns.discard(turn)
        self._grown.discard(turn)
        self._drops.append(turn)

    def _charge(self, name: str, usage: Usage | None, cost: float | None) -> None:
        lane = self._lane(name)
        if usage is not None:
            self._readings.charge(name, usage)
            self.run.tokens += usage.total
            self.run.estimated = usage.estimated or self.run.estimated
            lane.tokens += usage.total
            lane.estimated = usage.estimated or lane.estimated
        if cost:  # a local model is free: nothing to say
            self.run.cost = (self.run.cost or 0.0) + cost
            lane.cost = (lane.cost or 0.0) + cost
        self.run.reading, lane.reading = self._readings.total, self._readings.of(name)
        self._changed_run = True

    def _set(self, name: str, state: AgentState, note: str = "") -> None:
        lane = self._lane(name)
        lane.state, lane.note = state, note

    def _lane(self, name: str) -> AgentView:
        """Return an agent's lane, which is about to change; of one that the team does not have nothing is shown."""
        if name not in self.agents:
            return AgentView(name=name)
        self._changed_agents.add(name)
        return self.agents[name]

    def _edge(self, source: str, target: str, chars: int) -> None:
        known = self._edges.get((source, target))
        chars += known.chars if known else 0
        self._edges[source, target] = EdgeView(source=source, target=target, chars=chars)
        self._changed_edges.add((source, target))

    # Giving out --------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Return all there is to show; it carries the number of the last patch."""
        turns = [msgspec.structs.replace(turn.view, text=turn.sent) for turn in self._turns.values()]
        agents, edges = list(self.agents.values()), list(self._edges.values())
        bars, points = list(self._timeline.bars.values()), list(self._timeline.points.values())
        state = State(seq=self._seq, run=self.run, agents=agents, turns=turns, edges=edges, bars=bars, points=points)
        state.files = self._files.state() or msgspec.UNSET
        return state

    def kept(self, room: int = 2_000_000) -> State:
        """Return what a notebook is to keep: of a very long run the last turns, about ``room`` characters.

        The pool has the others, and a notebook of tens of megabytes is opened by nothing.
        """
        state = self.state()
        last, *earlier = _from_last(state.turns, room, len(state.turns))
        state.turns = last[::-1]
        state.later = [turn.id for part in earlier for turn in part] or msgspec.UNSET
        return state

    @property
    def said(self) -> int:
        """Characters of all that was said."""
        return sum(len(turn.sent) for turn in self._turns.values())

    def copy(self) -> TeamView:
        """Return one that goes on by itself, without a timeline; turns and calls that have ended are shared."""
        memo: dict[int, Any] = {id(one): one for one in self._affairs.settled()}
        # What grows with the run is copied at once, and not item by item.
        turns = self._turns.items()
        memo[id(self._turns)] = {key: copy.deepcopy(one) if one.view.status == "running" else one for key, one in turns}
        memo[id(self._edges)], memo[id(self._seen)] = self._edges.copy(), self._seen.copy()
        memo[id(self._causes)] = self._causes.copy()
        memo |= {id(self._timeline): Timeline(), id(self._changed_turns): set(), id(self._grown): set()}
        return copy.deepcopy(self, memo)

    def then(self, now: TeamView) -> tuple[State, list[str]]:
        """Return what this, of an earlier moment, shows; turns that are in ``now`` as they were then only by id."""
        same = [key for key, turn in self._turns.items() if now._turns.get(key) is turn]
        left = (self._turns[key] for key in self._turns.keys() - same)
        turns = [msgspec.structs.replace(turn.view, text=turn.ready) for turn in left]
        agents, edges = list(self.agents.values()), list(self._edges.values())
        files = self._files.state() or msgspec.UNSET
        return State(seq=self._seq, run=self.run, agents=agents, turns=turns, edges=edges, files=files), same

    def opening(self, room: int = 200_000, most: int = 500) -> Iterator[State | Patch]:
        """Yield what a page is told that opens: the state with what was last, then the rest in patches, newest first.

        So a long run is in sight before all of it has arrived: turns of ``room`` characters, about, and at ``most`` so
        many turns, bars and points go together. Pages that have the rest already keep it.
        """
        state = self.state()
        turns = _from_last(state.turns, room, most)
        none: list[Any] = []
        parts = zip_longest(turns, _from_end(state.bars, most), _from_end(state.points, most), fillvalue=none)
        last, state.bars, state.points = next(parts)
        state.turns = last[::-1]
        state.later = [turn.id for part in turns[1:] for turn in part] or msgspec.UNSET
        yield state
        for told, barred, pointed in parts:
            appends = [Append(turn=turn.id, at=0, text=turn.text) for turn in told if turn.text]
            for turn in told:
                turn.text = ""
            self._seq += 1
            yield Patch(seq=self._seq, turns=told[::-1], append=appends, bars=barred, points=pointed)

    def patch(self) -> Patch | None:
        """Return what changed since the last patch, or None."""
        appends = [append for turn in sorted(self._grown) if (append := self._turns[turn].take())]
        changed = (self._changed_run, self._changed_agents, self._changed_turns, self._changed_edges, self._drops)
        (bars, points), files = self._timeline.take(), self._files.take()
        if not any((appends, bars, points, files, *changed)):
            return None
        self._seq += 1
        patch = Patch(
            seq=self._seq,
            run=self.run if self._changed_run else None,
            agents=[self.agents[name] for name in sorted(self._changed_agents)],
            turns=[self._turns[turn].view for turn in sorted(self._changed_turns)],
            drops=self._drops,
            append=appends,
            edges=[self._edges[key] for key in sorted(self._changed_edges)],
            bars=bars,
            points=points,
            files=files,
        )
        self._changed_run, self._drops = False, []
        for dirty in (self._changed_agents, self._changed_turns, self._changed_edges, self._grown):
            dirty.clear()
        return patch


def _from_last(turns: list[TurnView], room: int, most: int) -> list[list[TurnView]]:
    """Return turns in parts, the last first: of ``room`` characters, about, and at ``most`` so many in each."""
    parts, said = list[list[TurnView]]([[]]), 0
    for turn in reversed(turns):
        if said >= room or len(parts[-1]) >= most:
            said = 0
            parts.append([])
        said += len(turn.text)
        parts[-1].append(turn)
    return parts


def _from_end(items: list[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield a list in pieces, the last first."""
    for stop in range(len(items), 0, -size):
        yield items[max(0, stop - size) : stop]
