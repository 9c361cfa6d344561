"""Tools: functions of the notebook that agents may call, described to models by their annotations and docstrings."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

import msgspec

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.votes import PERSON, Gate

from .masking import secret_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentpool_jupyter.pool.effects import Effect

    FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

SECONDS = 60.0
"""How long a call may take, where its tool does not say."""
MOST_BYTES = 64_000
"""Of a call's arguments, and of its result, as JSON."""
ASK_SECONDS = 3600.0
"""How long a person has to answer a question."""
KEY = "key"
"""The argument by which an idempotent tool gets the key of a call; models do not see it."""
_MARK = "__agentpool_tool__"
GATE = "__agentpool_gate__"
"""Where a guarded function says who has to agree, and which functions that are (:mod:`.consensus`)."""
_PLAIN = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, kw_only=True)
class ToolOptions:
    """What annotations and a docstring do not tell of a tool."""

    timeout: float | None = SECONDS
    """Seconds that a call may take; None is no limit."""
    idempotent: bool = False
    """To call it twice with one ``key`` is to call it once, so that a call in doubt is simply made again."""
    check: Callable[..., Any] | None = None
    """Given a call's arguments, says whether it was carried out: settles what is in doubt."""
    undo: Callable[..., Any] | None = None
    """Given a call's arguments, and its result as ``result`` where it takes one, takes the effect back."""


class Act(NamedTuple):
    """What a Python agent decides to do: a call of a tool."""

    tool: str
    arguments: Mapping[str, Any]


def act(tool: str, /, **arguments: Any) -> Act:
    """Return the call of a tool, for ``decide`` of a Python agent to return."""
    return Act(tool, arguments)


@overload
def tool(function: FunctionT) -> FunctionT: ...
@overload
def tool(
    *,
    timeout: float | None = SECONDS,
    idempotent: bool = False,
    check: Callable[..., Any] | None = None,
    undo: Callable[..., Any] | None = None,
) -> Callable[[FunctionT], FunctionT]: ...
def tool(function: Any = None, **options: Any) -> Any:
    """Say of a function what a team cannot guess when it names it in ``tools:``; the function stays as it is.

    ``timeout`` is in seconds. An ``idempotent`` function takes an argument ``key``, a text that is the same whenever
    the same call is made again; ``check`` and ``undo`` are functions of the same arguments, see :class:`ToolOptions`.
    """

    def marked(function: Any) -> Any:
        setattr(function, _MARK, ToolOptions(**options))
        return function

    return marked if function is None else marked(function)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function that agents may call."""

    name: str
    function: Callable[..., Any]
    description: str = ""
    schema: Mapping[str, Any]
    """Its arguments as JSON Schema."""
    arguments: type[msgspec.Struct] | None = None
    """The same as a type, which checks what a model sends; None where somebody else does."""
    options: ToolOptions = field(default_factory=ToolOptions)
    gate: Gate | None = None
    """Who has to agree before it is called, where it is guarded by itself."""
    voters: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """The functions that its own gate asks, by name."""
    answered: bool = False
    """Nothing is called: what the person said who agreed is the result."""

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> Tool:
        """Return the tool that a function is; raises UserError where its arguments cannot be sent as JSON."""
        gate, voters = getattr(function, GATE, (None, {}))
        function = inspect.unwrap(function)
        options = getattr(function, _MARK, ToolOptions())
        arguments = _arguments_of(name, function, options)
        try:
            schema = _schema_of(arguments)
        except TypeError as error:
            why = " ".join(str(error).split())
            message = f"tool {name!r}: annotate its arguments with types that JSON has ({why})"
            raise UserError(message) from None
        return cls(
            name=name,
            function=function,
            description=inspect.getdoc(function) or "",
            arguments=arguments,
            schema=schema,
            options=options,
            gate=gate,
            voters=voters,
        )

    @property
    def described(self) -> dict[str, Any]:
        """The tool as a request describes it (OpenAI API reference, "function tool")."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": dict(self.schema)},
        }

    def read(self, text: str) -> dict[str, Any]:
        """Return the arguments that a model wrote, all of them and as plain data; raises ValueError, which says why."""
        if len(text.encode(errors="replace")) > MOST_BYTES:
            message = f"the arguments are longer than {MOST_BYTES:,} bytes"
            raise ValueError(message)
        try:
            sent = msgspec.json.decode(text.strip() or "{}")
            read = msgspec.convert(sent, self.arguments or dict[str, Any], strict=False)
        except (msgspec.DecodeError, RecursionError) as error:  # a ValidationError is a DecodeError
            message = f"the arguments are not those of {self.name}: {error}"
            raise ValueError(message) from None
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(read))
        if variable := secret_in(plain):
            kept = "and all arguments are kept in the log"
            message = f"the arguments hold the secret in ${variable}, {kept}: let {self.name} read it itself"
            raise ValueError(message)
        return plain

    def call_with(self, arguments: Mapping[str, Any], key: str, effect: Effect | None = None) -> Callable[[], Any]:
        """Return the call of the function with arguments that :meth:`read` returned."""
        if self.answered:
            return lambda: _answer_to(effect)
        if self.arguments is None:
            return lambda: self.function(**arguments)
        read = msgspec.convert(dict(arguments), self.arguments)
        named = {name: getattr(read, name) for name in self.arguments.__struct_fields__}
        if self.options.idempotent:
            named[KEY] = key
        return lambda: self.function(**named)


def ask(question: str) -> str:
    """Ask the person that the team works for, and wait for the answer. Ask only what you cannot find out otherwise."""
    raise NotImplementedError(question)


def ask_tool(within: float = ASK_SECONDS) -> Tool:
    """Return the tool by which an agent asks a person; who does not answer within so many seconds has not answered."""
    gate = Gate(ask=(PERSON,), within=within)
    made = Tool.of(ask.__name__, ask)
    return replace(made, gate=gate, answered=True)


def _answer_to(effect: Effect | None) -> str:
    vote = effect.votes.get(PERSON) if effect else None
    return vote.text if vote and vote.text else "(agreed, without a word)"


def _arguments_of(name: str, function: Callable[..., Any], options: ToolOptions) -> type[msgspec.Struct]:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters.values()
    except (NameError, TypeError, ValueError) as error:
        message = f"tool {name!r}: its annotations cannot be read ({error})"
        raise UserError(message) from None
    if options.idempotent and KEY not in {one.name for one in parameters}:
        message = f"tool {name!r} is idempotent and takes no `{KEY}`: add that argument, a text"
        raise UserError(message)
    fields: list[Any] = []
    for one in parameters:
        if one.kind not in _PLAIN:
            message = f"tool {name!r}: {one} cannot be described to a model: name each argument"
            raise UserError(message)
        if one.name == KEY and options.idempotent:
            continue
        default = () if one.default is one.empty else (one.default,)
        fields.append((one.name, hints.get(one.name, Any), *default))
    try:
        return msgspec.defstruct("Arguments", fields, kw_only=True, frozen=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as error:
        message = f"tool {name!r}: its arguments cannot be sent as JSON ({error})"
        raise UserError(message) from None


def _schema_of(arguments: type[msgspec.Struct]) -> dict[str, Any]:
    (_,), components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    own: dict[str, Any] = components.pop(arguments.__name__)
    own.pop("title", None)
    return own | ({"$defs": components} if components else {})
