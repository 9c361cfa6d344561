"""YAML's nodes as values; what is wrong with one is said with its line."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from agentpool_jupyter.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Readers = dict[str, Callable[..., Any]]
    """What reads the value of each key: given the FieldReader, the value's node and the key."""

RESOLVER: Any = yaml.resolver.Resolver()
"""Says what kind of value a text is, by YAML's own rules."""
_LISTED = 12  # known words that a message lists
MANY = 10**9
"""A bound that is none."""
_DOUBTFUL = re.compile(r"\s+#(?<!\s\s#)|\s+#(?! )")


class FieldReader:
    """Reads the nodes of one text, whose first line has the number ``first_line``. All methods raise SpecError."""

    def __init__(self, first_line: int, warn: Callable[[str], object]) -> None:
        self.first_line = first_line
        self._warn = warn
        self._text = ""

    def line(self, node: yaml.Node) -> int:
        """Return the line that a node stands on."""
        return int(node.start_mark.line) + self.first_line

    def compose(self, text: str) -> yaml.MappingNode:
        """Return the mapping that a text is in YAML."""
        self._text = text
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + self.first_line if mark else None
            hint = "; quote texts that contain ': '" if "mapping values" in str(error.problem) else ""
            near_it = text.split("\n")[max(0, mark.line - 1) : mark.line + 1] if mark else []
            if any(" #" in one for one in near_it):
                hint += "; an unquoted text ends before ' #': quote it"
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
            raise SpecError(message, line=self.first_line)
        return root

    def struct(self, node: yaml.Node, readers: Readers, what: str) -> dict[str, Any]:
        """Return a mapping's fields, each read by the reader of its key; unknown and repeated keys are errors."""
        fields: dict[str, Any] = {}
        for key, value in self.items(node, what):
            if key.value not in readers:
                message = f"unknown key {key.value!r} for {what}{near(key.value, readers)}"
                raise SpecError(message, line=self.line(key))
            fields[key.value] = readers[key.value](self, value, key.value)
        return fields

    def items(self, node: yaml.Node, what: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """Return a mapping's keys and values as nodes; no key stands there twice."""
        if not isinstance(node, yaml.MappingNode) or not all(isinstance(k, yaml.ScalarNode) for k, _ in node.value):
            message = f"{what} is written as `key: value` lines"
            raise SpecError(message, line=self.line(node))
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.value in seen:
                message = (
                    f"{key.value!r} stands twice in {what} (first on line {seen[key.value]}): rename or remove one"
                )
                raise SpecError(message, line=self.line(key))
            seen[key.value] = self.line(key)
        return list(node.value)

    def flag(self, node: yaml.Node, key: str) -> bool:
        """Return true or false."""
        value = plain(node)
        if not isinstance(value, bool):
            message = f"`{key}` must be true or false, not {_given(node)!r}"
            raise SpecError(message, line=self.line(node))
        return value

    def tell_of_comment(self, node: yaml.Node, key: str) -> None:
        """Warn of a comment behind an unquoted text that may be meant as part of it, such as ``Fix issue #12 first``.

        One that is set off as usual, by two spaces before the # and one behind, is no doubt a comment.
        """
        behind = self._text[node.end_mark.index :].partition("\n")[0]
        if getattr(node, "style", "") is None and _DOUBTFUL.match(behind):
            lost = behind.strip().replace("\ue000", "{{").replace("\ue001", "}}")
            self._warn(
                f"line {self.line(node)}: `{key}` ends before {lost!r}, a comment to YAML: quote the text, "
                "or set a comment off by two spaces, as in `  # this`"
            )

    def text(self, node: yaml.Node, key: str) -> str:
        """Return a text that is not empty."""
        scalar = isinstance(node, yaml.ScalarNode)
        if not scalar or not node.value.strip() or plain(node) is None:
            message = (
                f"`{key}` is empty: write some text, in quotes if it has a #" if scalar else f"`{key}` must be text"
            )
            raise SpecError(message, line=self.line(node))
        self.tell_of_comment(node, key)
        return str(node.value.strip())

    def number(self, node: yaml.Node, key: str, kind: type[int | float], low: float, high: float) -> float:
        """Return a number of a kind that is within bounds."""
        value = plain(node)
        good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not good or (kind is int and value != int(value)):
            what = "a whole number" if kind is int else "a number"
            top = " up" if high == MANY else f" to {high:g}"
            message = f"`{key}` must be {what} from {low:g}{top}, not {_given(node)!r}"
            raise SpecError(message, line=self.line(node))
        return kind(value)


@dataclass(frozen=True)
class NumberReader:
    """Reads a number of a kind within bounds, and says which to who describes it."""

    kind: type[int | float]
    low: float
    high: float

    def __call__(self, reader: FieldReader, node: yaml.Node, key: str) -> Any:
        """Return the number that a node is."""
        return reader.number(node, key, self.kind, self.low, self.high)


def whole(low: int, high: int = MANY) -> NumberReader:
    """Return the reader of a whole number within bounds."""
    return NumberReader(int, low, high)


def real(low: float, high: float = MANY) -> NumberReader:
    """Return the reader of a number within bounds."""
    return NumberReader(float, low, high)


def plain(node: yaml.Node) -> Any:
    """Return a node's value as plain Python data, or as it stands there where YAML's own reader gives up."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    # PyYAML lets what its constructors trip over through: no such date, `!!int x`, a list that holds itself.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return node.value
    finally:
        loader.dispose()


def near(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, or some of them."""
    names = list(known)
    found = difflib.get_close_matches(word, names, n=1)
    shown = sorted(name for name in names if not name.startswith("_"))[:_LISTED]
    return f"; did you mean {found[0]!r}?" if found else f"; there are: {', '.join(shown) or 'none'}"


def _given(node: yaml.Node) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else "something else"
