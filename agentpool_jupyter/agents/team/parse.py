"""From a cell's text to a team, with errors that name the line and the fix."""

from __future__ import annotations

import json
import keyword
import re
import unicodedata
import warnings
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import yaml

from agentpool_jupyter.effects.programs.limits import MIB, ChildLimits
from agentpool_jupyter.errors import SpecError, SpecWarning
from agentpool_jupyter.pool.votes import PERSON, POLICIES, Gate
from agentpool_jupyter.privacy.redaction.identifiers import KINDS

from .fields import RESOLVER, FieldReader, near, plain, real, whole
from .filling import fill, marked
from .spec import (
    DEFAULT_AGENTS,
    RECALL_SOURCES,
    TASK,
    AgentSpec,
    Budget,
    DriftKind,
    Price,
    RecallSpec,
    SubTeamSpec,
    TeamSpec,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .fields import Readers

LONGEST_NAME = 40
_DEEPEST = 4  # teams above each other
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PROGRAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NOT_IN_OPTIONS = {
    "messages": "prompts are made from the pool",
    "model": "write `model` beside it",
    "stream": "answers are always streamed",
    "stream_options": "answers are always counted",
    "n": "a turn is one answer",
    **dict.fromkeys(("max_tokens", "max_completion_tokens"), "write `max_tokens` beside it, which budgets rest on"),
    **dict.fromkeys(("temperature", "seed"), "write it beside `options`"),
}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)?")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_LOOKS_LIKE_TEAM = re.compile(r"""^(\{\s*)?["']?(task|agents)["']?\s*:""", re.MULTILINE)


def _warn(message: str) -> None:
    warnings.warn(message, SpecWarning, stacklevel=2)


def parse_team(
    text: str,
    *,
    first_line: int = 1,
    variables: Mapping[str, Any] | None = None,
    warn: Callable[[str], object] = _warn,
) -> TeamSpec:
    """Return the team that a cell describes: YAML with ``task:`` or ``agents:``, else the text is the task.

    ``{{name}}`` is filled from ``variables``, where those are given; single braces are left alone. ``first_line`` is
    the number of the text's first line, for messages. What may not be meant so is told to ``warn``, by default as a
    SpecWarning. Raises SpecError.
    """
    return _Parser(first_line, variables, warn).team(text)


def parse_budget(text: str) -> dict[str, float]:
    """Return the limits that a few words name, such as ``tokens=20000 seconds=60``; raises SpecError."""
    pairs = [part.partition("=") for part in text.replace(",", " ").split()]
    reader = _Parser(1, None)
    try:
        node = reader.compose("\n".join(f"{key}: {value}" for key, _, value in pairs))
        return reader.struct(node, _BUDGET_READERS, "budget")
    except SpecError as error:
        message = f"budget {text!r}: {str(error).rpartition(': ')[2]}; write it as tokens=20000 or seconds=60"
        raise SpecError(message) from None


def parse_span(text: str) -> float:
    """Return the seconds that a text such as ``5 min`` says; raises SpecError."""
    found = _SPAN.fullmatch(text.strip())
    if not found or not float(found[1]):
        message = f"{text!r} is no time: write it as 30s, 5min or 2h"
        raise SpecError(message)
    return float(found[1]) * _SECONDS[found[2] or "s"]


class _Parser(FieldReader):
    def __init__(
        self, first_line: int, variables: Mapping[str, Any] | None, warn: Callable[[str], object] = _warn
    ) -> None:
        super().__init__(first_line, warn)
        self._variables = variables
        self._depth = 0  # of the teams that are read now

    def team(self, text: str) -> TeamSpec:
        if not text.strip():
            message = "the task is empty: write what the team should do"
            raise SpecError(message)
        if not _LOOKS_LIKE_TEAM.search(text):
            return TeamSpec(task=fill(text.strip(), self._variables, line=self.first_line), agents=DEFAULT_AGENTS)
        # YAML takes braces for its own; the marks are text to it and are filled once it is read.
        if self._variables is not None:
            text = marked(text)
        root = self.compose(text)
        self._fill_nodes(root, set())
        fields = self.struct(root, _TEAM_READERS, "a team")
        if "task" not in fields:
            message = "the team has no task: add a line `task: …`"
            raise SpecError(message, line=self.line(root))
        fields.setdefault("agents", DEFAULT_AGENTS)
        spec = self._made(fields, root)
        _check_names(spec)
        _check_gates(spec)
        return spec

    def _made(self, fields: dict[str, Any], node: yaml.MappingNode) -> TeamSpec:
        """Return the team that fields are, checked; what a team below it does not say is as it says."""
        below = fields.pop("teams", {})
        spec = TeamSpec(**fields)
        called = {tool for agent in spec.agents for tool in spec.tools_of(agent)}
        teams = {}
        for name, (own, extra, place) in below.items():
            inherited = {key: getattr(spec, key) for key in _INHERITED if key not in own}
            own["gates"] = own.get("gates", {}) | spec.gates
            team = self._made({"task": "", **inherited, **own}, place)
            if extra.get("answer", team.agents[0].name) not in {agent.name for agent in team.agents}:
                message = f"the answer of {name!r} is that of {extra['answer']!r}, who is none of its agents"
                raise SpecError(message, line=self.line(place))
            if name not in called:
                message = f"nobody can hand a task to {name!r}: add `tools: [{name}]` to an agent, or to the team"
                raise SpecError(message, line=self.line(place))
            teams[name] = SubTeamSpec(team=team, **extra)
        if teams:
            spec = msgspec.structs.replace(spec, teams=teams)
        agents = (value.value for key, value in node.value if key.value == "agents")
        lines = {name.value: self.line(name) for name, _ in next(agents, ())}
        _check_listens(spec, lines)
        _check_start(spec, lines)
        return spec

    def _fill_nodes(self, node: yaml.Node, filled: set[int]) -> None:
        if id(node) in filled:  # an alias is the same node once more, maybe within itself
            return
        filled.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            was_marked = "\ue000" in node.value
            node.value = fill(node.value, self._variables, line=self.line(node))
            if was_marked and node.style is None:  # as if the value stood there: a number stays a number
                node.tag = RESOLVER.resolve(yaml.ScalarNode, node.value, (True, False))
        else:
            for child in node.value:
                for part in child if isinstance(child, tuple) else (child,):
                    self._fill_nodes(part, filled)

    # Teams below a team ------------------------------------------------------------------------------------

    def teams(self, node: yaml.Node, key: str) -> dict[str, tuple[dict[str, Any], dict[str, Any], yaml.Node]]:
        """Return for each team its fields, what is said of it, and where it stands."""
        found = {}
        self._depth += 1
        if self._depth > _DEEPEST:
            message = f"`{key}` stands {self._depth} deep, and {_DEEPEST} is the most: hand tasks on less often"
            raise SpecError(message, line=self.line(node))
        for name, value in self.items(node, key):
            what = f"team {name.value!r}"
            if not name.value.isidentifier() or keyword.iskeyword(name.value):
                message = f"{name.value!r} cannot name a team, which is called like a function: use letters and '_'"
                raise SpecError(message, line=self.line(name))
            fields = self.struct(value, _SUB_TEAM_READERS, what)
            if "agents" not in fields:
                message = f"{what} has no agents: add lines `  name: role` below `agents:`"
                raise SpecError(message, line=self.line(name))
            extra = {word: fields.pop(word) for word in _OF_SUB_TEAMS if word in fields}
            found[name.value] = (fields, extra, value)
        self._depth -= 1
        return found

    # Readers of single keys --------------------------------------------------------------------------------

    def agents(self, node: yaml.Node, _key: str) -> tuple[AgentSpec, ...]:
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:  # one name, however it was typed
                key.value = composed(key.value) if isinstance(key, yaml.ScalarNode) else key.value
        agents = tuple(self._agent(key, value) for key, value in self.items(node, "agents"))
        if not agents:
            message = "the team has no agents: add lines `  name: role` below `agents:`"
            raise SpecError(message, line=self.line(node))
        return agents

    def _agent(self, key: yaml.ScalarNode, node: yaml.Node) -> AgentSpec:
        name = key.value
        if not _can_name(name):
            message = (
                f"{name!r} cannot name an agent: use letters of any alphabet, digits, '_' or '-', {LONGEST_NAME} at "
                f"most, a letter first, and neither '{TASK}' nor '{PERSON}'"
            )
            raise SpecError(message, line=self.line(key))
        if isinstance(node, yaml.ScalarNode):
            self.tell_of_comment(node, name)
            return AgentSpec(name=name, role="" if plain(node) is None else node.value.strip())
        fields = self.struct(node, _AGENT_READERS, f"agent {name!r}")
        if "python" in fields and "model" in fields:
            message = f"agent {name!r} has both `python` and `model`: keep one"
            raise SpecError(message, line=self.line(key))
        only = next((option for option in _MODEL_ONLY if "python" in fields and fields.get(option)), None)
        if only is not None:
            message = f"agent {name!r} has both `python` and `{only}`, which only a model can do: remove one"
            raise SpecError(message, line=self.line(key))
        return AgentSpec(name=name, **fields)

    def listens(self, node: yaml.Node, _key: str) -> tuple[str, ...] | None:
        value = plain(node)
        if isinstance(value, str):
            value = [value]
        if value == ["everyone"]:
            return None
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            message = "`listens` is a list of agents, like `[planner, critic]`; `[]` hears only the task"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(map(composed, value)))

    def budget(self, node: yaml.Node, _key: str) -> Budget:
        return Budget(**self.struct(node, _BUDGET_READERS, "budget"))

    def price(self, node: yaml.Node, _key: str) -> Price:
        fields = self.struct(node, _PRICE_READERS, "price")
        if not {"input", "output"} <= fields.keys():
            message = "`price` needs both `input` and `output`, in US dollars per million tokens"
            raise SpecError(message, line=self.line(node))
        return Price(**fields)

    def options(self, node: yaml.Node, key: str) -> dict[str, Any]:
        for name, _ in self.items(node, key):
            if name.value in NOT_IN_OPTIONS:
                message = f"`{key}` cannot have {name.value!r}: {NOT_IN_OPTIONS[name.value]}"
                raise SpecError(message, line=self.line(name))
        value: dict[str, Any] = plain(node)
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            message = f"`{key}` is sent as JSON, and has what JSON does not know ({error}): quote it"
            raise SpecError(message, line=self.line(node)) from None
        return value

    def headers_env(self, node: yaml.Node, key: str) -> dict[str, str]:
        headers = {}
        for name, value in self.items(node, key):
            if not _HEADER.fullmatch(name.value):
                message = f"{name.value!r} cannot name a header"
                raise SpecError(message, line=self.line(name))
            if not isinstance(value, yaml.ScalarNode) or not _VARIABLE.fullmatch(value.value):
                message = f"`{key}` names environment variables, like {{{name.value}: MY_VARIABLE}}, never values"
                raise SpecError(message, line=self.line(value))
            headers[name.value] = value.value
        return headers

    def tools(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        value = plain(node)
        entries = value if isinstance(value, list) else [value]
        names: list[str] = []
        for entry in entries:
            servers = entry.get("mcp") if isinstance(entry, dict) and entry.keys() == {"mcp"} else None
            found = [servers] if isinstance(servers, str) else servers or [entry]
            if not all(isinstance(one, str) and (servers or one.isidentifier()) for one in found):
                message = (
                    f"`{key}` is a list of functions of the notebook, like `[search_stock, send_mail]`, and of MCP "
                    'servers, like `{mcp: "npx some-server"}`'
                )
                raise SpecError(message, line=self.line(node))
            names += [f"mcp:{one}" for one in found] if servers else found
        return tuple(dict.fromkeys(names))

    def run(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        value = plain(node)
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) and _PROGRAM.fullmatch(name) for name in names):
            message = f"`{key}` is a list of programs by their plain names, like `[pytest, python]`"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(names))

    def run_limits(self, node: yaml.Node, key: str) -> ChildLimits:
        fields = self.struct(node, _RUN_LIMITS_READERS, f"`{key}`")
        return ChildLimits(**{name: value * MIB if name in _IN_MIB else value for name, value in fields.items()})

    def redact(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        value = plain(node)
        if value is True:
            return KINDS
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(name in KINDS for name in names):
            message = f"`{key}` is true, or a list of some of {', '.join(KINDS)}"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(names))

    def until(self, node: yaml.Node, key: str) -> str:
        name = self.text(node, key)
        if not name.isidentifier():
            message = f"`{key}` names a function of the notebook, like `tests_pass`"
            raise SpecError(message, line=self.line(node))
        return name

    def gates(self, node: yaml.Node, key: str) -> dict[str, Gate]:
        gates = {}
        for name, value in self.items(node, key):
            what = f"the gate of {name.value!r}"
            fields = self.struct(value, _GATE_READERS, what)
            if not fields.get("ask"):
                message = f"{what} asks nobody: say `ask: [critic, {PERSON}]`"
                raise SpecError(message, line=self.line(name))
            if "need" in fields:
                fields.setdefault("policy", "quorum")
            gates[name.value] = Gate(**fields)
        return gates

    def voters(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        value = plain(node)
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or names == ["everyone"]:
            message = f"`{key}` names who has to agree, like `[critic, {PERSON}]`"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(map(composed, names)))

    def weights(self, node: yaml.Node, key: str) -> dict[str, float]:
        return {name.value: real(0)(self, value, key) for name, value in self.items(node, key)}

    def span(self, node: yaml.Node, key: str) -> float:
        """Return the seconds that a text such as ``5 min`` or a number says."""
        try:
            return parse_span(str(plain(node)))
        except SpecError:
            message = f"`{key}` is a time, like `30 s`, `5 min` or `2 h`"
            raise SpecError(message, line=self.line(node)) from None

    def absent(self, node: yaml.Node, key: str) -> str:
        value = "no" if plain(node) is False else plain(node)  # YAML takes `no` for a truth value
        if value not in ("no", "abstain", "ask"):
            message = f"`{key}` is one of no, abstain, ask"
            raise SpecError(message, line=self.line(node))
        return str(value)

    def stale(self, node: yaml.Node, key: str) -> str:
        value = plain(node)
        if value not in ("ask", "ok"):
            message = f"`{key}` is one of ask, ok"
            raise SpecError(message, line=self.line(node))
        return str(value)

    def policy(self, node: yaml.Node, key: str) -> str:
        value = self.text(node, key)
        if value not in POLICIES:
            message = f"there is no policy {value!r}{near(value, sorted(POLICIES))}; there are: {', '.join(POLICIES)}"
            raise SpecError(message, line=self.line(node))
        return value

    def recall(self, node: yaml.Node, _key: str) -> RecallSpec | bool:
        if isinstance(node, yaml.ScalarNode):
            value = plain(node)
            if not isinstance(value, bool):
                message = "`recall` is true, false, or like {k: 3, threshold: 0.5, from: [pools, library]}"
                raise SpecError(message, line=self.line(node))
            return value and RecallSpec()
        fields = self.struct(node, _RECALL_READERS, "recall")
        if "from" in fields:
            fields["sources"] = fields.pop("from")
        return RecallSpec(**fields)

    def on_drift(self, node: yaml.Node, key: str) -> dict[str, str]:
        kinds, found = get_args(DriftKind), {}
        for name, value in self.items(node, key):
            if name.value not in kinds:
                message = f"there is no drift of the kind {name.value!r}{near(name.value, kinds)}"
                raise SpecError(message, line=self.line(name))
            if plain(value) not in ("stop", "warn"):
                message = f"`{key}` says stop or warn for {name.value!r}, like `{{looping: stop}}`"
                raise SpecError(message, line=self.line(value))
            found[name.value] = str(plain(value))
        return found

    def sources(self, node: yaml.Node, _key: str) -> tuple[str, ...]:
        value = plain(node)
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(name in RECALL_SOURCES for name in names):
            message = f"`from` is a list of some of {', '.join(RECALL_SOURCES)}, like `[pools, library]`"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(names))


