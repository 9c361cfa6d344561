"""What editors are told that a cell may say is what the parser reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from agentpool_jupyter.agents.team.about import ABOUT, ABOUT_GROUPS, EXAMPLES
from agentpool_jupyter.agents.team.parse import READERS, parse_team
from agentpool_jupyter.agents.team.reference import reference_page
from agentpool_jupyter.agents.team.schema import team_schema
from agentpool_jupyter.errors import SpecError
from tests.conftest import ROOT

SCHEMA = team_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
VALUES = [
    *(
        "x",
        "''",
        "~",
        "2",
        "0",
        "-1",
        "2.0",
        "2.5",
        "0.3",
        "1e10",
        "true",
        "no",
        "[]",
        "{}",
        "[a, b]",
        "[1]",
    ),
    *(
        "'two words'",
        "5 min",
        "'5'",
        "1.5 h",
        "everyone",
        "[everyone]",
        "{a: 1}",
        "{a: b}",
        "{a: -1}",
        "[pytest, python]",
    ),
    *("{from: []}", "{looping: stop}", "{looping: on}", "{gloomy: warn}", "email", "[email, nothing]", "ok"),
    *("{tokens: 5}", "{tokens: 0}", "{seconds: 2, tokens: x}", "{input: 1}", "{input: 1, output: 2}", "{k: 2}"),
    *(
        "{k: 99}",
        "{from: [pools]}",
        "{from: web}",
        "{mcp: x}",
        "[{mcp: [a, b]}, c]",
        "{mcp: x, y: z}",
        "majority",
        "ask",
    ),
    *("{send: {ask: you}}", "{send: {}}", "{send: {ask: [a], policy: most}}", "{send: {ask: you, within: soon}}"),
    *("{a: {role: x}}", "{a: {rule: x}}", "{a: x}", "{you: x}", "{a: }", "{'a b': x}", "{ä-1: x}", "{messages: []}"),
    *(
        "{t: {agents: {b: x}, about: y}}",
        "{t: {task: x, agents: {b: x}}}",
        "{memory: 4096}",
        "{memory: 4}",
        "{top_p: 0.9}",
    ),
    *("{X-Key: MY_KEY}", "{X-Key: my key}", "{X Key: K}"),
]


def plain(text):
    """YAML as JSON knows it: texts stand for what JSON does not have."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


@pytest.mark.parametrize("group", ["team", "agent"])
def test_a_value_is_valid_where_the_parser_takes_it(group):
    """Every key with each of many values; what other parts of the text decide is left out."""
    for key in READERS[{"team": "a team", "agent": "an agent"}[group]]:
        for value in VALUES:
            if group == "team":
                text = f"{key}: {value}\n" + "task: x\n" * (key != "task")
            else:
                text = f"task: x\nagents:\n  one: {{{key}: {value}}}\n"
            try:
                parse_team(text, warn=len)
                wrong = ""
            except SpecError as error:
                wrong = str(error)
            found = [one.message for one in VALIDATOR.iter_errors(plain(text))]
            elsewhere = (
                "no agent of this team",
                "nobody can hand a task",
                "is no tool of any",
                "nobody may speak",
                "already",
            )
            if any(part in wrong for part in elsewhere):
                continue
            assert bool(found) == bool(wrong), (text, wrong, found)


_WORDS = st.sampled_from(sorted({key for readers in READERS.values() for key in readers} | {"a", "b", "x"}))
_PLAIN = st.recursive(
    st.sampled_from(VALUES).map(yaml.safe_load) | st.integers(-1, 10**10) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_WORDS, _PLAIN, max_size=5))
@example({"agents": {"a": None}})
@example({"agents": {"a": {"role": "x", "calls": 2}}, "gates": {}})
def test_what_the_parser_takes_is_valid(team):
    """An editor never underlines what would run."""
    text = yaml.safe_dump({"task": "x", **team}, sort_keys=False)
    try:
        parse_team(text, warn=len)
    except SpecError:
        return
    assert [error.message for error in VALIDATOR.iter_errors(plain(text))] == []


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_each_key_is_told_of_and_nothing_else():
    keys = {key for readers in READERS.values() for key in readers}
    assert keys == ABOUT.keys() | {key for _, key in ABOUT_GROUPS}
    assert set(EXAMPLES) <= keys


@pytest.mark.parametrize("key", EXAMPLES)
def test_the_examples_are_valid(key):
    groups = [
        next(one for one in [group, *group.get("anyOf", ())] if "properties" in one)
        for group in SCHEMA["$defs"].values()
    ]
    schema = next(group["properties"][key] for group in groups if key in group["properties"])
    for text in EXAMPLES[key]:
        jsonschema.validate(
            plain(text), {**SCHEMA, "$ref": "#/$defs/none", "$defs": {**SCHEMA["$defs"], "none": schema}}
        )


@pytest.mark.parametrize(
    ("path", "made", "module"),
    [
        ("notebooks/reference.md", reference_page(), "reference"),
        ("labextension/lab/src/schema.json", json.dumps(SCHEMA, indent=1, ensure_ascii=False) + "\n", "schema"),
    ],
)
def test_what_is_made_of_the_parser_is_up_to_date(path, made, module):
    command = f"python -m agentpool_jupyter.agents.team.{module} > {path}"
    assert Path(ROOT, path).read_text("utf-8") == made, f"made of another version of the parser: {command}"


def test_the_readme_links_the_page():
    assert re.search(r"\(notebooks/reference\.md\)", Path(ROOT, "README.md").read_text("utf-8"))
