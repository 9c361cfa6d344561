"""The events of a pool: one tagged union, encoded as JSON, one event a record.

Names and fields are a storage format: they are only ever added to. Readers ignore unknown fields and unknown
types (:mod:`.codec`).
"""

from __future__ import annotations

import itertools
import os
import secrets
import string
import threading
import time
from typing import Any, Self

import msgspec

MAIN = "main"
"""The branch every pool starts on."""


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens that one model call took, as the server counted them (or estimated, then ``estimated``)."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    """How many of the prompt tokens came from the server's prompt cache."""
    estimated: bool = False
    """The server reported no usage; both numbers are upper bounds made here."""
    own: int = 0
    """How many of the prompt tokens were the agent's own earlier text. Servers count prompts as a whole: this and the
    next two share out their count by bytes. What is left was the task and the role."""
    others: int = 0
    """How many of the prompt tokens were text of other agents and of people."""
    recalled: int = 0
    """How many of the prompt tokens were earlier reasoning that was looked up."""

    @property
    def total(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt + self.completion

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.cached + other.cached,
            self.estimated or other.estimated,
            self.own + other.own,
            self.others + other.others,
            self.recalled + other.recalled,
        )


class Event(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag_field="type"):
    """What every event carries."""

    def __deepcopy__(self, memo: object) -> Self:
        """Return itself: an event says what happened, and copies of a fold share it."""
        return self

    id: str
    """Unique, made by the writer; an event that is stored twice counts once."""
    branch: str = MAIN
    run: str = ""
    """The run that wrote it; empty for what people and tools write."""
    agent: str = ""
    ts: int = 0
    """The writer's clock, in milliseconds since the epoch; for display only."""
    claim: str = ""
    """The claim by which its writer holds the run, or the agent; empty for what needs none, and in older pools."""
    offset: int = -1
    """Where the log put it; -1 before it is stored. Never part of the stored record."""
    time: int = 0
    """When the log took it, in milliseconds since the epoch. Never part of the stored record."""

    @property
    def type(self) -> str:
        """The event's type as it stands in the record, such as ``turn_started``."""
        return str(self.__struct_config__.tag)


class RunStarted(Event, frozen=True, kw_only=True, tag="run_started"):
    """A team begins (or goes on, then ``resumed`` names where it stood)."""

    spec: dict[str, Any] = {}
    """The team in full, without any secret."""
    resumed: bool = False
    parent: str = ""
    """The run whose agent handed the task to this team; empty where a person did."""
    key: str = ""
    """The key of the effect by which it was handed over."""

    @property
    def agents(self) -> list[str]:
        """The names of the team's agents, as far as ``spec`` tells them: another program may have written it."""
        found = self.spec.get("agents")
        names = [agent.get("name") for agent in found if isinstance(agent, dict)] if isinstance(found, list) else []
        return [name for name in names if isinstance(name, str)]


class RunFinished(Event, frozen=True, kw_only=True, tag="run_finished"):
    """A team has ended; ``reason`` is one of :data:`.words.RunReason`."""

    reason: str
    detail: str = ""
    epoch: int = 0
    """The epoch of the claim that has ended; 0 where the writer did not say."""


class Message(Event, frozen=True, kw_only=True, tag="message"):
    """Text from a person or a tool, whole."""

    text: str


class TurnStarted(Event, frozen=True, kw_only=True, tag="turn_started"):
    """An agent begins to speak."""

    turn: str
    """The turn's id, unique in the pool; people see ``planner#2``."""
    model: str = ""
    seen: int = 0
    """One past the last offset the agent had read when its prompt was built."""
    digest: str = ""
    """SHA-256 of the exact prompt (canonical JSON of the messages)."""
    context: dict[str, Any] = {}
    """What went into the prompt and what was left out, as references."""
    attempt: int = 1


class Delta(Event, frozen=True, kw_only=True, tag="delta"):
    """More text of a turn; ``seq`` counts a turn's deltas from 0."""

    turn: str
    seq: int
    text: str
    folded: int = 0
    """How many deltas, from ``seq`` on, a compaction made into this one; 0 where it stands as it was written."""

    @property
    def numbers(self) -> range:
        """The numbers of all deltas that it is; each said something, so that a record claims no more than it holds."""
        return range(self.seq, self.seq + (min(self.folded, len(self.text)) or 1))


