"""What a screen shows of a run: the state of everything, and numbered patches of what changed since.

A page's widget, a terminal and a still picture are handed the same values. Text only ever grows at its end: a patch
carries the new piece and the position, counted in UTF-16 code units as JavaScript does, where it belongs. The widget
sends them as they are, so that ``labextension/src/wire.ts`` is their mirror.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

AgentState = Literal["idle", "thinking", "speaking", "retrying", "failed", "done"]
RunStatus = Literal["starting", "running", "stopping", "finished", "failed", "stopped", "lost"]
TurnStatus = Literal["running", "finished", "failed", "cancelled"]
PointKind = Literal["call", "vote", "message", "fork", "head"]
PointHow = Literal["", "asked", "begun", "done", "failed", "yes", "no", "back", "undo"]


class Reading(msgspec.Struct, kw_only=True, frozen=True):
    """What reading has cost: prompt tokens by what they were, shared out by bytes, and what was not read in time."""

    task: int = 0
    """The task, the role and what is said about others."""
    own: int = 0
    """The agent's own earlier text."""
    others: int = 0
    """Text of other agents and of people."""
    recalled: int = 0
    """Earlier reasoning that was looked up."""
    stale: int = 0
    """Finished turns during which something was said that they should have read."""
    restarts: int = 0
    """Turns that were broken off because they were overtaken, and begun anew."""


class AgentView(msgspec.Struct, kw_only=True):
    """One lane's head, and one node of the graph."""

    name: str
    role: str = ""
    model: str = ""
    kind: Literal["model", "python", "person"] = "model"
    listens: list[str] | None = []
    """Whom it hears by name; None is everyone, which named for each of many would grow as their square."""
    state: AgentState = "idle"
    note: str = ""
    """Why it is in that state, in a few words (an error, a wait)."""
    turns: int = 0
    turns_max: int | None = None
    tokens: int = 0
    estimated: bool | msgspec.UnsetType = msgspec.UNSET
    """True: its tokens and its cost are at most what stands here, because a server did not count them all. It is sent
    only then."""
    rate: float = 0.0
    """Completion tokens per second, now."""
    cost: float | None = None
    reading: Reading = Reading()
    place: int | None = None
    """Its place among all agents that the pool ever had, which says its colour; None for a person."""


def bounded(number: str, view: AgentView | RunView) -> str:
    """Return a number of a view for people, marked where it rests on an estimate."""
    return f"≤ {number}" if view.estimated is True else number


class CallView(msgspec.Struct, kw_only=True, frozen=True):
    """One call of a tool, in the turn that made it."""

    id: str
    what: str
    """The call, in a line."""
    status: str
    """What became of it, in the words of an effect's status."""
    answer: str = ""
    """What its agent was told."""
    output: str = ""
    """What it printed."""

    @property
    def lines(self) -> list[str]:
        """The call in lines, for where there are no boxes: what came of it, then what it printed."""
        came = f"{self.what}: {self.status}" + (f" → {self.answer}" if self.answer else "")
        return [came, *(f"| {line}" for line in self.output.splitlines())]


class TurnView(msgspec.Struct, kw_only=True):
    """One turn of one agent; ``text`` is whole in a state, and empty in a patch (text comes as Append)."""

    id: str
    name: str
    agent: str
    status: TurnStatus = "running"
    note: str = ""
    text: str = ""
    start: int = 0
    """Its first offset: turns are shown in this order."""
    calls: list[CallView] | msgspec.UnsetType = msgspec.UNSET
    """The calls that it made, in their order; they are sent only where there are some."""
    causes: list[int] | msgspec.UnsetType = msgspec.UNSET
    """The first offsets of the turns that it came from, as a trace has it; sent only where there are some."""


class EdgeView(msgspec.Struct, kw_only=True, frozen=True):
    """Who read whom: ``chars`` is how much text of ``source`` went into prompts of ``target``."""

    source: str
    target: str
    chars: int = 0


class BarView(msgspec.Struct, kw_only=True):
    """One attempt at a turn, from when to when; times are milliseconds since the epoch, of their writers' clocks."""

    id: str
    agent: str
    start: int
    """Its first offset."""
    began: int
    first: int | None = None
    """When its first token came."""
    ended: int | None = None
    end: int | None = None
    """The offset of the event that ended it."""
    how: Literal["running", "finished", "failed", "cancelled", "again", "lost"] = "running"
    """How it ended; ``again`` is an attempt that failed or was overtaken, and was followed by another."""
    left: bool = False
    """Whether it stands on a line of history that was left."""


