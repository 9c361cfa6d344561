"""What single keys of a team say, each read from its node of YAML, and which keys belong together."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any, get_args

import yaml

from agentpool_jupyter.effects.programs.limits import MIB, ChildLimits
from agentpool_jupyter.errors import SpecError
from agentpool_jupyter.pool.votes import PERSON, POLICIES, Gate
from agentpool_jupyter.privacy.redaction.identifiers import KINDS

from .fields import FieldReader, near, plain, real, whole
from .spec import RECALL_SOURCES, Budget, DriftKind, Price, RecallSpec

if TYPE_CHECKING:
    from .fields import Readers

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


def composed(name: str) -> str:
    """Return a name in the form (Unicode's NFC) in which those that look the same are the same."""
    return unicodedata.normalize("NFC", name)


def parse_span(text: str) -> float:
    """Return the seconds that a text such as ``5 min`` says; raises SpecError."""
    found = _SPAN.fullmatch(text.strip())
    if not found or not float(found[1]):
        message = f"{text!r} is no time: write it as 30s, 5min or 2h"
        raise SpecError(message)
    return float(found[1]) * _SECONDS[found[2] or "s"]


class KeyReader(FieldReader):
    """Reads the keys of a team, an agent, a gate and what stands in them; each method is the reader of one kind."""

    def listens(self, node: yaml.Node, _key: str) -> tuple[str, ...] | None:
        """Return whom an agent hears; None is everyone."""
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
        """Return the limits of a run."""
        return Budget(**self.struct(node, BUDGET_READERS, "budget"))

    def price(self, node: yaml.Node, _key: str) -> Price:
        """Return US dollars per million tokens."""
        fields = self.struct(node, PRICE_READERS, "price")
        if not {"input", "output"} <= fields.keys():
            message = "`price` needs both `input` and `output`, in US dollars per million tokens"
            raise SpecError(message, line=self.line(node))
        return Price(**fields)

    def options(self, node: yaml.Node, key: str) -> dict[str, Any]:
        """Return what is sent to the server as it stands."""
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
        """Return the variables of the environment that hold headers' values, by header."""
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
        """Return the names of functions, and of MCP servers after ``mcp:``."""
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
        """Return the names of programs."""
        value = plain(node)
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) and _PROGRAM.fullmatch(name) for name in names):
            message = f"`{key}` is a list of programs by their plain names, like `[pytest, python]`"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(names))

    def run_limits(self, node: yaml.Node, key: str) -> ChildLimits:
        """Return what a program may use; sizes stand in MiB."""
        fields = self.struct(node, RUN_LIMITS_READERS, f"`{key}`")
        return ChildLimits(**{name: value * MIB if name in _IN_MIB else value for name, value in fields.items()})

    def redact(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        """Return the kinds of identifiers that give way to pseudonyms."""
        value = plain(node)
        if value is True:
            return KINDS
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(name in KINDS for name in names):
            message = f"`{key}` is true, or a list of some of {', '.join(KINDS)}"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(names))

    def until(self, node: yaml.Node, key: str) -> str:
        """Return the name of the function that says when it is done."""
        name = self.text(node, key)
        if not name.isidentifier():
            message = f"`{key}` names a function of the notebook, like `tests_pass`"
            raise SpecError(message, line=self.line(node))
        return name

    def gates(self, node: yaml.Node, key: str) -> dict[str, Gate]:
        """Return who has to agree to a call, by tool."""
        gates = {}
        for name, value in self.items(node, key):
            what = f"the gate of {name.value!r}"
            fields = self.struct(value, GATE_READERS, what)
            if not fields.get("ask"):
                message = f"{what} asks nobody: say `ask: [critic, {PERSON}]`"
                raise SpecError(message, line=self.line(name))
            if "need" in fields:
                fields.setdefault("policy", "quorum")
            gates[name.value] = Gate(**fields)
        return gates

    def voters(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        """Return who is asked."""
        value = plain(node)
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or names == ["everyone"]:
            message = f"`{key}` names who has to agree, like `[critic, {PERSON}]`"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(map(composed, names)))

    def weights(self, node: yaml.Node, key: str) -> dict[str, float]:
        """Return how much each voter counts."""
        return {name.value: real(0)(self, value, key) for name, value in self.items(node, key)}

    def span(self, node: yaml.Node, key: str) -> float:
        """Return the seconds that a text such as ``5 min`` or a number says."""
        try:
            return parse_span(str(plain(node)))
        except SpecError:
            message = f"`{key}` is a time, like `30 s`, `5 min` or `2 h`"
            raise SpecError(message, line=self.line(node)) from None

    def absent(self, node: yaml.Node, key: str) -> str:
        """Return what silence means; YAML takes ``no`` for a truth value."""
        value = "no" if plain(node) is False else plain(node)  # YAML takes `no` for a truth value
        if value not in ("no", "abstain", "ask"):
            message = f"`{key}` is one of no, abstain, ask"
            raise SpecError(message, line=self.line(node))
        return str(value)

    def stale(self, node: yaml.Node, key: str) -> str:
        """Return what becomes of a call whose basis has changed."""
        value = plain(node)
        if value not in ("ask", "ok"):
            message = f"`{key}` is one of ask, ok"
            raise SpecError(message, line=self.line(node))
        return str(value)

    def policy(self, node: yaml.Node, key: str) -> str:
        """Return the rule by which votes decide."""
        value = self.text(node, key)
        if value not in POLICIES:
            message = f"there is no policy {value!r}{near(value, sorted(POLICIES))}; there are: {', '.join(POLICIES)}"
            raise SpecError(message, line=self.line(node))
        return value

    def recall(self, node: yaml.Node, _key: str) -> RecallSpec | bool:
        """Return what agents are reminded of; True and False are said so."""
        if isinstance(node, yaml.ScalarNode):
            value = plain(node)
            if not isinstance(value, bool):
                message = "`recall` is true, false, or like {k: 3, threshold: 0.5, from: [pools, library]}"
                raise SpecError(message, line=self.line(node))
            return value and RecallSpec()
        fields = self.struct(node, RECALL_READERS, "recall")
        if "from" in fields:
            fields["sources"] = fields.pop("from")
        return RecallSpec(**fields)

    def on_drift(self, node: yaml.Node, key: str) -> dict[str, str]:
        """Return what is done about each kind of drift."""
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
        """Return where reminders come from."""
        value = plain(node)
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(name in RECALL_SOURCES for name in names):
            message = f"`from` is a list of some of {', '.join(RECALL_SOURCES)}, like `[pools, library]`"
            raise SpecError(message, line=self.line(node))
        return tuple(dict.fromkeys(names))


