"""What travels between the kernel and a page of JupyterLab; ``labextension/lab/src/wire.ts`` is its mirror.

A page opens a comm to :data:`TARGET` and says what it can show at present (:class:`Watch`); the kernel sends that when
it has changed, and nothing while nobody can see it. Whatever else a page asks has a number, which the answer carries.
Both sides are tested against the same fixtures (``tests/jupyter/panel/*.json``).
"""

from __future__ import annotations

import msgspec

TARGET = "agentpool"
"""The comm's target. Where no such target is known, the kernel closes the comm at once: it has no agents."""


class Watch(msgspec.Struct, kw_only=True, tag="watch", tag_field="kind"):
    """What can be seen now; what was watched before and is not named is no longer."""

    running: bool = False
    """The runs of this kernel that have not ended."""
    pools: bool = False
    """All pools of the store, with their runs and what waits in them."""
    documents: list[str] = []
    """The pools whose documents are shown."""


class StopRun(msgspec.Struct, kw_only=True, tag="stop", tag_field="kind"):
    """Stop a run, of whichever process."""

    ask: int
    pool: str
    run: str


class CastVote(msgspec.Struct, kw_only=True, tag="vote", tag_field="kind"):
    """A person agrees to what waits, or refuses it."""

    ask: int
    pool: str
    seen: dict[str, int]
    """The calls that were shown, as :class:`WaitingRow` has them."""
    accept: bool
    text: str = ""


class TagPool(msgspec.Struct, kw_only=True, tag="tag", tag_field="kind"):
    """Name the present position of a pool."""

    ask: int
    pool: str
    name: str


class ExportPool(msgspec.Struct, kw_only=True, tag="export", tag_field="kind"):
    """Write a pool to a file, named from the kernel's folder."""

    ask: int
    pool: str
    file: str


class DeletePool(msgspec.Struct, kw_only=True, tag="delete", tag_field="kind"):
    """Remove a pool for good; the page has asked the person."""

    ask: int
    pool: str


class AskNames(msgspec.Struct, kw_only=True, tag="names", tag_field="kind"):
    """Which names a cell may use: answered by :class:`Names`."""

    ask: int


class CheckCell(msgspec.Struct, kw_only=True, tag="check", tag_field="kind"):
    """Read a team's description as its cell would: answered by :class:`Checked`."""

    ask: int
    text: str
    """All of the cell."""


class AskPicture(msgspec.Struct, kw_only=True, tag="picture", tag_field="kind"):
    """How a run stands whose picture in the notebook is from its midst: answered by :class:`PictureNow`."""

    ask: int
    pool: str
    run: str
    mark: str
    """That of the picture."""


class PoolRow(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as the panel lists it; None is what has not been read yet, or cannot be known."""

    name: str
    current: bool
    """Whether it is the one that magics take where none is named."""
    state: str
    """``running``, ``waiting`` (for a person), how its latest run ended (``finished``, ``stopped``, ``failed``,
    ``lost``), ``said`` (by people, without a team), ``empty``; no word where it has not been read."""
    size: int | None
    """Bytes on the disk."""
    events: int | None
    tokens: int | None
    estimated: bool
    """The tokens, and so the cost, are an upper bound."""
    cost: float | None
    """US dollars, of all that was ever said in it; None where a price is not known."""


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the panel lists it."""

    id: str
    pool: str
    state: str
    """``running``, or why it ended (``turns``, ``stopped`` …), or ``lost``."""
    here: bool
    """Whether this kernel holds it."""
    owner: str
    """Which process does, in words."""
    task: str
    agents: list[str]
    tokens: int
    estimated: bool
    cost: float | None


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What may not be done before a person agrees."""

    pool: str
    id: str
    """The question's name; those that are alike are one question."""
    agents: list[str]
    """Who asks."""
    what: list[str]
    """The calls, each in a line."""
    seen: dict[str, int]
    """Their ids, each with what a voter has to know: a vote on what has changed since does not count."""
    why: str
    """How the votes stand, and why it is asked again."""
    warning: str
    """What its gate lets pass that others would not; empty for a strict one."""
    until: str
    """Until when votes count, as a clock has it; empty without a limit."""


class Running(msgspec.Struct, frozen=True, kw_only=True, tag="running", tag_field="kind"):
    """The runs of this kernel that have not ended."""

    runs: list[RunRow]
    current: str
    """The pool that magics take where none is named."""


class Overview(msgspec.Struct, frozen=True, kw_only=True, tag="overview", tag_field="kind"):
    """The store at one glance."""

    store: str
    pools: list[PoolRow]
    runs: list[RunRow]
    """What runs, and the latest of what has ended."""
    waiting: list[WaitingRow]
    problem: str = ""
    """Why the store cannot be read."""


class PoolDocument(msgspec.Struct, frozen=True, kw_only=True, tag="document", tag_field="kind"):
    """A pool's document as it is now."""

    pool: str
    parts: dict[str, str]
    """The HTML of turns by their places, from 0, as far as it is not what this page was sent before.

    Made by ``display``: everything that people and models wrote is escaped in it.
    """
    turns: int
    """How many there are; a page drops those that it has beyond."""
    events: int


class Names(msgspec.Struct, frozen=True, kw_only=True, tag="names", tag_field="kind"):
    """Which names a cell may use."""

    ask: int
    tools: list[str]
    """Functions of the notebook."""
    models: list[str]
    pools: list[str]


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag="checked", tag_field="kind"):
    """What the parser says of a cell."""

    ask: int
    line: int
    """Of the cell, from 1; 0 where all is well, or where it is a matter of the whole."""
    text: str
    """What is wrong; empty where all is well."""


class PictureNow(msgspec.Struct, frozen=True, kw_only=True, tag="pictured", tag_field="kind"):
    """What stands in a notebook for where a run cannot be shown, as it is now."""

    ask: int
    html: str
    text: str
    ended: bool
    """Whether it will stay like this."""


class ErrandDone(msgspec.Struct, frozen=True, kw_only=True, tag="answer", tag_field="kind"):
    """What was asked for has been done, or was not, and why."""

    ask: int
    text: str
    failed: bool = False


Errand = StopRun | CastVote | TagPool | ExportPool | DeletePool | AskNames | CheckCell | AskPicture
FromPage = Watch | Errand
ToPage = Running | Overview | PoolDocument | Names | Checked | PictureNow | ErrandDone