_GATE_READERS: Readers = {
    "ask": _Parser.voters,
    "policy": _Parser.policy,
    "need": real(0),
    "weights": _Parser.weights,
    "within": _Parser.span,
    "absent": _Parser.absent,
    "owner": _Parser.text,
    "margin": real(0, 0.5),
    "stale": _Parser.stale,
    "stake": whole(1),
    "shadow": _Parser.flag,
}
_SERVER_READERS: Readers = {
    "model": _Parser.text,
    "base_url": _Parser.text,
    "api_key_env": _Parser.text,
    "headers_env": _Parser.headers_env,
    "ca_file": _Parser.text,
    "options": _Parser.options,
    "parallel": whole(1, 10_000),
    "max_tokens": whole(1),
    "temperature": real(0, 2),
    "price": _Parser.price,
}
_READING_READERS: Readers = {"stride": whole(0), "interrupt": _Parser.flag, "recall": _Parser.recall}
_ACTING_READERS: Readers = {
    "tools": _Parser.tools,
    "calls": whole(1, 1000),
    "files": _Parser.flag,
    "run": _Parser.run,
}
_MODEL_ONLY = tuple(_READING_READERS)
_AGENT_READERS: Readers = {
    "role": _Parser.text,
    "listens": _Parser.listens,
    "python": _Parser.text,
    "turns": whole(0),
    **_READING_READERS,
    **_ACTING_READERS,
    **_SERVER_READERS,
}
_TEAM_READERS: Readers = {
    "task": _Parser.text,
    "agents": _Parser.agents,
    "turns": whole(1),
    "budget": _Parser.budget,
    "seed": whole(0),
    "context": whole(100),
    "attempts": whole(1, 20),
    "silence": real(0.1),
    "flush": real(0, 10),
    "run_limits": _Parser.run_limits,
    "redact": _Parser.redact,
    "until": _Parser.until,
    "gates": _Parser.gates,
    "on_drift": _Parser.on_drift,
    "teams": _Parser.teams,
    **_READING_READERS,
    **_ACTING_READERS,
    **_SERVER_READERS,
}
_OF_SUB_TEAMS: Readers = {"about": _Parser.text, "answer": _Parser.text}
_SUB_TEAM_READERS: Readers = {
    **{key: reader for key, reader in _TEAM_READERS.items() if key != "task"},
    **_OF_SUB_TEAMS,
}
_INHERITED = (
    *_SERVER_READERS,
    *_READING_READERS,
    "seed",
    "context",
    "attempts",
    "silence",
    "flush",
    "calls",
    "on_drift",
    "run_limits",
    "redact",
)
"""What a team below another has from that one where it does not say it itself."""
_BUDGET_READERS: Readers = {"tokens": whole(1), "seconds": real(0.1)}
_RUN_LIMITS_READERS: Readers = {
    "seconds": real(0.1, 86_400),
    "memory": whole(64, 2**20),
    "file_size": whole(1, 2**20),
    "output": whole(100, 200_000),
    "processes": whole(1, 4096),
}
_IN_MIB = {"memory", "file_size"}
_RECALL_READERS: Readers = {"k": whole(1, 50), "threshold": real(0.01, 1), "from": _Parser.sources}
_PRICE_READERS: Readers = {"input": real(0), "output": real(0), "cached": real(0)}
READERS = {
    "a team": _TEAM_READERS,
    "one of teams": _SUB_TEAM_READERS,
    "an agent": _AGENT_READERS,
    "budget": _BUDGET_READERS,
    "run_limits": _RUN_LIMITS_READERS,
    "recall": _RECALL_READERS,
    "price": _PRICE_READERS,
    "a gate": _GATE_READERS,
}
"""All keys that a description may have, with what reads them."""
KEYS = {what: tuple(readers) for what, readers in READERS.items()} | {
    "one of teams": (*_OF_SUB_TEAMS, "and what a team has but its task")
}
"""All that a description may have, for its help."""