GATE_READERS: Readers = {
    "ask": KeyReader.voters,
    "policy": KeyReader.policy,
    "need": real(0),
    "weights": KeyReader.weights,
    "within": KeyReader.span,
    "absent": KeyReader.absent,
    "owner": KeyReader.text,
    "margin": real(0, 0.5),
    "stale": KeyReader.stale,
    "stake": whole(1),
    "shadow": KeyReader.flag,
}
SERVER_READERS: Readers = {
    "model": KeyReader.text,
    "base_url": KeyReader.text,
    "api_key_env": KeyReader.text,
    "headers_env": KeyReader.headers_env,
    "ca_file": KeyReader.text,
    "options": KeyReader.options,
    "parallel": whole(1, 10_000),
    "max_tokens": whole(1),
    "temperature": real(0, 2),
    "price": KeyReader.price,
}
READING_READERS: Readers = {"stride": whole(0), "interrupt": KeyReader.flag, "recall": KeyReader.recall}
ACTING_READERS: Readers = {
    "tools": KeyReader.tools,
    "calls": whole(1, 1000),
    "files": KeyReader.flag,
    "run": KeyReader.run,
}
BUDGET_READERS: Readers = {"tokens": whole(1), "seconds": real(0.1)}
RUN_LIMITS_READERS: Readers = {
    "seconds": real(0.1, 86_400),
    "memory": whole(64, 2**20),
    "file_size": whole(1, 2**20),
    "output": whole(100, 200_000),
    "processes": whole(1, 4096),
}
_IN_MIB = {"memory", "file_size"}
RECALL_READERS: Readers = {"k": whole(1, 50), "threshold": real(0.01, 1), "from": KeyReader.sources}
PRICE_READERS: Readers = {"input": real(0), "output": real(0), "cached": real(0)}