class Folded(Event, frozen=True, kw_only=True, tag="folded"):
    """A place whose delta a compaction moved into a later one: it says nothing, and keeps the offsets dense."""


class TurnContinued(Event, frozen=True, kw_only=True, tag="turn_continued"):
    """A speaking agent has read the pool again and goes on with its own sentence; the turn stays one."""

    turn: str
    seen: int
    """One past the last offset that it has read now."""
    digest: str = ""
    """SHA-256 of the exact prompt, as of ``turn_started``."""
    context: dict[str, Any] = {}
    """What the prompt was made of, as of ``turn_started``."""
    deltas: int = 0
    """How many deltas of the turn were written before."""
    chars: int = 0
    """How many characters they have; a compaction does not change that."""
    way: str = ""
    """How the server was made to go on: one of ``agents.models.continuation.Way``."""
    error: str = ""
    """Why the call before broke off, where its server failed."""
    exchange: list[dict[str, Any]] = []
    """The messages by which tools were called and answered since the prompt before, as this one has them."""


class TurnFinished(Event, frozen=True, kw_only=True, tag="turn_finished"):
    """A turn's text is complete, or was stopped (``cancelled``), or there was nothing to say (``silent``)."""

    turn: str
    reason: str = "stop"
    usage: Usage | None = None
    cost: float | None = None
    """In US dollars, where the model's price is known."""
    deltas: int = -1
    """How many deltas the turn wrote, so that a reader knows when it has them all; -1 where nobody counted."""
    seen: int = 0
    """One past the last offset that the agent had read when it wrote its last words; 0: as when it began."""


class TurnFailed(Event, frozen=True, kw_only=True, tag="turn_failed"):
    """An attempt at a turn failed; where it is ``retriable`` another attempt follows under a new turn id."""

    turn: str
    error: str
    kind: str = ""
    retriable: bool = False
    attempt: int = 1
    wait: float = 0.0
    """Seconds until the next attempt."""
    usage: Usage | None = None
    cost: float | None = None
    """As of ``turn_finished``: what fails is paid for too."""


class Fork(Event, frozen=True, kw_only=True, tag="fork"):
    """A new branch leaves ``parent`` right after the event at ``at`` (-1: before everything)."""

    name: str
    parent: str
    at: int


class Head(Event, frozen=True, kw_only=True, tag="head"):
    """The current branch is ``to``; ``undoes`` is the offset of the head event that this one takes back."""

    to: str
    undoes: int | None = None


class Tag(Event, frozen=True, kw_only=True, tag="tag"):
    """A name for the position right after ``at`` on its branch."""

    name: str
    at: int


class Recall(Event, frozen=True, kw_only=True, tag="recall"):
    """Earlier reasoning that was looked up for a turn; follows the turn's event whose prompt it is a part of."""

    turn: str
    hits: list[dict[str, Any]] = []
    """What went into the prompt, best first: ``score``, ``question`` and ``source`` as people read it, the ``text`` as
    it stands there, for files change and pools are deleted, and, of a turn, its ``pool``, ``turn`` (id), ``name``,
    ``agent``, ``branch``, ``offset`` and ``end``, with the passage's ``start`` (character) and ``line``; of a document
    its ``file``, ``line`` and ``place``. Older pools have no text of turns."""
    note: str = ""
    """What went wrong, or happened to the index; each thing once in a run."""


class Claim(Event, frozen=True, kw_only=True, tag="claim"):
    """A process takes a run, or with ``agent`` one agent of it; whether it gets it, the log says (:mod:`.claims`)."""

    owner: str
    """``host:pid:start`` of the process."""
    epoch: int
    """One more than that of the claim before it."""
    lease: float
    """Seconds without a sign of life after which another claim is accepted."""
    fencing: bool = False
    """What its holder writes names it. Those of older versions do not: of them, that of the highest epoch holds."""


class Release(Event, frozen=True, kw_only=True, tag="release"):
    """A claim ends: its owner lets go, or somebody who can see it says that its process has ended."""

    owner: str
    epoch: int


