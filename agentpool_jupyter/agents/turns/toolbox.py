"""What a turn may call: a model's calls of tools become effects in the log, and their answers the next prompt's end."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.agents.models.answer import AskedCall
from agentpool_jupyter.agents.prompt.record import turns_heard
from agentpool_jupyter.effects.files.turn_files import FILE_TOOLS, OF_FILES, TurnFiles
from agentpool_jupyter.effects.mcp_server import MARK, McpServer, address_of, check_installed
from agentpool_jupyter.effects.perform import EffectRequest, Performer, answer_of
from agentpool_jupyter.effects.programs.program import RUN_PROGRAM, find_program, program_tool
from agentpool_jupyter.effects.tool import Tool, ask_tool
from agentpool_jupyter.effects.voters import function_voters
from agentpool_jupyter.errors import SpecError
from agentpool_jupyter.pool.effects import canonical
from agentpool_jupyter.pool.events import NOTHING_READ, Rests
from agentpool_jupyter.pool.votes import PERSON

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.effects.voters import Voter
    from agentpool_jupyter.pool.events import Event

    from .writer import RunResources

ASK = "ask"
"""The tool that every team has: an agent asks a person. A function of that name comes first."""
_MOST_MISTAKES = 2  # calls of a turn that are no calls: one may be mended, the next ends its calling


class Toolbox:
    """The tools of one agent in one of its turns.

    An attempt at a turn that is made again, after a crash or a failure, makes the same calls as the one before it, as
    far as the model asks for the same: they have the same keys, and what was carried out is answered from the log.
    """

    def __init__(self, resources: RunResources, agent: AgentSpec) -> None:
        self._resources = resources
        self._agent = agent
        self._files = TurnFiles(resources.pool, resources.live.branch, lambda: resources.header(agent.name))
        self._own = self._of_the_pool()
        entries = resources.team.tools_of(agent)
        self._tools = {tool.name: tool for entry in entries for tool in resources.tools[entry]} | self._own
        self._number = self._turns_before()
        self._left = resources.team.calls_of(agent)
        self._mistakes = 0
        self._made: Counter[bytes] = Counter()
        self._in_order = asyncio.Lock()
        self._performer = Performer(resources.pool, self._store, resources.outbox.put, resources.live.moved.wait)

    @property
    def described(self) -> tuple[Mapping[str, Any], ...]:
        """What may still be called, as a request describes it; nothing once all calls are used up."""
        usable = self._left > 0 and self._mistakes < _MOST_MISTAKES
        return tuple(tool.described for tool in self._tools.values()) if usable else ()

    def clean(self, asked: AskedCall) -> AskedCall:
        """Return a call as the pool may have it: without identifiers, where the team redacts."""
        redactor = self._resources.redactor
        if redactor is None:
            return asked
        try:
            arguments = canonical(redactor.data(msgspec.json.decode(asked.arguments or "{}"))).decode()
        except (msgspec.DecodeError, RecursionError):  # that it is no JSON is told where it is read
            arguments = redactor.text(asked.arguments)
        return AskedCall(asked.id, asked.name, arguments)

    async def answer(self, asked: Sequence[AskedCall], turn: str, seen: int) -> list[str]:
        """Make the calls of one answer, all at once, and return what the model is told of each.

        Those that work on the pool's files are made in their order: two edits of a file, or a program that is
        written and then run.
        """
        self._files.turn = turn
        return list(await asyncio.gather(*(self._call(call, turn, seen) for call in asked)))

    async def _call(self, asked: AskedCall, turn: str, seen: int) -> str:
        if self._left <= 0:
            return f"error: not done, for a turn may make {self._resources.team.calls_of(self._agent)} calls"
        tool = self._tools.get(asked.name)
        try:
            if tool is None:
                message = f"there is no tool {asked.name!r}; there are: {', '.join(self._tools)}"
                raise ValueError(message)  # noqa: TRY301 - both are the model's mistakes
            arguments = tool.read(asked.arguments)
        except ValueError as error:
            self._mistakes += 1
            return f"error: {error}"
        self._left -= 1
        async with self._in_order if tool is self._own.get(tool.name) else nullcontext():
            return await self._perform(tool, arguments, turn, seen)

    async def _perform(self, tool: Tool, arguments: dict[str, Any], turn: str, seen: int) -> str:
        gate = self._resources.team.gates.get(tool.name) or tool.gate
        call = await self._performer.perform(
            EffectRequest(
                tool=tool,
                arguments=arguments,
                key=self._key(tool, arguments),
                header=lambda voter="": self._resources.header(voter or self._agent.name),
                turn=turn,
                seen=seen,
                data=OF_FILES if tool is self._own.get(tool.name) and tool.name in FILE_TOOLS else {},
                gate=gate,
                rests=self._rests(seen) if gate else NOTHING_READ,
                voters=self._resources.voters | function_voters(tool.voters),
                redact=self._resources.redactor.data if self._resources.redactor else None,
            )
        )
        self._files.note(call)
        return answer_of(call)

    def _rests(self, seen: int) -> Rests:
        """Return what the turn had read that may change: turns that were still spoken then, and files."""
        turns = turns_heard(self._resources.live.document.attempts, self._resources.team, self._agent)
        spoken = (turn for turn in turns if turn.start < seen and (turn.end is None or turn.end >= seen))
        others = tuple(turn.id for turn in spoken if turn.agent != self._agent.name)
        files = self._files.read
        return Rests(turns=others, files=files) if others or files else NOTHING_READ

    def _of_the_pool(self) -> dict[str, Tool]:
        """Return the tools that are no functions of the notebook: of the pool's files, and of programs."""
        resources = self._resources
        tools = self._files.tools if resources.team.shares_files(self._agent) else {}
        if programs := resources.team.programs_of(self._agent):
            files = lambda: resources.pool.files_of(resources.live.branch)  # noqa: E731
            tools[RUN_PROGRAM] = program_tool(programs, files, resources.team.run_limits)
        return tools

    def _key(self, tool: Tool, arguments: dict[str, Any]) -> str:
        # What was done to the files of a line that was left was not done on this one.
        line = [self._resources.live.branch] if tool is self._own.get(tool.name) else []
        same = canonical([self._resources.claim.run, self._agent.name, self._number, tool.name, arguments, *line])
        self._made[same] += 1
        return hashlib.sha256(canonical([same.decode(), self._made[same]])).hexdigest()[:32]

    def _turns_before(self) -> int:
        """Return how many turns the agent has finished in its run, on this line."""
        run, name = self._resources.claim.run, self._agent.name
        turns = self._resources.live.document.turns if self._tools else ()
        return sum(turn.run == run and turn.agent == name and turn.status == "finished" for turn in turns)

    async def _store(self, events: Sequence[Event]) -> None:
        for event in events:
            self._resources.outbox.put(event)
        await self._resources.outbox.stored(events[-1])


