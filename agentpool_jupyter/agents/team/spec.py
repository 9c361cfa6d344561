"""What a team is: its task, its agents, and the limits it works within."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from agentpool_jupyter.effects.programs.limits import ChildLimits
from agentpool_jupyter.pool.votes import Gate  # noqa: TC001 - msgspec reads annotations at run time

TASK = "task"
"""The word in ``listens`` for the task itself."""

CONTEXT = 3_000
"""Most prompt tokens of one call where the team names no ``context``: about ten turns of the default length. Large
teams pay for what is read, so this bounds it; see ``tests/benchmarks/bench_reading.py``."""
LOCAL_CONTEXT = 900
"""The same for the bundled model, which reads slowly."""


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model costs, in US dollars per million tokens."""

    input: float
    output: float
    cached: float | None = None
    """Of prompt tokens that the server had cached; None is as ``input``."""


class RecallSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is looked up of earlier reasoning before a turn."""

    k: int = 3
    """Most hits."""
    threshold: float = 0.5
    """Least score, above 0 and up to 1."""
    sources: tuple[str, ...] = ("pools", "library")
    """Where: ``pool`` is this one, ``pools`` all of the store, ``library`` the documents that were added. In a team's
    description this is ``from``."""


RECALL_SOURCES = ("pool", "pools", "library")


DriftKind = Literal["looping", "copying", "derailing", "unending"]
"""An agent says again what it said; it says what others said; it leaves its task and those that it hears; the team goes
on and says nothing new. See :mod:`agentpool_jupyter.agents.runs.drift`."""


class AgentSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One agent; what is None is taken from the team."""

    name: str
    role: str = ""
    listens: tuple[str, ...] | None = None
    """Whom it hears: None is everyone and the task, empty only the task; people are always heard."""
    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; keys themselves are never part of a team."""
    headers_env: dict[str, str] | None = None
    """More headers: the name of each, and of the environment variable that holds its value."""
    ca_file: str | None = None
    """Certificates to trust, in PEM."""
    options: dict[str, Any] | None = None
    """Fields of the request as the server knows them, such as ``top_p`` or ``reasoning_effort``."""
    parallel: int | None = None
    """Most calls of its server at once; the smallest that is named for a server holds."""
    python: str | None = None
    """Name of a function ``(document) -> str | None`` that speaks instead of a model."""
    turns: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    price: Price | None = None
    stride: int | None = None
    """0: none, also where the team has one."""
    interrupt: bool | None = None
    recall: RecallSpec | bool | None = None
    """False: nothing, also where the team has something."""
    tools: tuple[str, ...] | None = None
    """Functions of the notebook that it may call; empty: none, also where the team has some."""
    calls: int | None = None
    files: bool | None = None
    run: tuple[str, ...] | None = None
    """Programs that it may run; empty: none, also where the team has some."""

    @property
    def hears_task(self) -> bool:
        """Whether the task alone makes it speak."""
        return not self.listens or TASK in self.listens

    def hears(self, agent: str) -> bool:
        """Whether it listens to an agent of the team."""
        return agent != self.name and (self.listens is None or agent in self.listens)


class Budget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Hard limits of one run; None is no limit."""

    tokens: int | None = None
    """Prompt and completion tokens of all calls together, reserved before each call."""
    seconds: float | None = None


class SubTeamSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A team to which agents can hand tasks, by calling it like a tool."""

    team: TeamSpec
    """With an empty task. Its budget of tokens is the share that is set aside of its parent's for a task; without one
    that is half of what is left."""
    about: str = ""
    """What it is good for, as the agents are told that may call it."""
    answer: str = ""
    """The agent whose last turn is its answer; empty for the last turn of all."""


class TeamSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A team; it is stored whole in the pool when a run starts."""

    task: str
    agents: tuple[AgentSpec, ...]
    turns: int = 2
    """Most turns of each agent."""
    budget: Budget = Budget()
    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    headers_env: dict[str, str] | None = None
    ca_file: str | None = None
    options: dict[str, Any] | None = None
    parallel: int | None = None
    max_tokens: int = 300
    """Most completion tokens of one turn."""
    temperature: float | None = None
    seed: int | None = None
    context: int | None = None
    """Most prompt tokens of one call (estimated); None is ``LOCAL_CONTEXT`` for the bundled model, else ``CONTEXT``."""
    attempts: int = 4
    """How often a turn is tried when its server fails; within an attempt with strides, how often a stride is."""
    silence: float = 60.0
    """Seconds without a byte after which a server is given up."""
    flush: float = 0.1
    """Seconds of text that are gathered into one event."""
    price: Price | None = None
    stride: int = 0
    """After how many of its own tokens a speaking agent reads the pool again and goes on; 0: it does not."""
    interrupt: bool = False
    """Whether a turn is begun anew when a person, or an agent that it ``listens`` to by name, says something that it
    has not read: twice at most. Who listens to everyone begins anew for anyone, but once a turn and only in its first
    half (of ``max_tokens``)."""
    recall: RecallSpec | bool | None = None
    tools: tuple[str, ...] = ()
    """Functions of the notebook that agents may call."""
    calls: int = 8
    """Most calls of tools in one turn."""
    files: bool = False
    """Whether agents may read and write the files of the pool."""
    run: tuple[str, ...] = ()
    """Names of programs that agents may run on those files; see :mod:`agentpool_jupyter.effects.programs`."""
    run_limits: ChildLimits = ChildLimits()
    """What each of them may take."""
    redact: tuple[str, ...] = ()
    """Kinds of identifiers that no model reads and the pool does not get; with any of them, keys are none of both."""
    until: str = ""
    """Name of a function ``(document) -> bool``: the run ends when it holds after a turn; empty for none."""
    gates: dict[str, Gate] = {}
    """Who has to agree before a tool is called, by the tool's name."""
    on_drift: dict[DriftKind, Literal["stop", "warn"]] = {}
    """What is done when drift of a kind sets in: ``warn`` puts a label on the turn; ``stop`` does, and its agent takes
    no more turns, or with ``unending`` the run ends."""
    teams: dict[str, SubTeamSpec] = {}
    """Teams to which agents that name them in ``tools`` can hand tasks."""

    def agent(self, name: str) -> AgentSpec:
        """Return the agent of that name; KeyError if there is none."""
        return next(agent for agent in self.agents if agent.name == name)

    def turns_of(self, agent: AgentSpec) -> int:
        """Return the most turns of one agent."""
        return self.turns if agent.turns is None else agent.turns

    def stride_of(self, agent: AgentSpec) -> int:
        """Return the stride of one agent, in tokens; 0 for none."""
        return self.stride if agent.stride is None else agent.stride

    def interrupts(self, agent: AgentSpec) -> bool:
        """Return whether one agent's turns are broken off when they are overtaken."""
        return self.interrupt if agent.interrupt is None else agent.interrupt

    def recall_of(self, agent: AgentSpec) -> RecallSpec | None:
        """Return what one agent looks up before a turn; None for nothing."""
        own = self.recall if agent.recall is None else agent.recall
        return RecallSpec() if own is True else own or None

    def tools_of(self, agent: AgentSpec) -> tuple[str, ...]:
        """Return the names of the tools that one agent may call."""
        return self.tools if agent.tools is None else agent.tools

    def shares_files(self, agent: AgentSpec) -> bool:
        """Return whether one agent may read and write the pool's files."""
        return self.files if agent.files is None else agent.files

    def programs_of(self, agent: AgentSpec) -> tuple[str, ...]:
        """Return the names of the programs that one agent may run."""
        return self.run if agent.run is None else agent.run

    def calls_of(self, agent: AgentSpec) -> int:
        """Return the most calls in one turn of one agent."""
        return self.calls if agent.calls is None else agent.calls

    def whole(self) -> list[TeamSpec]:
        """Return the team and all teams below it, each behind the one that it is below."""
        return [self, *(spec for sub in self.teams.values() for spec in sub.team.whole())]

    def to_dict(self) -> dict[str, Any]:
        """Return the team as plain data, as a ``run_started`` event carries it."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TeamSpec:
        """Return the team that ``to_dict`` wrote, ignoring fields of newer versions."""
        return msgspec.convert(data, cls)


DEFAULT_AGENTS = (
    AgentSpec(name="planner", role="Drafts an answer to the task, most important point first."),
    AgentSpec(name="critic", role="Names the weakest claim of the others and says how to mend it."),
    AgentSpec(name="builder", role="Turns what was said into concrete next steps."),
)
"""The team of a cell that holds nothing but a task."""
