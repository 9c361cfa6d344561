"""What travels between kernel and widget, typed once: ``labextension/src/wire.ts`` is its mirror.

Both sides are tested against the same fixtures (``tests/jupyter/wire/*.json``). The kernel sends a
:class:`.State` when a view opens or asks for one, and numbered :class:`.Patch` messages in between; a view that
sees a gap in ``seq`` asks again.
"""

from __future__ import annotations

import msgspec

from agentpool_jupyter.display.screen import Patch, State


class Hello(msgspec.Struct, kw_only=True, tag="hello", tag_field="kind"):
    """A view opened, or saw a gap: send the state."""


class Stop(msgspec.Struct, kw_only=True, tag="stop", tag_field="kind"):
    """The stop button."""


class Say(msgspec.Struct, kw_only=True, tag="say", tag_field="kind"):
    """A person's message to the team."""

    text: str


class Problem(msgspec.Struct, kw_only=True, tag="problem", tag_field="kind"):
    """What a view asked for could not be done; shown for a while."""

    text: str


ToView = State | Patch | Problem
ToKernel = Hello | Stop | Say
