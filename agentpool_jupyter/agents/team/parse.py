"""From a cell's text to a team, with errors that name the line and the fix."""

from __future__ import annotations

import keyword
import re
import warnings
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from agentpool_jupyter.errors import SpecError, SpecWarning
from agentpool_jupyter.pool.votes import PERSON

from .checks import check_gates, check_listens, check_names, check_start
from .fields import RESOLVER, plain, real, whole
from .filling import fill, marked
from .keys import (
    ACTING_READERS,
    BUDGET_READERS,
    GATE_READERS,
    PRICE_READERS,
    READING_READERS,
    RECALL_READERS,
    RUN_LIMITS_READERS,
    SERVER_READERS,
    KeyReader,
    composed,
)
from .spec import DEFAULT_AGENTS, TASK, AgentSpec, SubTeamSpec, TeamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .fields import Readers

LONGEST_NAME = 40
_DEEPEST = 4  # teams above each other
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
        return reader.struct(node, BUDGET_READERS, "budget")
    except SpecError as error:
        message = f"budget {text!r}: {str(error).rpartition(': ')[2]}; write it as tokens=20000 or seconds=60"
        raise SpecError(message) from None


class _Parser(KeyReader):
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
        check_names(spec)
        check_gates(spec)
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
        check_listens(spec, lines)
        check_start(spec, lines)
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


_MODEL_ONLY = tuple(READING_READERS)
_AGENT_READERS: Readers = {
    "role": _Parser.text,
    "listens": _Parser.listens,
    "python": _Parser.text,
    "turns": whole(0),
    **READING_READERS,
    **ACTING_READERS,
    **SERVER_READERS,
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
    **READING_READERS,
    **ACTING_READERS,
    **SERVER_READERS,
}
_OF_SUB_TEAMS: Readers = {"about": _Parser.text, "answer": _Parser.text}
_SUB_TEAM_READERS: Readers = {
    **{key: reader for key, reader in _TEAM_READERS.items() if key != "task"},
    **_OF_SUB_TEAMS,
}
_INHERITED = (
    *SERVER_READERS,
    *READING_READERS,
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
READERS = {
    "a team": _TEAM_READERS,
    "one of teams": _SUB_TEAM_READERS,
    "an agent": _AGENT_READERS,
    "budget": BUDGET_READERS,
    "run_limits": RUN_LIMITS_READERS,
    "recall": RECALL_READERS,
    "price": PRICE_READERS,
    "a gate": GATE_READERS,
}
"""All keys that a description may have, with what reads them."""
KEYS = {what: tuple(readers) for what, readers in READERS.items()} | {
    "one of teams": (*_OF_SUB_TEAMS, "and what a team has but its task")
}
"""All that a description may have, for its help."""


def _can_name(name: str) -> bool:
    # Python's identifiers know the alphabets, and which marks belong to letters of theirs.
    letters = name.replace("-", "_").isidentifier() and not name.startswith("-")
    return letters and len(name) <= LONGEST_NAME and name not in (TASK, PERSON)