def composed(name: str) -> str:
    """Return a name in the form (Unicode's NFC) in which those that look the same are the same."""
    return unicodedata.normalize("NFC", name)


def _can_name(name: str) -> bool:
    # Python's identifiers know the alphabets, and which marks belong to letters of theirs.
    letters = name.replace("-", "_").isidentifier() and not name.startswith("-")
    return letters and len(name) <= LONGEST_NAME and name not in (TASK, PERSON)


# Whether a team that reads well makes sense ----------------------------------------------------------------


def _check_listens(spec: TeamSpec, lines: Mapping[str, int]) -> None:
    """Raise SpecError where an agent listens to one that does not exist; ``lines`` are those of the agents."""
    names = {agent.name for agent in spec.agents} | {TASK}
    for agent in spec.agents:
        for heard in agent.listens or ():
            if heard == agent.name:
                message = f"{agent.name} listens to itself: leave it out, its own thread is always in its context"
                raise SpecError(message, line=lines.get(agent.name))
            if heard not in names:
                hint = near(heard, sorted(names - {TASK}))
                message = f"{agent.name} listens to {heard!r}, which is no agent of this team{hint}"
                raise SpecError(message, line=lines.get(agent.name))


def _check_gates(spec: TeamSpec) -> None:
    """Raise SpecError for a gate of a tool that nobody has, or one that names an owner who is not asked."""
    tools = {tool for team in spec.whole() for agent in team.agents for tool in team.tools_of(agent)}
    for name, gate in (item for team in spec.whole() for item in team.gates.items()):
        if name not in tools and not any(tool.startswith("mcp:") for tool in tools):  # whose names are not known yet
            message = f"`gates` has {name!r}, which is no tool of any agent{near(name, sorted(tools))}"
            raise SpecError(message)
        if (gate.policy in ("owner", "arbiter") or gate.owner) and gate.owner not in gate.ask:
            message = f"the gate of {name!r} needs an `owner` who is one of those that it asks: {', '.join(gate.ask)}"
            raise SpecError(message)


