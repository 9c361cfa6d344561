"""How a server wants to be asked: learned from its refusals, and remembered.

Servers refuse what OpenAI's own takes: a parameter that they do not know, a temperature for a model that thinks, a
message of role ``system``. Each refusal teaches one thing, and the request is sent again without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .refusals import Said

TOOLS = "tools"
"""The field of a request that describes what may be called."""
CHOICE = "tool_choice"
"""The field that says whether something must be called."""
FORMAT = "response_format"
"""The field that holds an answer to a JSON schema."""
_ABOUT_TOOLS = {CHOICE, "parallel_tool_calls"}  # servers refuse these beside no tools
ADAPTABLE = frozenset({400, 422})
"""The statuses of refusals that may teach something."""
_PARAMETERS = re.compile(
    r"\b(max_completion_tokens|max_tokens|stream_options|temperature|seed|stop|tools|response_format)\b"
)
_UNKNOWN = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|extra|not permitted|not allowed|deprecated",
    re.IGNORECASE,
)
_UNWELCOME = re.compile(r"invalid|only .{0,40}allowed|not available|no longer|must be", re.IGNORECASE)
_SYSTEM = re.compile(r"system.{0,20}(?:role|message|prompt)|role.{0,20}system|roles? must alternate", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """What a server takes."""

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    swapped: bool = False
    leave_out: frozenset[str] = frozenset()
    system: bool = True
    """It takes messages of role ``system``; else they are put in front of the person's."""

    def after(self, status: int, said: Said) -> Dialect | None:
        """Return the dialect that heeds a refusal, or None where there is nothing to learn from it."""
        if status not in ADAPTABLE:
            return None
        if self.system and _SYSTEM.search(said.text):
            return replace(self, system=False)
        found = _PARAMETERS.search(said.parameter) or _PARAMETERS.search(said.text)
        if found is None:
            return None
        # That a limit is invalid may mean its number: another name for it, which is passed over, would be no limit.
        unwelcome = _UNWELCOME.search(said.text) and found.group(1) != self.limit
        return self._without(found.group(1)) if unwelcome or _UNKNOWN.search(said.text) else None

    def _without(self, parameter: str) -> Dialect | None:
        """Return a dialect that avoids a parameter; the limit is never left out: budgets are reserved by it."""
        if parameter == self.limit and not self.swapped:
            other: Any = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}[self.limit]
            return replace(self, limit=other, swapped=True)
        if parameter == self.limit or parameter in self.leave_out:
            return None
        return replace(self, leave_out=self.leave_out | {parameter})

    def body(
        self, messages: Sequence[Mapping[str, Any]], max_tokens: int, options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the fields of a request beside its model.

        Of the options, those that are None are left out, and without tools those that are about tools.
        """
        wanted = {self.limit: max_tokens, "stream": True, "stream_options": {"include_usage": True}, **options}
        out = self.leave_out if options.get(TOOLS) and TOOLS not in self.leave_out else self.leave_out | _ABOUT_TOOLS
        fields = {name: value for name, value in wanted.items() if name not in out and value is not None}
        return {"messages": list(messages) if self.system else _without_system(messages), **fields}


def held_to(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that hold its answer to a JSON schema; who refuses them is asked without."""
    return {FORMAT: {"type": "json_schema", "json_schema": {"name": name, "schema": dict(schema)}}}


def _without_system(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return messages of which the first of a person begins with what the system had said."""
    told = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    rest = [dict(message) for message in messages if message["role"] != "system"]
    first = next((message for message in rest if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": told}, *rest]
    first["content"] = f"{told}\n\n{first['content']}"
    return rest
