"""What a cell may say, as a JSON schema (draft 2020-12): derived from the readers that the parser reads with.

Keys, bounds and choices come from :data:`.parse.READERS`; what stands here is which JSON each kind of reader takes, and
a sentence on each key. Editors check with it while one types. A text that the parser takes is valid; what depends on
other parts of the text (who listens to whom, which tools have gates) only the parser knows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from agentpool_jupyter.pool.votes import POLICIES
from agentpool_jupyter.privacy.redaction.identifiers import KINDS

from .about import ABOUT, ABOUT_GROUPS, EXAMPLES
from .fields import MANY, NumberReader
from .keys import NOT_IN_OPTIONS
from .parse import LONGEST_NAME, READERS
from .spec import RECALL_SOURCES, DriftKind

if TYPE_CHECKING:
    from .fields import Readers

    Schema = dict[str, Any]

_NOT_IN_NAMES = r"\s!-,./:-@\[-^`{-~"  # of ASCII; what letters of other alphabets are, patterns cannot say everywhere
_IDENTIFIER = rf"^[^\d\-{_NOT_IN_NAMES}][^\-{_NOT_IN_NAMES}]*$"
_AGENT_NAME = rf"^(?!(task|you)$)[^\d\-{_NOT_IN_NAMES}][^{_NOT_IN_NAMES}]{{0,{LONGEST_NAME - 1}}}$"

_TEXT: Schema = {"type": ["string", "number", "boolean"], "pattern": r"\S"}  # to a text, `2` is one as well
_FLAG: Schema = {"type": "boolean"}


def _one_or_more(one: Schema, *others: Schema, least: int = 0) -> Schema:
    many = {"type": "array", "items": one} | ({"minItems": least} if least else {})
    return {"anyOf": [*others, one, many]}


_SERVER: Schema = {
    "type": "object",
    "properties": {"mcp": _one_or_more({"type": "string"})},
    "additionalProperties": False,
    "required": ["mcp"],
}
_SHAPES: dict[str, Schema] = {
    "text": _TEXT,
    "flag": _FLAG,
    "agents": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": _AGENT_NAME},
        "additionalProperties": {"$ref": "#/$defs/agent"},
    },
    "listens": _one_or_more({"type": "string"}),
    "voters": _one_or_more({"type": "string"}),
    "budget": {"$ref": "#/$defs/budget"},
    "price": {"$ref": "#/$defs/price"},
    "run_limits": {"$ref": "#/$defs/run_limits"},
    "recall": {"anyOf": [_FLAG, {"$ref": "#/$defs/recall"}]},
    "sources": _one_or_more({"enum": list(RECALL_SOURCES)}, least=1),
    "options": {"type": "object", "properties": dict.fromkeys(NOT_IN_OPTIONS, False)},
    "headers_env": {
        "type": "object",
        "propertyNames": {"pattern": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"},
        "additionalProperties": {"type": ["string", "boolean"], "pattern": r"^[A-Za-z_][A-Za-z0-9_]*$"},
    },
    "tools": _one_or_more({"anyOf": [{"type": "string", "pattern": _IDENTIFIER}, _SERVER]}),
    "run": _one_or_more({"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"}),
    "redact": _one_or_more({"enum": list(KINDS)}, {"enum": [True]}, least=1),
    "on_drift": {
        "type": "object",
        "properties": {kind: {"enum": ["stop", "warn"]} for kind in get_args(DriftKind)},
        "additionalProperties": False,
    },
    "until": {"type": ["string", "boolean"], "pattern": _IDENTIFIER},  # a function may be called `yes`
    "gates": {"type": "object", "additionalProperties": {"$ref": "#/$defs/gate"}},
    "teams": {
        "type": "object",
        "propertyNames": {"pattern": _IDENTIFIER},
        "additionalProperties": {"$ref": "#/$defs/sub_team"},
    },
    "policy": {"enum": list(POLICIES)},
    "weights": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
    "span": {
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(s|min|h|d)?\s*$"},
        ]
    },
    "stale": {"enum": ["ask", "ok"]},
    "absent": {"enum": ["no", "abstain", "ask", False]},  # `no` is false to YAML
}
"""What each reader of the parser takes, by its name."""

_GROUPS = {
    "team": ("a team", {"required": ["task"]}),
    "sub_team": ("one of teams", {"required": ["agents"]}),
    "agent": ("an agent", {}),
    "budget": ("budget", {}),
    "run_limits": ("run_limits", {}),
    "recall": ("recall", {}),
    "price": ("price", {"required": ["input", "output"]}),
    "gate": ("a gate", {"required": ["ask"]}),
}
"""The schema's definitions: which of the parser's tables each is, and what has to be there."""


def team_schema() -> dict[str, Any]:
    """Return the JSON schema of a team's description, fresh and yours."""
    definitions = {name: _struct(name, READERS[what]) | more for name, (what, more) in _GROUPS.items()}
    # A role alone is an agent, too, and so is a name with nothing behind it.
    definitions["agent"] = {"anyOf": [{"type": ["string", "number", "boolean", "null"]}, definitions["agent"]]}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A team, as the cell of %%agents describes it",
        "$ref": "#/$defs/team",
        "$defs": definitions,
    }
    copy: dict[str, Any] = json.loads(json.dumps(schema))
    return copy


def _struct(group: str, readers: Readers) -> Schema:
    properties = {}
    for key, reader in readers.items():
        about = ABOUT_GROUPS.get((group, key)) or ABOUT[key]
        properties[key] = {"description": about, **_shape(reader)}
        if key in EXAMPLES:
            properties[key]["examples"] = EXAMPLES[key]
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _shape(reader: Any) -> Schema:
    if not isinstance(reader, NumberReader):
        return _SHAPES[reader.__name__]
    shape: Schema = {"type": "integer" if reader.kind is int else "number", "minimum": reader.low}
    return shape if reader.high == MANY else shape | {"maximum": reader.high}


if __name__ == "__main__":
    print(json.dumps(team_schema(), indent=1, ensure_ascii=False))  # noqa: T201 - a program's output
