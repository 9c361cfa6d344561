"""The wire between kernel and widget: the fixtures here are also read by ``labextension/test/wire.test.ts``."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from agentpool_jupyter.display.screen import Patch, State
from agentpool_jupyter.jupyter.live.wire import Say, Stop, ToKernel, ToView

FIXTURES = sorted((Path(__file__).parent / "wire").glob("*.json"))


def read(name: str) -> bytes:
    return next(path for path in FIXTURES if path.name == name).read_bytes()


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_every_fixture_survives_a_round_trip(path):
    """Decoding and encoding gives the same JSON, so that nothing in a fixture is unknown here."""
    kind = ToView if path.name.startswith("view-") else ToKernel
    message = msgspec.json.decode(path.read_bytes(), type=kind)
    assert msgspec.to_builtins(message) == json.loads(path.read_text(encoding="utf-8"))


def test_every_kind_of_message_has_a_fixture():
    """A message that is added to the protocol needs a fixture for both sides."""
    kinds = {json.loads(path.read_text(encoding="utf-8"))["kind"] for path in FIXTURES}
    structs = (*ToView.__args__, *ToKernel.__args__)
    assert {struct.__struct_config__.tag for struct in structs} == kinds


def test_fields_of_a_newer_writer_are_ignored():
    """An older reader takes what it knows."""
    newer = json.loads(read("view-state.json"))
    newer["weather"] = {"sky": "blue"}
    newer["agents"][0]["mood"] = "calm"
    assert msgspec.convert(newer, ToView) == msgspec.json.decode(read("view-state.json"), type=State)


def test_positions_count_utf16_code_units():
    """The fixture's second piece belongs where JavaScript's ``String.length`` puts it."""
    state = msgspec.json.decode(read("view-state.json"), type=State)
    first, second = msgspec.json.decode(read("view-patch.json"), type=Patch).append
    before = next(turn.text for turn in state.turns if turn.id == first.turn)
    assert first.at == len(before.encode("utf-16-le")) // 2
    assert second.at == len((before + first.text).encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    "content",
    [{"kind": "dance"}, {}, "hello", None, {"kind": "say"}, {"kind": "say", "text": 1}],
    ids=["unknown kind", "no kind", "no object", "nothing", "missing field", "wrong type"],
)
def test_what_is_no_message_to_the_kernel_is_refused(content):
    """The widget ignores it; here it is a validation error."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(content, ToKernel)


def test_the_widget_hands_on_what_it_knows_and_ignores_the_rest():
    """A newer page may send more; a listener sees typed messages only."""
    from agentpool_jupyter.jupyter.live.widget import FrontEnd, TeamWidget

    widget, heard = TeamWidget(FrontEnd()), []
    try:
        widget.on_view_message(heard.append)
        for content in ({"kind": "dance"}, {"kind": "say", "text": "Hello"}, {"kind": "stop", "newer": True}):
            widget.comm.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
        assert heard == [Say(text="Hello"), Stop()]
    finally:
        widget.close()


def test_the_snapshot_is_the_state_that_was_kept():
    """What a page without a kernel reads is the same message as on the wire."""
    from agentpool_jupyter.jupyter.live.widget import FrontEnd, TeamWidget

    widget, state = TeamWidget(FrontEnd()), msgspec.json.decode(read("view-state.json"), type=State)
    try:
        widget.show_state(state)
        assert widget.snapshot == ""
        widget.show_state(state, keep=True)
        assert msgspec.json.decode(widget.snapshot, type=ToView) == state
    finally:
        widget.close()