def _check_names(spec: TeamSpec) -> None:
    """Raise SpecError where one name is given twice among a team and those below it."""
    taken: dict[str, str] = {}
    teams = [spec]
    for team in teams:
        teams += [sub.team for sub in team.teams.values()]
        named = [(agent.name, "an agent") for agent in team.agents] + [(name, "a team") for name in team.teams]
        for name, kind in named:
            if name in taken:
                message = f"{name!r} names {kind} and {taken[name]}: all agents and teams have names of their own"
                raise SpecError(message)
            taken[name] = kind


def _check_start(spec: TeamSpec, lines: Mapping[str, int]) -> None:
    """Raise SpecError where agents wait for each other and nobody begins."""
    speaks = [agent for agent in spec.agents if spec.turns_of(agent) > 0]
    if not speaks:
        message = "nobody may speak: every agent has `turns: 0`"
        raise SpecError(message, line=lines.get(spec.agents[0].name))
    hear: dict[str, list[str]] = {}  # who listens to an agent by name; whoever listens to everyone hears the task
    for agent in speaks:
        for heard in agent.listens or ():
            hear.setdefault(heard, []).append(agent.name)
    started = {agent.name for agent in speaks if agent.hears_task}
    begin = list(started)
    while begin:
        more = set(hear.get(begin.pop(), ())) - started
        started |= more
        begin += more
    stuck = [agent.name for agent in speaks if agent.name not in started]
    if stuck:
        message = (
            f"{' and '.join(stuck)} can never start: they only wait for agents that never speak; "
            f"add '{TASK}' to the `listens` of {stuck[0]}"
        )
        raise SpecError(message, line=lines.get(stuck[0]))
