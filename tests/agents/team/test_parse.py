"""From a cell's text to a team: what is understood, and errors that name the line and the fix."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentpool_jupyter.agents.team.parse import parse_team
from agentpool_jupyter.agents.team.spec import DEFAULT_AGENTS, AgentSpec, Budget, Price, RecallSpec, TeamSpec
from agentpool_jupyter.errors import SpecError, SpecWarning

DESIGN = """\
task: Plan the opening of a neighbourhood bakery.
turns: 2                     # most turns per agent
budget: {tokens: 20000, seconds: 120}
agents:
  planner: Drafts the plan, most important step first.      # shorthand for role:
  critic:
    role: Names the weakest claim and says why.
    listens: [planner]
    model: local
  checker:
    python: check_plan
"""


def team(agents="  a: Thinks.", rest="task: Bread"):
    return parse_team(f"{rest}\nagents:\n{agents}\n")


# What is understood ---------------------------------------------------------------------------------------


def test_the_team_of_the_design():
    assert parse_team(DESIGN) == TeamSpec(
        task="Plan the opening of a neighbourhood bakery.",
        turns=2,
        budget=Budget(tokens=20_000, seconds=120.0),
        agents=(
            AgentSpec(name="planner", role="Drafts the plan, most important step first."),
            AgentSpec(name="critic", role="Names the weakest claim and says why.", listens=("planner",), model="local"),
            AgentSpec(name="checker", python="check_plan"),
        ),
    )


def test_every_setting():
    spec = parse_team(
        """