class PointView(msgspec.Struct, kw_only=True, frozen=True):
    """Something that happened at one moment, on its agent's row."""

    id: str
    agent: str
    offset: int
    at: int
    """Milliseconds since the epoch."""
    what: PointKind
    """``head`` is a rollback, or another switch of the current branch."""
    how: PointHow = ""
    """What became of a call, what a vote said, and whether a move of the head went back or took that back."""
    told: str
    """In a few words."""


class FileView(msgspec.Struct, kw_only=True, frozen=True):
    """One file of the run's line, by its path."""

    path: str
    version: int
    """Its number, from 1."""
    size: int | None = None
    """Bytes; None where it was deleted."""
    agent: str = ""
    """Who wrote it."""


class AlikeView(msgspec.Struct, kw_only=True, frozen=True):
    """A further call that the same answer is for."""

    id: str
    agent: str
    what: str
    seen: int = 0


class QuestionView(msgspec.Struct, kw_only=True, frozen=True):
    """What an agent wants to do and may not before a person agrees."""

    id: str
    agent: str
    what: str
    """The call exactly, in a line."""
    why: str = ""
    """Who has answered, and who has not."""
    until: int | None = None
    """Until when an answer counts, in milliseconds since the epoch; None is no limit."""
    rests: str = ""
    """What it rests on: what its agent had read that may change until it is decided."""
    again: str = ""
    """What of that has changed, so that it is asked again; empty where nothing has."""
    seen: int = 0
    """What an answer carries, so that one to the question before a change does not count."""
    more: list[AlikeView] = []
    """Calls of the same tool behind the same gate: one answer is for all of them."""


class RunView(msgspec.Struct, kw_only=True):
    """The head line."""

    pool: str
    branch: str = "main"
    run: str = ""
    task: str = ""
    status: RunStatus = "starting"
    reason: str = ""
    """What there is to say beyond the status."""
    started: int = 0
    """Milliseconds since the epoch; later by the time in which a run that was resumed was at rest."""
    finished: int | None = None
    tokens: int = 0
    estimated: bool | msgspec.UnsetType = msgspec.UNSET
    """As of an agent's."""
    tokens_max: int | None = None
    cost: float | None = None
    reading: Reading = Reading()
    """Of all agents together."""
    end: int = 0
    """One past the last offset of the pool that this view shows."""
    questions: list[QuestionView] | msgspec.UnsetType = msgspec.UNSET
    """What waits for a person, oldest first; it is sent only while something does."""
    lets_pass: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Gates that let pass instead of failing closed, and calls that they let pass, in words; sent where some do."""


class State(msgspec.Struct, kw_only=True, tag="state", tag_field="kind"):
    """All there is to show."""

    seq: int
    run: RunView
    agents: list[AgentView] = []
    turns: list[TurnView] = []
    edges: list[EdgeView] = []
    bars: list[BarView] = []
    points: list[PointView] = []
    files: list[FileView] | msgspec.UnsetType = msgspec.UNSET
    """Sent where there are some."""
    later: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Ids of turns that are not part of it because the patches that follow bring them; a view keeps those it has."""


class Append(msgspec.Struct, kw_only=True):
    """More text for a turn, at its end."""

    turn: str
    at: int
    text: str


class Patch(msgspec.Struct, kw_only=True, omit_defaults=True, tag="patch", tag_field="kind"):
    """What changed since ``seq - 1``; agents, turns, edges, bars, points and files replace those of the same key."""

    seq: int
    run: RunView | None = None
    agents: list[AgentView] = []
    turns: list[TurnView] = []
    """New or changed turns; their ``text`` is not part of the patch and must be kept by the view."""
    drops: list[str] = []
    """Ids of turns that left the document (a failed attempt that is tried again, a rollback)."""
    append: list[Append] = []
    edges: list[EdgeView] = []
    bars: list[BarView] = []
    points: list[PointView] = []
    files: list[FileView] = []


class Then(msgspec.Struct, kw_only=True, tag="then", tag_field="kind"):
    """How everything stood at an earlier moment, for the view that asked."""

    view: str
    at: int
    """The moment that was asked for, in milliseconds since the epoch."""
    offset: int
    """That of the last event before it: what a rollback to it would keep."""
    state: State
    """What there was; bars and points are those of now."""
    same: list[str] = []
    """Ids of further turns, which were then as they are now."""


class Screen(Protocol):
    """What a run can be shown on. Its methods are called from several threads, one at a time."""

    def show_state(self, state: State, *, keep: bool = False) -> None:
        """Show all there is; ``keep`` where it will not change for a while."""

    def show_patch(self, patch: Patch) -> None:
        """Show what changed."""
