"""From a cell's text to a team, with errors that name the line and the fix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from agentpool_jupyter.errors import SpecError

from .filling import fill, marked
from .nodes import RESOLVER, plain
from .soundness import check_listens, check_start, near
from .spec import DEFAULT_AGENTS, PERSON, RECALL_SOURCES, TASK, AgentSpec, Budget, Price, RecallSpec, TeamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_LOOKS_LIKE_TEAM = re.compile(r"""^(\{\s*)?["']?(task|agents)["']?\s*:""", re.MULTILINE)


def parse_team(text: str, *, first_line: int = 1, variables: Mapping[str, Any] | None = None) -> TeamSpec:
    """Return the team that a cell describes: YAML with ``task:`` or ``agents:``, else the text is the task.

    ``{{name}}`` is filled from ``variables``, where those are given; single braces are left alone. ``first_line`` is
    the number of the text's first line, for messages. Raises SpecError.
    """
    return _Parser(first_line, variables).team(text)


class _Parser:
    def __init__(self, first_line: int, variables: Mapping[str, Any] | None) -> None:
        self._first = first_line
        self._variables = variables

    # The whole ---------------------------------------------------------------------------------------------

    def team(self, text: str) -> TeamSpec:
        if not text.strip():
            message = "the task is empty: write what the team should do"
            raise SpecError(message)
        if not _LOOKS_LIKE_TEAM.search(text):
            return TeamSpec(task=fill(text.strip(), self._variables, line=self._first), agents=DEFAULT_AGENTS)
        # YAML takes braces for its own; the marks are text to it and are filled once it is read.
        if self._variables is not None:
            text = marked(text)
        root = self._compose(text)
        self._fill_nodes(root, set())
        fields = self._struct(root, _TEAM_READERS, "a team")
        if "task" not in fields:
            message = "the team has no task: add a line `task: …`"
            raise SpecError(message, line=self._line(root))
        fields.setdefault("agents", DEFAULT_AGENTS)
        spec = TeamSpec(**fields)
        lines = self._agent_lines(root)
        check_listens(spec, lines)
        check_start(spec, lines)
        return spec

    def _compose(self, text: str) -> yaml.MappingNode:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + self._first if mark else None
            hint = "; quote texts that contain ': '" if "mapping values" in str(error.problem) else ""
            message = f"not readable as YAML: {error.problem}{hint}"
            raise SpecError(message, line=line) from None
        except yaml.YAMLError as error:
            message = f"not readable as YAML: {' '.join(str(error).split())}"
            raise SpecError(message) from None
        except RecursionError:
            message = "not readable as YAML: brackets or lines are nested too deeply; quote texts that hold brackets"
            raise SpecError(message) from None
        if not isinstance(root, yaml.MappingNode):
            message = "a team is `key: value` lines; see `%agents?` for an example"
            raise SpecError(message, line=self._first)
        return root

    def _fill_nodes(self, node: yaml.Node, filled: set[int]) -> None:
        if id(node) in filled:  # an alias is the same node once more, maybe within itself
            return
        filled.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            was_marked = "\ue000" in node.value
            node.value = fill(node.value, self._variables, line=self._line(node))
            if was_marked and node.style is None:  # as if the value stood there: a number stays a number
                node.tag = RESOLVER.resolve(yaml.ScalarNode, node.value, (True, False))
        else:
            for child in node.value:
                for part in child if isinstance(child, tuple) else (child,):
                    self._fill_nodes(part, filled)

    def _agent_lines(self, root: yaml.MappingNode) -> dict[str, int]:
        for key, value in root.value:
            if key.value == "agents":
                return {name.value: self._line(name) for name, _ in value.value}
        return {}

    # Parts -------------------------------------------------------------------------------------------------

    def _struct(self, node: yaml.Node, readers: dict[str, Callable[..., Any]], what: str) -> dict[str, Any]:
        """Read a mapping's fields with one reader each; unknown and repeated keys are errors."""
        fields: dict[str, Any] = {}
        for key, value in self._items(node, what):
            if key.value not in readers:
                message = f"unknown key {key.value!r} for {what}{near(key.value, readers)}"
                raise SpecError(message, line=self._line(key))
            fields[key.value] = readers[key.value](self, value, key.value)
        return fields

    def _items(self, node: yaml.Node, what: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode) or not all(isinstance(k, yaml.ScalarNode) for k, _ in node.value):
            message = f"{what} is written as `key: value` lines"
            raise SpecError(message, line=self._line(node))
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.value in seen:
                message = (
                    f"{key.value!r} stands twice in {what} (first on line {seen[key.value]}): rename or remove one"
                )
                raise SpecError(message, line=self._line(key))
            seen[key.value] = self._line(key)
        return list(node.value)

    def _agents(self, node: yaml.Node, _key: str) -> tuple[AgentSpec, ...]:
        agents = tuple(self._agent(key, value) for key, value in self._items(node, "agents"))
        if not agents:
            message = "the team has no agents: add lines `  name: role` below `agents:`"
            raise SpecError(message, line=self._line(node))
        return agents

    def _agent(self, key: yaml.ScalarNode, node: yaml.Node) -> AgentSpec:
        name = key.value
        if not _NAME.fullmatch(name) or name in (TASK, PERSON):
            message = (
                f"{name!r} cannot name an agent: use letters, digits, '_' or '-', and neither '{TASK}' nor '{PERSON}'"
            )
            raise SpecError(message, line=self._line(key))
        if isinstance(node, yaml.ScalarNode):
            role = "" if plain(node) is None else node.value.strip()
            return AgentSpec(name=name, role=role)
        fields = self._struct(node, _AGENT_READERS, f"agent {name!r}")
        if "python" in fields and "model" in fields:
            message = f"agent {name!r} has both `python` and `model`: keep one"
            raise SpecError(message, line=self._line(key))
        only = next((option for option in _MODEL_ONLY if "python" in fields and fields.get(option)), None)
        if only is not None:
            message = f"agent {name!r} has both `python` and `{only}`, which only a model can do: remove one"
            raise SpecError(message, line=self._line(key))
        return AgentSpec(name=name, **fields)

    def _listens(self, node: yaml.Node, _key: str) -> tuple[str, ...] | None:
        value = plain(node)
        if isinstance(value, str):
            value = [value]
        if value == ["everyone"]:
            return None
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            message = "`listens` is a list of agents, like `[planner, critic]`; `[]` hears only the task"
            raise SpecError(message, line=self._line(node))
        return tuple(dict.fromkeys(value))

    def _budget(self, node: yaml.Node, _key: str) -> Budget:
        return Budget(**self._struct(node, _BUDGET_READERS, "budget"))

    def _price(self, node: yaml.Node, _key: str) -> Price:
        fields = self._struct(node, _PRICE_READERS, "price")
        if len(fields) != len(_PRICE_READERS):
            message = "`price` needs both `input` and `output`, in US dollars per million tokens"
            raise SpecError(message, line=self._line(node))
        return Price(**fields)

    def _recall(self, node: yaml.Node, _key: str) -> RecallSpec | bool:
        if isinstance(node, yaml.ScalarNode):
            value = plain(node)
            if not isinstance(value, bool):
                message = "`recall` is true, false, or like {k: 3, threshold: 0.5, from: [pools, library]}"
                raise SpecError(message, line=self._line(node))
            return value and RecallSpec()
        fields = self._struct(node, _RECALL_READERS, "recall")
        if "from" in fields:
            fields["sources"] = fields.pop("from")
        return RecallSpec(**fields)

    def _sources(self, node: yaml.Node, _key: str) -> tuple[str, ...]:
        value = plain(node)
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(name in RECALL_SOURCES for name in names):
            message = f"`from` is a list of some of {', '.join(RECALL_SOURCES)}, like `[pools, library]`"
            raise SpecError(message, line=self._line(node))
        return tuple(dict.fromkeys(names))

    def _flag(self, node: yaml.Node, key: str) -> bool:
        value = plain(node)
        if not isinstance(value, bool):
            given = node.value if isinstance(node, yaml.ScalarNode) else "something else"
            message = f"`{key}` must be true or false, not {given!r}"
            raise SpecError(message, line=self._line(node))
        return value

    def _text(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or plain(node) is None:
            message = (
                f"`{key}` is empty: write some text" if isinstance(node, yaml.ScalarNode) else f"`{key}` must be text"
            )
            raise SpecError(message, line=self._line(node))
        text: str = node.value.strip()
        return text

    def _number(self, node: yaml.Node, key: str, kind: type[int | float], low: float, high: float) -> float:
        value = plain(node)
        good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not good or (kind is int and value != int(value)):
            what = "a whole number" if kind is int else "a number"
            top = "" if high == _MANY else f" to {high:g}"
            given = node.value if isinstance(node, yaml.ScalarNode) else "something else"
            message = f"`{key}` must be {what} from {low:g}{top}{' up' if not top else ''}, not {given!r}"
            raise SpecError(message, line=self._line(node))
        return kind(value)

    def _line(self, node: yaml.Node) -> int:
        return int(node.start_mark.line) + self._first


_MANY = 10**9


def _int(low: int, high: int = _MANY) -> Callable[[_Parser, yaml.Node, str], Any]:
    return lambda parser, node, key: parser._number(node, key, int, low, high)  # noqa: SLF001


def _float(low: float, high: float = _MANY) -> Callable[[_Parser, yaml.Node, str], Any]:
    return lambda parser, node, key: parser._number(node, key, float, low, high)  # noqa: SLF001


_SERVER_READERS: dict[str, Callable[..., Any]] = {
    "model": _Parser._text,  # noqa: SLF001
    "base_url": _Parser._text,  # noqa: SLF001
    "api_key_env": _Parser._text,  # noqa: SLF001
    "max_tokens": _int(1),
    "temperature": _float(0, 2),
    "price": _Parser._price,  # noqa: SLF001
}
_READING_READERS: dict[str, Callable[..., Any]] = {
    "stride": _int(0),
    "interrupt": _Parser._flag,  # noqa: SLF001
    "recall": _Parser._recall,  # noqa: SLF001
}
_MODEL_ONLY = tuple(_READING_READERS)
_AGENT_READERS: dict[str, Callable[..., Any]] = {
    "role": _Parser._text,  # noqa: SLF001
    "listens": _Parser._listens,  # noqa: SLF001
    "python": _Parser._text,  # noqa: SLF001
    "turns": _int(0),
    **_READING_READERS,
    **_SERVER_READERS,
}
_TEAM_READERS: dict[str, Callable[..., Any]] = {
    "task": _Parser._text,  # noqa: SLF001
    "agents": _Parser._agents,  # noqa: SLF001
    "turns": _int(1),
    "budget": _Parser._budget,  # noqa: SLF001
    "seed": _int(0),
    "context": _int(100),
    "attempts": _int(1, 20),
    "silence": _float(0.1),
    "flush": _float(0, 10),
    **_READING_READERS,
    **_SERVER_READERS,
}
_BUDGET_READERS: dict[str, Callable[..., Any]] = {"tokens": _int(1), "seconds": _float(0.1)}
_RECALL_READERS: dict[str, Callable[..., Any]] = {
    "k": _int(1, 50),
    "threshold": _float(0.01, 1),
    "from": _Parser._sources,  # noqa: SLF001
}
_PRICE_READERS: dict[str, Callable[..., Any]] = {"input": _float(0), "output": _float(0)}