task: Bread
model: m
base_url: http://127.0.0.1:8000/v1
api_key_env: MY_KEY
max_tokens: 50
temperature: 0.5
seed: 7
context: 2000
attempts: 2
silence: 5
flush: 0.05
price: {input: 0.15, output: 0.6}
headers_env: {X-Gateway: GATEWAY}
ca_file: ~/ca.pem
options: {top_p: 0.9, stop: [a, "1"], logit_bias: {"7": -1}}
parallel: 4
agents:
  a: {role: Thinks., turns: 0, max_tokens: 9, temperature: 0, price: {input: 0, output: 1.5, cached: 0.5}}
  b: {role: Speaks., turns: 3, model: other, base_url: http://b/v1, api_key_env: B, listens: [task]}
"""
    )
    assert (spec.model, spec.base_url, spec.api_key_env) == ("m", "http://127.0.0.1:8000/v1", "MY_KEY")
    assert (spec.max_tokens, spec.temperature, spec.seed, spec.context) == (50, 0.5, 7, 2000)
    assert (spec.attempts, spec.silence, spec.flush) == (2, 5.0, 0.05)
    assert spec.price == Price(input=0.15, output=0.6)
    assert (spec.headers_env, spec.ca_file, spec.parallel) == ({"X-Gateway": "GATEWAY"}, "~/ca.pem", 4)
    assert spec.options == {"top_p": 0.9, "stop": ["a", "1"], "logit_bias": {"7": -1}}
    a, b = spec.agents
    assert (a.turns, a.max_tokens, a.temperature, a.price) == (0, 9, 0.0, Price(input=0, output=1.5, cached=0.5))
    assert (b.turns, b.model, b.base_url, b.api_key_env, b.listens) == (3, "other", "http://b/v1", "B", ("task",))
    assert TeamSpec.from_dict(spec.to_dict()) == spec


def test_how_a_team_reads():
    """Each agent's own word comes first, also where it says that it does not; what is not said is the team's."""
    spec = parse_team(
        """
task: Bread
stride: 40
interrupt: true
recall: {k: 5, threshold: 0.6, from: [pool, library]}
agents:
  a: {stride: 0, interrupt: false, recall: {from: pools}}
  b: Speaks.
"""
    )
    a, b = spec.agents
    assert (spec.stride_of(a), spec.interrupts(a)) == (0, False)
    assert spec.recall_of(a) == RecallSpec(k=3, threshold=0.5, sources=("pools",))
    assert (spec.stride_of(b), spec.interrupts(b)) == (40, True)
    assert spec.recall_of(b) == RecallSpec(k=5, threshold=0.6, sources=("pool", "library"))
    assert TeamSpec.from_dict(spec.to_dict()) == spec
    plain = team()
    assert (plain.stride_of(plain.agents[0]), plain.interrupts(plain.agents[0])) == (0, False)
    assert plain.recall_of(plain.agents[0]) is None


@pytest.mark.parametrize(("said", "meant"), [("true", RecallSpec()), ("false", None), ("{k: 1}", RecallSpec(k=1))])
def test_recall_in_one_word(said, meant):
    """``true`` is recall as usual; ``false`` is none, for one agent also where its team has some."""
    spec = parse_team(f"task: Bread\nrecall: {said}\nagents:\n  a: Speaks.\n  b: {{python: f}}")
    assert [spec.recall_of(agent) for agent in spec.agents] == [meant, meant]
    spec = parse_team(f"task: Bread\nrecall: {{k: 9}}\nagents:\n  a: {{recall: {said}}}\n  b: Speaks.")
    assert [spec.recall_of(agent) for agent in spec.agents] == [meant, RecallSpec(k=9)]
    assert TeamSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    "text",
    [
        "Plan a bakery.",
        "  Plan a bakery: cheap, quick and good.\n\nSteps:\n  - first: rent\n  - {second}\n",
        "Compare {a} with [b] & 'c' # not a comment",
        "Our agents: two cats. The task: feed them.",
        "  task: indented, so it is prose",
        "Task: with a capital",
        "tasks: many\nmy agents: few",
        "- a\n- list",
        "{}",
        "What is 2:30 in minutes? 100%",
        "\ttabs\tand \u00fcml\u00e4uts \U0001f35e",
    ],
)
def test_a_text_that_is_no_team_is_the_task_for_the_default_team(text):
    """Colons, braces, lists and the words themselves are prose, unless a line begins with ``task:`` or ``agents:``."""
    assert parse_team(text) == TeamSpec(task=text.strip(), agents=DEFAULT_AGENTS)


def test_a_task_alone_gets_the_default_team():
    assert parse_team("task: Bread\nturns: 1").agents == DEFAULT_AGENTS


def test_a_task_of_many_lines():
    assert parse_team("task: |\n  One: two\n  {three}\nagents:\n  a: x\n").task == "One: two\n{three}"


@pytest.mark.parametrize("empty", ["", "~", "null", '""'])
def test_an_agent_may_have_no_role(empty):
    assert team(f"  a: {empty}").agents == (AgentSpec(name="a"),)


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("42", "42"),
        ("yes", "yes"),
        ("2024-01-02", "2024-01-02"),
        ("2024-13-45", "2024-13-45"),
        ("1:2", "1:2"),
        ("=", "="),
    ],
)
def test_a_role_is_text_whatever_yaml_takes_it_for(text, role):
    """Dates, numbers and truth values are words here, also those that are none."""
    assert team(f"  a: {text}").agents[0].role == role


@pytest.mark.parametrize(
    ("text", "listens"),
    [
        ("[]", ()),
        ("[a, b, a]", ("a", "b")),
        ("a", ("a",)),
        ("everyone", None),
        ("[task]", ("task",)),
        ("[task, a]", ("task", "a")),
    ],
)
def test_listens(text, listens):
    spec = team(f"  a: x\n  b: x\n  c: {{role: x, listens: {text}}}")
    assert spec.agents[2].listens == listens


def test_a_whole_number_may_be_written_as_a_fraction():
    assert parse_team("task: x\nturns: 2.0").turns == 2
    assert isinstance(parse_team("task: x\nturns: 2.0").turns, int)


def test_an_anchor_may_be_used_twice():
    spec = team("  a: &one {role: Thinks., turns: 1}\n  b: *one")
    assert [(agent.name, agent.role, agent.turns) for agent in spec.agents] == [
        ("a", "Thinks.", 1),
        ("b", "Thinks.", 1),
    ]


def test_a_cycle_that_somebody_starts_is_fine():
    """Two who listen to each other speak, once the task or a third agent makes one of them."""
    team("  a: {listens: [b, task]}\n  b: {listens: [a]}")
    team("  a: {listens: [b, c]}\n  b: {listens: [a]}\n  c: x")


# What is refused ------------------------------------------------------------------------------------------

REFUSED = {
    "nothing at all": (" \n", None, "the task is empty: write what the team should do"),
    "an empty task": ("agents:\n  a: x\ntask:\n", 3, "`task` is empty: write some text"),
    "a blank task": ('task: "  "', 1, "`task` is empty"),
    "a null task": ("task: null", 1, "`task` is empty"),
    "no task": ("turns: 1\nagents:\n  a: x", 1, "the team has no task: add a line `task: …`"),
    "a list as task": ("task: [a]", 1, "`task` must be text"),
    "a misspelt key": ("task: x\nturn: 2", 2, "unknown key 'turn' for a team; did you mean 'turns'?"),
    "an unknown key": ("task: x\nzzz: 2", 2, "unknown key 'zzz' for a team; there are: agents, api_key_env,"),
    "a misspelt agent key": (
        "task: x\nagents:\n  a:\n    roll: x",
        4,
        "unknown key 'roll' for agent 'a'; did you mean 'role'?",
    ),
    "a misspelt budget key": (
        "task: x\nbudget:\n  token: 3",
        3,
        "unknown key 'token' for budget; did you mean 'tokens'?",
    ),
    "a price without output": ("task: x\nprice: {input: 1}", 2, "`price` needs both `input` and `output`"),
    "a key twice": (
        "task: x\nturns: 1\nturns: 2",
        3,
        "'turns' stands twice in a team (first on line 2): rename or remove one",
    ),
    "an agent twice": ("task: x\nagents:\n  a: x\n  b: y\n  a: z", 5, "'a' stands twice in agents (first on line 3)"),
    "no agents": ("task: x\nagents: {}", 2, "the team has no agents: add lines `  name: role` below `agents:`"),
    "null agents": ("task: x\nagents:", 2, "agents is written as `key: value` lines"),
    "a list of agents": ("task: x\nagents:\n  - a\n  - b", 3, "agents is written as `key: value` lines"),
    "a list as agent": ("task: x\nagents:\n  a: [x]", 3, "agent 'a' is written as `key: value` lines"),
    "a mapping as role": ("task: x\nagents:\n  a:\n    role: {x: y}", 4, "`role` must be text"),
    "a key that is a list": ("task: x\nagents:\n  ? [a]\n  : b", 3, "agents is written as `key: value` lines"),
    "a number as name": ("task: x\nagents:\n  1a: x", 3, "'1a' cannot name an agent: "),
    "a name with a space": ("task: x\nagents:\n  a b: x", 3, "'a b' cannot name an agent: "),
    "a hyphen first": ("task: x\nagents:\n  -a: x", 3, "'-a' cannot name an agent: "),
    "one name typed in two ways": ("task: x\nagents:\n  caf\u00e9: x\n  cafe\u0301: y", 4, "stands twice in agents"),
    "a text that is a comment": ("task: #12 first\nagents:\n  a: x", 1, "write some text, in quotes if it has a #"),
    "a text that goes on after a comment": ("task: Fix #12\n  and more\nagents: {}", 2, "ends before ' #': quote it"),
    "a comment within braces": ("task: x\nagents: {a: {role: is #1, turns: 2}}", 2, "ends before ' #': quote it"),
    "an endless name": (f"task: x\nagents:\n  {'a' * 41}: x", 3, "cannot name an agent: "),
    "a reserved name": ("task: x\nagents:\n  you: x", 3, "neither 'task' nor 'you'"),
    "an unknown ear": (
        "task: x\nagents:\n  planner: x\n  critic: {listens: [planer]}",
        4,
        "critic listens to 'planer', which is no agent of this team; did you mean 'planner'?",
    ),
    "an ear for itself": ("task: x\nagents:\n  a: {listens: [a]}\n  b: x", 3, "a listens to itself: leave it out"),
    "an ear that is no name": ("task: x\nagents:\n  a: {listens: [1]}", 3, "`listens` is a list of agents"),
    "an ear that is a mapping": ("task: x\nagents:\n  a: {listens: {b: 1}}", 3, "`[]` hears only the task"),
    "null ears": ("task: x\nagents:\n  a:\n    listens:", 4, "`listens` is a list of agents"),
    "a cycle": (
        "task: x\nagents:\n  z: {listens: []}\n  a: {listens: [b]}\n  b: {listens: [a]}",
        4,
        "a and b can never start: they only wait for agents that never speak; add 'task' to the `listens` of a",
    ),
    "waiting for the silent": ("task: x\nagents:\n  a: {turns: 0}\n  b: {listens: [a]}", 4, "b can never start"),
    "python and model": (
        "task: x\nagents:\n  a: {python: f, model: m}",
        3,
        "agent 'a' has both `python` and `model`: keep one",
    ),
    "a key that has a place of its own": (
        "task: x\noptions:\n  max_tokens: 4",
        3,
        "`options` cannot have 'max_tokens': write `max_tokens` beside it",
    ),
    "a list of options": ("task: x\noptions: [top_p]", 2, "options is written as `key: value` lines"),
    "an option that is no JSON": ("task: x\noptions: {day: 2020-01-01}", 2, "`options` is sent as JSON"),
    "a header's value": (
        "task: x\nheaders_env:\n  X-Key: sk-123",
        3,
        "`headers_env` names environment variables, like {X-Key: MY_VARIABLE}, never values",
    ),
    "a header that is none": ("task: x\nheaders_env:\n  'X Key': A", 3, "'X Key' cannot name a header"),
    "no calls at once": ("task: x\nparallel: 0", 2, "`parallel` must be a whole number from 1 to 10000, not '0'"),
    "a negative stride": ("task: x\nstride: -1", 2, "`stride` must be a whole number from 0 up, not '-1'"),
    "a word as stride": ("task: x\nstride: often", 2, "`stride` must be a whole number from 0 up, not 'often'"),
    "a misspelt stride": ("task: x\nstrde: 4", 2, "unknown key 'strde' for a team; did you mean 'stride'?"),
    "a number as interrupt": ("task: x\ninterrupt: 1", 2, "`interrupt` must be true or false, not '1'"),
    "a word as interrupt": (
        "task: x\nagents:\n  a:\n    interrupt: often",
        4,
        "`interrupt` must be true or false, not 'often'",
    ),
    "a list as interrupt": ("task: x\ninterrupt: [yes]", 2, "`interrupt` must be true or false, not 'something else'"),
    "a function with a stride": (
        "task: x\nagents:\n  a: {python: f, stride: 4}",
        3,
        "agent 'a' has both `python` and `stride`, which only a model can do: remove one",
    ),
    "a number as recall": (
        "task: x\nrecall: 3",
        2,
        "`recall` is true, false, or like {k: 3, threshold: 0.5, from: [pools, library]}",
    ),
    "a list as recall": ("task: x\nrecall: [pools]", 2, "recall is written as `key: value` lines"),
    "nothing to recall": ("task: x\nrecall: {k: 0}", 2, "`k` must be a whole number from 1 to 50, not '0'"),
    "a low threshold": (
        "task: x\nrecall: {threshold: 0}",
        2,
        "`threshold` must be a number from 0.01 to 1, not '0'",
    ),
    "a function with recall": (
        "task: x\nagents:\n  a: {python: f, recall: true}",
        3,
        "agent 'a' has both `python` and `recall`, which only a model can do: remove one",
    ),
    "a misspelt recall key": (
        "task: x\nrecall:\n  treshold: 0.5",
        3,
        "unknown key 'treshold' for recall; did you mean 'threshold'?",
    ),
    "too much to recall": ("task: x\nrecall: {k: 51}", 2, "`k` must be a whole number from 1 to 50, not '51'"),
    "a high threshold": ("task: x\nrecall: {threshold: 2}", 2, "`threshold` must be a number from 0.01 to 1, not '2'"),
    "an unknown source": (
        "task: x\nrecall:\n  from: [web]",
        3,
        "`from` is a list of some of pool, pools, library, like `[pools, library]`",
    ),
    "no source": ("task: x\nrecall: {from: []}", 2, "`from` is a list of some of"),
    "a word as number": ("task: x\nturns: many", 2, "`turns` must be a whole number from 1 up, not 'many'"),
    "a truth value as number": ("task: x\nturns: true", 2, "`turns` must be a whole number from 1 up, not 'true'"),
    "a fraction": ("task: x\nturns: 1.5", 2, "`turns` must be a whole number from 1 up, not '1.5'"),
    "zero turns": ("task: x\nturns: 0", 2, "`turns` must be a whole number from 1 up, not '0'"),
    "negative tokens": ("task: x\nbudget: {tokens: -5}", 2, "`tokens` must be a whole number from 1 up, not '-5'"),
    "no budget": ("task: x\nbudget: 500", 2, "budget is written as `key: value` lines"),
    "infinite seconds": ("task: x\nbudget: {seconds: .inf}", 2, "`seconds` must be a number from 0.1 up, not '.inf'"),
    "no number": ("task: x\nsilence: .nan", 2, "`silence` must be a number from 0.1 up, not '.nan'"),
    "a limit that is none": ("task: x\nrun_limits: {time: 3}", 2, "unknown key 'time' for `run_limits`"),
    "no memory": (
        "task: x\nrun_limits: {memory: 1}",
        2,
        "`memory` must be a whole number from 64 to 1.04858e+06, not '1'",
    ),
    "what cannot be redacted": (
        "task: x\nredact: [names]",
        2,
        "`redact` is true, or a list of some of email, url, phone,",
    ),
    "too hot": ("task: x\ntemperature: 3", 2, "`temperature` must be a number from 0 to 2, not '3'"),
    "too many attempts": ("task: x\nattempts: 21", 2, "`attempts` must be a whole number from 1 to 20, not '21'"),
    "a huge number": ("task: x\nseed: 1" + "0" * 30, 2, "`seed` must be a whole number from 0 up"),
    "an endless number": ("task: x\nseed: " + "9" * 5000, 2, "`seed` must be a whole number from 0 up"),
    "a list as number": ("task: x\nturns: [1]", 2, "`turns` must be a whole number from 1 up, not 'something else'"),
    "a null number": ("task: x\nturns:", 2, "`turns` must be a whole number from 1 up, not ''"),
    "a forced type": ("task: x\nturns: !!int many", 2, "`turns` must be a whole number from 1 up, not 'many'"),
    "a Python object": ("task: x\nturns: !!python/object/apply:os.getpid []", 2, "`turns` must be a whole number"),
    "a colon in a text": (
        "task: Plan: a bakery",
        1,
        "not readable as YAML: mapping values are not allowed here; quote texts",
    ),
    "a tab": ("task: x\nagents:\n\ta: x", 3, "not readable as YAML: found character '\\t' that cannot start any token"),
    "an unknown alias": ("task: x\nagents: *them", 2, "not readable as YAML: found undefined alias 'them'"),
    "a bracket left open": ("task: x\nagents: {a: x", 2, "not readable as YAML: "),
    "a second document": ("task: x\n---\ntask: y", 2, "not readable as YAML: but found another document"),
    "prose after agents": ("agents: in prose\nare no team", 2, "not readable as YAML: "),
    "a control character": ("task: x\x07", None, "not readable as YAML: unacceptable character #x0007"),
    "a team in itself": ("task: x\nagents: &us {a: *us}", 2, "unknown key 'a' for agent 'a'"),
    "ears in themselves": ("task: x\nagents:\n  a: {listens: &us [*us]}", 3, "`listens` is a list of agents"),
    "endless brackets": ("task: " + "[" * 5000 + "]" * 5000, None, "not readable as YAML: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_mistake_is_one_line_that_names_the_line_and_the_fix(name):
    text, line, message = REFUSED[name]
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        parse_team(text)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"line {line}: " if line else message)
    assert "\n" not in str(caught.value)


def test_lines_are_counted_from_where_the_text_stands():
    """In a cell, the magic's own line is the first."""
    with pytest.raises(SpecError, match=r"^line 3: unknown key 'turn'"):
        parse_team("task: x\nturn: 2", first_line=2)
    with pytest.raises(SpecError, match=r"^line 4: not readable as YAML"):
        parse_team("task: x\nagents:\n\ta: x", first_line=2)


# The notebook's variables ---------------------------------------------------------------------------------


def test_double_braces_are_filled_from_the_notebook():
    """In a plain task and in a team, as text that YAML does not look into."""
    values = {"town": "Ghent: {old} #1", "n": 3}
    assert (
        parse_team("Plan it in {{town}}, {{ n }} times.", variables=values).task
        == "Plan it in Ghent: {old} #1, 3 times."
    )
    spec = parse_team("task: In {{town}}\nturns: {{n}}\nagents:\n  a: '{{ town }}'", variables=values)
    assert (spec.task, spec.turns, spec.agents[0].role) == ("In Ghent: {old} #1", 3, "Ghent: {old} #1")


def test_a_value_is_not_filled_again():
    """What a variable holds is text, also where it looks like a place to fill; also behind an alias."""
    spec = parse_team("task: x\nagents:\n  a: &r 'In {{a}}'\n  b: *r", variables={"a": "{{b}}", "b": "nothing"})
    assert [agent.role for agent in spec.agents] == ["In {{b}}", "In {{b}}"]


def test_a_value_that_looks_like_our_own_mark_is_not_filled_either():
    """The parser marks places for itself by two characters that nobody types; a page that was read may hold them."""
    values = {"page": "see \ue000key\ue001", "key": "secret"}
    for text in ("About {{page}}", "task: About {{page}}"):
        assert parse_team(text, variables=values).task == "About see \ue000key\ue001"


@pytest.mark.parametrize(("text", "line"), [("One\ntwo {{twn}}", 2), ("task: x\nagents:\n  a: In {{twn}}", 3)])
def test_an_unknown_variable_names_its_line_and_the_nearest(text, line):
    with pytest.raises(
        SpecError, match=rf"^line {line}: {{{{twn}}}} is no variable of this notebook; did you mean 'town'"
    ):
        parse_team(text, variables={"town": "Ghent", "_hidden": 1})


def test_single_braces_and_unfilled_texts_are_left_alone():
    assert parse_team("Use {this} and { { that } }", variables={}).task == "Use {this} and { { that } }"
    assert parse_team("Use {{this}}").task == "Use {{this}}"


# Names and comments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["критик", "批评家", "हिन्दी", "Zoë-2", "_", "a" * 40])
def test_an_agent_has_a_name_of_any_alphabet(name):
    import unicodedata

    spec = parse_team(f"task: x\nagents:\n  {unicodedata.normalize('NFD', name)}: x\n  b: {{listens: [{name}]}}")
    assert spec.agents[1].hears(unicodedata.normalize("NFC", name))


@pytest.mark.parametrize(
    ("text", "line", "key", "lost"),
    [
        ("task: Fix issue #12 first\nagents:\n  a: x", 2, "task", "#12 first"),
        ("task: x\nagents:\n  a: Knows C #and {{b}}", 4, "a", "#and {{b}}"),
        ("task: x\nagents:\n  a:\n    role: The   #1", 5, "role", "#1"),
        ("task: x\nmodel: qwen # 3", 3, "model", "# 3"),
    ],
)
def test_what_a_comment_cuts_off_is_told(text, line, key, lost):
    with pytest.warns(SpecWarning, match=f"^line {line}: `{key}` ends before '{re.escape(lost)}', a comment to YAML"):
        parse_team(text, first_line=2, variables={"b": "#"})


def test_what_is_no_doubt_a_comment_is_not_told():
    """Nor one in quotes, in a block or behind a number."""
    parse_team("task: '#1'  # x\nturns: 2 #x\nmodel: m  # which\nagents:\n  a: |\n    Fix #1\n  b: x   # the other")


def test_a_large_team_is_read_in_time():
    """Each listens to the one before: whoever can never start is found step by step, not by trying all pairs."""
    many = "\n".join(f"  a{i}: {{listens: [a{i - 1}]}}" for i in range(1, 1000))
    assert len(parse_team(f"task: x\nagents:\n  a0: x\n{many}").agents) == 1000


# Anything else --------------------------------------------------------------------------------------------

_KEYS = st.sampled_from(
    ["task", "agents", "turns", "budget", "listens", "role", "model", "price", "a", "b", "{{x}}", "<<", "=", ""]
) | st.sampled_from(["stride", "interrupt", "recall"])
_SCALARS = st.one_of(
    st.text(max_size=8),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        [
            "&x 1",
            "*x",
            "!!int z",
            "!!bool z",
            "!!timestamp z",
            "!!set z",
            "!!binary z",
            "2024-13-45",
            "0x",
            "1:99",
            "~",
            "|",
            ">",
            "- a",
            "?",
            "{{a}}",
        ]
    ),
)
_FLOW = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(_KEYS, inner, max_size=3).map(
            lambda items: f"{{{', '.join(f'{k}: {v}' for k, v in items.items())}}}"
        ),
    ),
    max_leaves=6,
)
_LINES = st.lists(
    st.tuples(st.sampled_from(["", "  ", "    ", "\t"]), _KEYS, _FLOW).map(lambda p: f"{p[0]}{p[1]}: {p[2]}")
)


@given(st.text() | _LINES.map("\n".join), st.none() | st.just({"a": "1: {", "x": "\ue000a\ue001"}))
@example("task: x\nagents:\n  a: 2024-13-45", None)
@example("task: x\nseed: !!int ''", None)
@example("task: x\nturns: !!bool z", None)
@example("task: x\nturns: !!timestamp z", None)
@example("task: " + "[" * 2000, None)
@example("task: x\nagents: &a [*a]", None)
@example("? [*a]\n: &a x\ntask: x", None)
def test_any_text_is_a_team_or_a_spec_error(text, variables):
    """Nothing else comes out, however odd the text."""
    try:
        spec = parse_team(text, variables=variables, warn=len)
    except SpecError:
        pass
    else:
        assert spec.task.strip()
        assert spec.agents
        assert TeamSpec.from_dict(spec.to_dict()) == spec