def messages_of(text: str, asked: Sequence[AskedCall], answers: Sequence[str]) -> list[dict[str, Any]]:
    """Return an answer that calls tools, and what they answered, as the messages of a conversation."""
    ids = [call.id or f"call_{number}" for number, call in enumerate(asked)]
    calls = [
        {"id": name, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
        for name, call in zip(ids, asked, strict=True)
    ]
    told = [
        {"role": "tool", "tool_call_id": name, "content": answer} for name, answer in zip(ids, answers, strict=True)
    ]
    return [{"role": "assistant", "content": text, "tool_calls": calls}, *told]


def voting_agents(team: TeamSpec, functions: Mapping[str, Any]) -> set[str]:
    """Return the agents of a team that can be asked whether something may be done."""
    return {agent.name for agent in team.agents if agent.python is None or hasattr(functions[agent.python], "vote")}


def voters_of(team: TeamSpec, functions: Mapping[str, Any], above: Collection[str] = ()) -> dict[str, Voter]:
    """Return the functions that a team's gates ask; raises SpecError where a name is nobody's.

    ``above`` are the voters of the teams above it.
    """
    known = {*voting_agents(team, functions), *above, PERSON}
    asked = {name: tool for tool, gate in team.gates.items() for name in gate.ask if name not in known}
    for name, tool in asked.items():
        if not callable(functions.get(name)):
            message = f"the gate of {tool!r} asks {name!r}, which is no agent of the team and no function"
            raise SpecError(message)
    return function_voters({name: functions[name] for name in asked})


def tools_of(team: TeamSpec, functions: Mapping[str, Any]) -> dict[str, list[Tool]]:
    """Return the tools of a team by the entry that names them; those of servers and of teams come once a run is there.

    Raises SpecError where an entry is no function, UserError where one cannot be described to a model or is no server,
    ExtraMissingError.
    """
    tools: dict[str, list[Tool]] = {}
    for agent in team.agents:
        for program in team.programs_of(agent):
            find_program(program)
        for entry in team.tools_of(agent):
            if entry in tools:
                continue
            if entry in (*FILE_TOOLS, RUN_PROGRAM):
                message = (
                    f"agent {agent.name!r}: `tools` cannot have {entry!r}, which `files` or `run` gives: rename it"
                )
                raise SpecError(message)
            if entry in team.teams:
                tools[entry] = []
            elif entry.startswith(MARK):
                check_installed()
                address_of(entry)
                tools[entry] = []
            elif entry == ASK and entry not in functions:
                tools[entry] = [ask_tool()]
            elif callable(functions.get(entry)):
                tools[entry] = [Tool.of(entry, functions[entry])]
            else:
                message = (
                    f"agent {agent.name!r}: there is no function {entry!r} for `tools`; define it before this cell"
                )
                raise SpecError(message)
    return tools


class Servers:
    """The servers whose tools a team has, started once for a run; belongs to one event loop."""

    def __init__(self) -> None:
        self._started: list[McpServer] = []

    async def start(self, tools: dict[str, list[Tool]]) -> None:
        """Start those that entries name, all at once, and put in what they offer; raises ServiceError."""
        entries = [entry for entry in tools if entry.startswith(MARK)]
        self._started = [McpServer(address_of(entry)) for entry in entries]
        for entry, found in zip(entries, await asyncio.gather(*(one.tools() for one in self._started)), strict=True):
            tools[entry] += found

    async def aclose(self) -> None:
        """End them; twice is fine."""
        await asyncio.gather(*(server.aclose() for server in self._started))
