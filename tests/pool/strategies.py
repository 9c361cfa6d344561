"""Random but plausible logs, as hypothesis strategies.

A log here is a list of record values, as a store keeps them; :func:`stored` gives each its place and reads it. What
may happen in a real pool happens here: turns of several agents and runs interleave, fail, are stopped or stay silent;
deltas are lost; records and whole batches are delivered again later; writers go on writing to lines that were left;
branches fork from branches, also inside an ancestor; two writers want one name; records are from a newer version, or
are no events at all.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from agentpool_jupyter.log import Record
from agentpool_jupyter.pool import Branches
from agentpool_jupyter.pool.codec import decode, encode
from agentpool_jupyter.pool.events import (
    Claim,
    Delta,
    Event,
    File,
    FilePiece,
    Fork,
    Head,
    Heartbeat,
    Message,
    Recall,
    Release,
    RunFinished,
    RunStarted,
    Tag,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
)
from agentpool_jupyter.pool.files.packing import digest_of_contents, packed

if TYPE_CHECKING:
    from collections.abc import Sequence

AGENTS = ("planner", "critic", "builder")
WORDS = st.text("ab <é\U0001f600\n", min_size=1, max_size=6)
GARBAGE = (
    b"",
    b"\x00\xff\x80",
    b"{",
    b"[1, 2]",
    b'"text"',
    b'{"type": "message"}',
    b'{"type": "delta", "id": "x", "turn": "t1", "seq": "one", "text": "a"}',
)


def stored(values: Sequence[bytes], start: int = 0) -> list[Event]:
    """Return the events of record values, in the places that a log would give them."""
    return [decode(Record(offset, 1000 + offset, value)) for offset, value in enumerate(values, start)]


def placed(*events: Event) -> list[Event]:
    """Return events in the places from 0 on, as a log gives them."""
    return stored([encode(event) for event in events])


def speech(turn: str, texts: Sequence[str], agent: str = "ann", end: type[Event] = TurnFinished, **more) -> list[Event]:
    """Return the events of a turn; ``more`` is known of its end."""
    header = {"agent": agent, "turn": turn, "run": "r1"}
    facts = {"deltas": len(texts)} if end is TurnFinished else {"error": "500"}
    return [
        TurnStarted(id=f"{turn}s", **header),
        *(Delta(id=f"{turn}d{i}", seq=i, text=text, **header) for i, text in enumerate(texts)),
        end(id=f"{turn}e", **header, **facts, **more),
    ]


@dataclass
class _Speech:
    """A turn under way."""

    turn: str
    agent: str
    branch: str
    run: str
    written: int = 0
    ended: bool = False


@dataclass
class _Writer:
    """Makes a log step by step; draws whatever is left to chance."""

    draw: st.DrawFn
    values: list[bytes] = field(default_factory=list)
    speeches: list[_Speech] = field(default_factory=list)
    branches: Branches = field(default_factory=Branches)
    claims: list[Claim] = field(default_factory=list)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def put(self, value: bytes) -> None:
        (event,) = stored([value], len(self.values))
        self.values.append(value)
        self.branches.absorb(event)

    def write(self, event: Event) -> None:
        self.put(encode(event))

    def pick(self, *options):
        return self.draw(st.sampled_from(options))

    def header(self, branch: str | None = None) -> dict[str, str]:
        where, run = branch or self.pick(self.branches.head, *self.branches), self.pick("r1", "r2")
        own = [claim.id for claim in self.claims if claim.run == run]
        return {"id": f"e{next(self.numbers)}", "branch": where, "run": run, "claim": self.pick("", *own[-2:])}

    def place(self) -> int:
        return self.draw(st.integers(-1, len(self.values) - 1))

    # What may happen next ----------------------------------------------------------------------------------

    def start(self) -> None:
        number = len(self.speeches)
        header = self.header()
        speech = _Speech(f"t{number}", self.pick(*AGENTS), header["branch"], header["run"])
        self.speeches.append(speech)
        self.write(TurnStarted(**header, agent=speech.agent, turn=speech.turn, model="m", seen=len(self.values)))

    def speak(self) -> None:
        if not self.speeches:
            return self.start()
        speech = self.pick(*self.speeches)  # also one that has ended: a token may be late
        speech.written += self.pick(0, 0, 0, 0, 1)  # a delta before this one was lost
        header = self.header(speech.branch) | {"agent": speech.agent, "turn": speech.turn}
        self.write(Delta(**header, seq=speech.written, text=self.draw(WORDS)))
        speech.written += 1
        return None

    def end(self) -> None:
        if not self.speeches:
            return self.start()
        speech = self.pick(*self.speeches)
        speech.ended = True
        header = self.header(speech.branch) | {"agent": speech.agent, "turn": speech.turn}
        usage = self.pick(None, Usage(3, 4))
        if self.draw(st.integers(0, 2)):
            count = self.pick(speech.written, speech.written, speech.written + 1, -1)
            reason = self.pick("stop", "stop", "length", "cancelled", "silent")
            self.write(TurnFinished(**header, reason=reason, usage=usage, deltas=count))
        else:
            self.write(
                TurnFailed(**header, error="500", kind="server", retriable=self.draw(st.booleans()), usage=usage)
            )
        return None

    def post(self) -> None:
        self.write(Message(**self.header(), agent="you", text=self.draw(WORDS)))

    def fork(self) -> None:
        name = self.pick(f"b{len(self.values)}", f"b{len(self.values)}", *self.branches)
        parent = self.pick(*self.branches, "nowhere")
        self.write(Fork(**self.header(self.branches.head), name=name, parent=parent, at=self.place()))

    def move(self) -> None:
        to = self.pick(*self.branches, "nowhere")
        self.write(Head(**self.header(self.branches.head), to=to))

    def undo(self) -> None:
        last = self.branches.last_move
        place = self.pick(last.offset if last else 0, max(0, self.place()))
        self.write(Head(**self.header(self.branches.head), to=self.branches.head, undoes=place))

    def rollback(self) -> None:
        name, parent = f"b{len(self.values)}", self.branches.head
        self.write(Fork(**self.header(parent), name=name, parent=parent, at=self.place()))
        self.write(Head(**self.header(parent), to=name))

    def tag(self) -> None:
        self.write(Tag(**self.header(), name=self.pick("good", "bad"), at=self.place()))

    def aside(self) -> None:
        header = self.header()
        self.write(
            self.pick(
                RunStarted(**header, spec={"task": "x"}),
                RunFinished(**header, reason="done"),
                Heartbeat(**header, owner="host:1:2", epoch=1),
                Recall(**header, turn="t0", hits=[{"score": 1}]),
                FilePiece(**header, text="flour"),
            )
        )

    def claim(self) -> None:
        """A run is claimed: those of no lease are superseded at once."""
        header = self.header() | {"claim": ""}
        fencing, lease = self.draw(st.booleans()), self.pick(0.0, 15.0)
        taken = Claim(**header, owner="host:1:2", epoch=self.pick(1, 2), lease=lease, fencing=fencing)
        self.claims.append(taken)
        self.write(taken)

    def release(self) -> None:
        self.write(Release(**self.header(), owner="host:1:2", epoch=1))

    def file(self) -> None:
        """A version of a file: mostly the next one, else one whose writer had not read the latest, or was far off."""
        header = self.header()
        path = self.pick("bread.md", "recipes/bread.md", "../bread.md", "B\u0061\u0308.md")
        number = self.versions.get((header["branch"], path), 0)
        read = max(0, number + self.pick(0, 0, 0, -1, -2, 5, 2**60))
        if read < 2**53:
            self.versions[header["branch"], path] = max(number, read + 1)
        data = self.draw(WORDS).encode() if self.pick(*range(4)) else None
        facts = {} if data is None else {"digest": digest_of_contents(data), "size": len(data), **packed(data)}
        self.write(File(**header, agent=self.pick(*AGENTS), path=path, read=read, **facts))

    def newer(self) -> None:
        self.put(json.dumps({**self.header(), "type": "thought", "depth": {"a": [1]}}).encode())

    def garbage(self) -> None:
        self.put(self.pick(*GARBAGE))

    def again(self) -> None:
        """A record, or a batch whose first part was already stored, is delivered once more."""
        if self.values:
            first = self.draw(st.integers(0, len(self.values) - 1))
            for value in self.values[first : first + self.pick(1, 1, 2, 5)]:
                self.put(value)


_STEPS = {
    _Writer.speak: 10,
    _Writer.start: 4,
    _Writer.end: 4,
    _Writer.again: 3,
    _Writer.post: 2,
    _Writer.fork: 1,
    _Writer.move: 1,
    _Writer.undo: 1,
    _Writer.rollback: 1,
    _Writer.tag: 1,
    _Writer.aside: 1,
    _Writer.claim: 2,
    _Writer.release: 1,
    _Writer.file: 4,
    _Writer.newer: 1,
    _Writer.garbage: 1,
}
_CHOICES = [step for step, weight in _STEPS.items() for _ in range(weight)]


@st.composite
def logs(draw: st.DrawFn, *, longest: int = 40) -> list[bytes]:
    """Return the record values of a plausible log of up to about ``longest`` records."""
    writer = _Writer(draw)
    least = draw(st.sampled_from([0, longest // 4, longest // 2]))  # left to itself, hypothesis keeps lists short
    for step in draw(st.lists(st.sampled_from(_CHOICES), min_size=least, max_size=longest)):
        step(writer)
    return writer.values
