"""Calls of tools in words, for servers that do not know ``tools``: the model is told how to write one, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .answer import AskedCall
from .dialect import held_to

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HOW = (
    "You may call these functions. To call one, answer with nothing but one line of JSON, like "
    '{"tool": "name", "arguments": {…}}. You are told what it answers; then go on.'
)
_FENCE = "```"


def described(tools: Sequence[Mapping[str, Any]]) -> str:
    """Return what a model is told of tools, in words."""
    lines = [
        f"- {function['name']}: {function['description'] or 'no description'} Arguments: "
        f"{json.dumps(function['parameters'], ensure_ascii=False)}"
        for function in (tool["function"] for tool in tools)
    ]
    return "\n".join([_HOW, *lines])


def held_to_call(tools: Sequence[Mapping[str, Any]], choice: object) -> dict[str, Any]:
    """Return the fields that hold an answer to a call in words; none where ``choice`` leaves it free.

    ``choice`` is a request's ``tool_choice``: ``"required"``, or the one function that must be called.
    """
    functions = [tool["function"] for tool in tools]
    match choice:
        case "required":
            named = functions
        case {"function": {"name": name}}:
            named = [function for function in functions if function["name"] == name]
        case _:
            named = []
    if not named:
        return {}
    definitions: dict[str, Any] = {}
    for function in named:  # a schema refers to its definitions from the root
        definitions |= function["parameters"].get("$defs", {})
    return held_to("call", {"anyOf": [_call_of(function) for function in named], "$defs": definitions})


def _call_of(function: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {name: value for name, value in function["parameters"].items() if name != "$defs"}
    return {
        "type": "object",
        "properties": {"tool": {"const": function["name"]}, "arguments": arguments},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }


def may_be_call(text: str) -> bool:
    """Return whether a text that is still coming may turn out to be a call, so that it is held back."""
    begun = text.lstrip()
    return not begun or begun.startswith(("{", _FENCE[: len(begun)], _FENCE))


def read_call(text: str) -> AskedCall | None:
    r"""Return the call that a text is, None where it is none.

    >>> read_call('```json\n{"tool": "stock", "arguments": {"item": "flour"}}\n```')
    AskedCall(id='', name='stock', arguments='{"item": "flour"}')
    >>> read_call("We have flour.")
    """
    bare = text.strip()
    if bare.startswith(_FENCE):
        bare = bare.removesuffix(_FENCE).partition("\n")[2].strip()
    try:
        found = json.loads(bare)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("tool"), str):
        return None
    return AskedCall(name=found["tool"], arguments=json.dumps(found.get("arguments") or {}, ensure_ascii=False))


def spoken(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return messages with calls, and what tools answered, as messages that any server takes."""
    told: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "tool":
            told.append({"role": "user", "content": f"It answers: {message['content']}"})
        elif "tool_calls" in message:
            calls = [call["function"] for call in message["tool_calls"]]
            lines = [f'{{"tool": {json.dumps(one["name"])}, "arguments": {one["arguments"]}}}' for one in calls]
            told.append({"role": "assistant", "content": "\n".join(filter(None, [message["content"], *lines]))})
        else:
            told.append(dict(message))
    return told


def with_exchange(
    prompt: Sequence[Mapping[str, Any]], exchange: Sequence[Mapping[str, Any]], in_words: str | None
) -> list[dict[str, Any]]:
    """Return a prompt with calls of tools and their answers behind it.

    ``in_words`` is what a server that does not know tools is told of those that may still be called; None for others.
    """
    messages = [dict(message) for message in (*prompt, *exchange)]
    if in_words is not None:
        messages = spoken(messages)
        if in_words:
            messages[0]["content"] += f"\n\n{in_words}"
    return messages