class Heartbeat(Event, frozen=True, kw_only=True, tag="heartbeat"):
    """The holder of a claim is alive: claims live by these, whatever else is said."""

    owner: str
    epoch: int


class StopAsked(Event, frozen=True, kw_only=True, tag="stop_asked"):
    """Somebody asks the holder of a run to stop it, or with ``agent`` one agent of it; no later holder is meant."""

    target: str
    """The run. The event is not of it: it comes from outside."""
    epoch: int
    """That of the claim which held when it was asked."""
    owner: str
    """Who asks: ``host:pid:start`` of the process."""


class Rests(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a proposal rests on, beside its line and its gate (:mod:`.effects.basis`)."""

    turns: tuple[str, ...] = ()
    """Turns, by their ids, that its agent had read while they were still spoken."""
    files: dict[str, int] = {}
    """Files that its turn had read or written, with the numbers of the versions."""


NOTHING_READ = Rests()
"""Of a proposal that rests on its line and its gate alone."""


class Proposal(Event, frozen=True, kw_only=True, tag="proposal"):
    """A call that somebody wants made: exactly what, and who has to agree before it is."""

    proposal: str
    """The call's id, unique in the pool."""
    text: str = ""
    """What it is for, in words."""
    data: dict[str, Any] = {}
    tool: str = ""
    arguments: dict[str, Any] = {}
    """All of the tool's arguments, as it will get them."""
    digest: str = ""
    """SHA-256 of tool and arguments as canonical JSON: what is agreed on, and all that may be done."""
    key: str = ""
    """The same for the same call of the same turn, however often that is taken: what was done is not done again."""
    turn: str = ""
    """The turn that asks for it."""
    seen: int = 0
    """One past the last offset that the asker had read."""
    gate: dict[str, Any] = {}
    """Who has to agree, and how (:class:`.votes.Gate`); empty where nobody has to."""
    gate_digest: str = ""
    """SHA-256 of the gate as canonical JSON, by which an edit of it is noticed; empty where there is none, and in older
    pools, whose proposals do not get stale."""
    guards: tuple[str, ...] = ()
    """Those of the gate's voters who are asked first: functions, which take neither tokens nor anybody's attention."""
    rests: Rests = NOTHING_READ
    """What the asker had read that may change until it is decided."""


class Vote(Event, frozen=True, kw_only=True, tag="vote"):
    """One voter's answer to a proposal; the voter is the event's ``agent``."""

    proposal: str
    accept: bool
    text: str = ""
    """Why."""
    digest: str = ""
    """That of the proposal that was looked at: an answer to another one does not count."""
    confidence: float | None = None
    """From 0 to 1, how sure the voter is."""
    seen: int = 0
    """One past the last change of what the proposal rests on that the voter knew of; 0 where that is not said."""
    usage: Usage | None = None
    """What a model took to answer."""


class GateEdited(Event, frozen=True, kw_only=True, tag="gate_edited"):
    """Whoever carries a proposal out has another gate for it by now than the one that it was proposed under."""

    proposal: str
    gate: dict[str, Any]
    """The new one."""
    digest: str
    """SHA-256 of it, as of the proposal's ``gate_digest``."""
    guards: tuple[str, ...] = ()
    """As of the proposal."""


class Decision(Event, frozen=True, kw_only=True, tag="decision"):
    """Marks what the log decides about a proposal; one that the log does not carry counts for nothing."""

    proposal: str
    accepted: bool
    text: str = ""


class Grant(Event, frozen=True, kw_only=True, tag="grant"):
    """A person agrees beforehand to calls of a tool (:mod:`.effects.grants`)."""

    tool: str
    of: str = ""
    """Whose calls; empty for anyone's."""
    count: int
    """To how many."""
    within: float
    """For how many seconds of the log's time."""


class GrantRevoked(Event, frozen=True, kw_only=True, tag="grant_revoked"):
    """A grant does not count from here on; what it has let pass stays so."""

    grant: str
    """The id of its event."""


class EffectStarted(Event, frozen=True, kw_only=True, tag="effect_started"):
    """What was agreed on is being done, by the first of these alone; without an end it is in doubt."""

    proposal: str
    digest: str
    """That of what is done."""
    owner: str = ""
    """Outside of runs, the process that does it: ``host:pid:start``."""


class EffectDone(Event, frozen=True, kw_only=True, tag="effect_done"):
    """It was done."""

    proposal: str
    result: Any = None
    output: str = ""
    """What it printed."""


class EffectFailed(Event, frozen=True, kw_only=True, tag="effect_failed"):
    """It was not done, or where ``doubt`` says so, nobody knows whether it was."""

    proposal: str
    error: str
    """In a line, as the model is told."""
    detail: str = ""
    """All of it, for people."""
    output: str = ""
    doubt: bool = False


class File(Event, frozen=True, kw_only=True, tag="file"):
    """A version of a file: its number is one more than that which its writer had read.

    Of two with the same number the first in the log counts; the other is void, for its writer had not read the first.
    """

    path: str
    read: int = 0
    """The number of the version that its writer had read; 0 where there was none."""
    digest: str = ""
    """SHA-256 of the contents; empty where the file is deleted, which is a version too."""
    size: int = 0
    """Bytes of the contents."""
    text: str = ""
    data: str = ""
    """The contents as text, or else in base 64."""
    pieces: tuple[int, ...] = ()
    """The offsets of the records that hold the contents, one after the other, where they are too large for this one."""
    turn: str = ""
    """The turn that wrote it."""
    key: str = ""
    """That of the effect by which it was written."""


class FilePiece(Event, frozen=True, kw_only=True, tag="file_piece"):
    """A piece of a file's contents; the file that is made of it comes later, and names its offset."""

    text: str = ""
    data: str = ""
    """As of ``file``."""


class Label(Event, frozen=True, kw_only=True, tag="label"):
    """What somebody says of a turn, such as how it failed; ``agent`` is who says it, and nobody where a run does."""

    turn: str
    label: str
    text: str = ""
    """Why."""
    withdrawn: bool = False
    """It is taken back."""


class TrialFinished(Event, frozen=True, kw_only=True, tag="trial_finished"):
    """A run of an experiment has ended, and this is its row; the event's ``run`` is that run."""

    experiment: str
    """SHA-256 of what all of its runs share: the team, the tasks, the limits."""
    trial: dict[str, Any] = {}
    """Which one it was: ``way``, ``n`` and ``repeat``."""
    row: dict[str, Any] = {}
    """What came of it, by column."""


class Unknown(Event, frozen=True, kw_only=True, tag="unknown"):
    """An event of a newer writer: shown as such and otherwise passed over."""

    kind: str
    """The type that it names."""


class Unreadable(Event, frozen=True, kw_only=True, tag="unreadable"):
    """A record that is no event at all: counted, shown as such and skipped."""

    size: int
    """Bytes of the record."""


AnyEvent = (
    RunStarted
    | RunFinished
    | Message
    | TurnStarted
    | TurnContinued
    | Delta
    | Folded
    | TurnFinished
    | TurnFailed
    | Fork
    | Head
    | Tag
    | Recall
    | Claim
    | Release
    | Heartbeat
    | StopAsked
    | Proposal
    | Vote
    | GateEdited
    | Decision
    | Grant
    | GrantRevoked
    | EffectStarted
    | EffectDone
    | EffectFailed
    | File
    | FilePiece
    | Label
    | TrialFinished
)
"""The union that is stored; order and membership are irrelevant to the format."""


_LETTERS = string.ascii_letters + string.digits


class IdSource:
    """Makes ids that are unique across processes, forked ones too: 47 random bits and a counter, so they compress.

    They are letters, digits and a dot: people type them on the line of a magic, where a hyphen would begin an option.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0

    def __call__(self) -> str:
        """Return an id that was never returned before, here or elsewhere."""
        with self._lock:
            if os.getpid() != self._pid:
                self._pid, self._prefix, self._numbers = os.getpid(), _prefix(), itertools.count()
            return f"{self._prefix}.{next(self._numbers):x}"


def _prefix() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


def now_ms() -> int:
    """Return the wall clock in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
