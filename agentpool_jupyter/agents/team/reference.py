"""The reference page of ``%%agents`` cells, written from their schema: ``notebooks/reference.md``."""

from __future__ import annotations

from typing import Any

from .schema import team_schema

_TITLES = {
    "team": "A team",
    "agent": "An agent, below `agents:`",
    "budget": "`budget:`",
    "recall": "`recall:`",
    "gate": "A gate, below `gates:`",
    "price": "`price:`",
    "run_limits": "`run_limits:`",
    "sub_team": "A team below a team, below `teams:`",
}
_HEAD = """\
# What a cell of `%%agents` may say

A cell is a plain task, or a team in YAML with the keys below; what is left out has its default. `{{name}}` is filled
from the notebook's variables. Where a team and one of its agents may both say something, the agent's word holds for it.
This page is written from the schema that `%agents schema` prints:
`python -m agentpool_jupyter.agents.team.reference > notebooks/reference.md`.
"""


def reference_page() -> str:
    """Return the page, in Markdown."""
    definitions = team_schema()["$defs"]
    team = definitions["team"]["properties"]
    parts = [_HEAD]
    for name, title in _TITLES.items():
        struct = _struct_of(definitions[name])
        known = team if name == "sub_team" else {}
        rows = [_row(key, shape, struct) for key, shape in struct["properties"].items() if known.get(key) != shape]
        rest = "\nAnd all other keys of a team but `task`.\n" if known else ""
        parts.append(
            "\n".join([f"## {title}\n", "| key | takes | what it means |", "|---|---|---|", *rows]) + "\n" + rest
        )
    return "\n".join(parts)


def _struct_of(definition: dict[str, Any]) -> dict[str, Any]:
    return next((one for one in definition.get("anyOf", ()) if "properties" in one), definition)


def _row(key: str, shape: dict[str, Any], struct: dict[str, Any]) -> str:
    needed = ", needed" if key in struct.get("required", ()) else ""
    examples = ", ".join(f"`{example}`" for example in shape.get("examples", ()))
    text = shape["description"] + (f" Such as {examples}." if examples else "")
    return f"| `{key}` | {_takes(shape)}{needed} | {text.replace('|', chr(92) + '|')} |"


def _takes(shape: dict[str, Any]) -> str:  # noqa: PLR0911 - one line for each kind
    """Return in words what a schema takes."""
    if "$ref" in shape:
        return "keys of its own"
    if "enum" in shape:
        return ", ".join(f"`{str(one).lower()}`" for one in shape["enum"] if one is not False)
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(map(_takes, shape["anyOf"])))
    match shape["type"]:
        case "integer" | "number" as kind:
            top = f" to {shape['maximum']:g}" if "maximum" in shape else " up"
            return f"{'whole number' if kind == 'integer' else 'number'} from {shape['minimum']:g}{top}"
        case "boolean":
            return "`true` or `false`"
        case "array":
            return "a list"
        case "object":
            return "keys of its own"
    return "text"


if __name__ == "__main__":
    print(reference_page(), end="")  # noqa: T201 - a program's output
