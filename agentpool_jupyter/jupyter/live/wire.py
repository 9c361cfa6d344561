"""What travels between kernel and widget, typed once: ``labextension/src/wire.ts`` is its mirror.

Both sides are tested against the same fixtures (``tests/jupyter/wire/*.json``). The kernel sends a
:class:`.State` when a view opens or asks for one, and numbered :class:`.Patch` messages in between; a view that
sees a gap in ``seq`` asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.display.screen import Patch, State, Then

from .cards import About, Alike, Card, Spread, Untold

if TYPE_CHECKING:
    from ipywidgets import Widget


class Hello(msgspec.Struct, kw_only=True, tag="hello", tag_field="kind"):
    """A view opened, or saw a gap: send the state."""


class Stop(msgspec.Struct, kw_only=True, tag="stop", tag_field="kind"):
    """The stop button."""


class Say(msgspec.Struct, kw_only=True, tag="say", tag_field="kind"):
    """A person's message to the team."""

    text: str


class Resolve(msgspec.Struct, kw_only=True, tag="resolve", tag_field="kind"):
    """A person agrees to what waits, or refuses it."""

    id: str
    accept: bool
    text: str = ""
    """Why, or the answer to a question."""
    seen: int | None = None
    """What the question said of what was seen; None where a page does not say, then it is as of now."""
    more: dict[str, int] = {}
    """The other calls that were shown with it, each with the same."""


class Look(msgspec.Struct, kw_only=True, tag="look", tag_field="kind"):
    """A view asks how everything stood at a moment."""

    view: str
    """Whom the answer is for: all views hear it."""
    at: int
    """In milliseconds since the epoch."""


class Ask(msgspec.Struct, kw_only=True, tag="ask", tag_field="kind"):
    """A view asks about a turn."""

    view: str
    """Whom the answer is for, as of :class:`Look`."""
    turn: str
    about: About
    text: str = ""
    """The words whose ``spread`` is asked for."""
    prompt: int | None = None
    """The offset of the prompt whose words are wanted on the ``card``; None is the first that counts."""


class ActAt(msgspec.Struct, kw_only=True, tag="act", tag_field="kind"):
    """A view asks for what a magic does at a position: a moment of the timeline, or a turn."""

    view: str
    """Whom the answer is for: all views hear it."""
    action: str
    """``rollback``, ``branch`` or ``diff`` (with now); others are answered with an error."""
    at: str
    """The position, as after a magic: an offset or a turn's name."""
    name: str = ""
    """That of the new branch; empty is any."""
    sure: bool = False
    """Whether the person has seen what a rollback leaves behind; it is only told before."""


class ActOutcome(msgspec.Struct, kw_only=True, tag="outcome", tag_field="kind"):
    """What came of an :class:`ActAt`, for the view that asked."""

    view: str
    action: str
    at: str
    told: str
    """In a line: what was done, what would leave the document, or why it cannot be done."""
    effects: list[str] = []
    """What was done outside the pool after the position, and is not undone, in a line each."""
    html: str = ""
    """What changed or would change, as ``%diff`` shows it; everything from the pool is escaped in it."""
    asks: bool = False
    """Nothing was done yet: the person is asked whether they are sure."""
    failed: bool = False


class Problem(msgspec.Struct, kw_only=True, tag="problem", tag_field="kind"):
    """What a view asked for could not be done; shown for a while."""

    text: str


ToView = State | Patch | Then | ActOutcome | Problem | Card | Alike | Spread | Untold
ToKernel = Hello | Stop | Say | Resolve | Look | ActAt | Ask


def hear_at_once(widget: Widget) -> None:
    """Have messages to a widget go where their sender addressed them, as in other versions of ipykernel.

    ipykernel 7.4 hands each message for a comm to the subshell of the request that the comm's last message belonged to.
    That may be the cell that blocks, or a subshell that is gone since the page was reloaded: a click would wait or be
    refused.
    """
    hear_comm_at_once(widget.comm)


def hear_comm_at_once(comm: Any) -> None:
    """Do the same for a comm without a widget."""
    comm._reply_subshell_for = None  # noqa: SLF001 - there is no public way
