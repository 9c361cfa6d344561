"""Runtimes of agents that all do the same work, each in a process of its own, for :mod:`.bench_team`.

Agents speak at once, each so many turns; a turn's prompt is made of what was said before, and its answer is streamed.
The peers store nothing, and are used as their documentation shows: a graph whose nodes are the agents, or agents that
run at the same time.

``python -m tests.benchmarks.runtimes NAME STORE`` reads lines of JSON, each a :class:`Work`, and answers each with a
:class:`Taken`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PLAIN, POOLS = "asyncio + openai", ("pool on sqlite", "pool on kafka")
PEERS = {
    "LangGraph": ("langgraph", "langchain_openai"),
    "AutoGen": ("autogen_agentchat", "autogen_ext"),
    "OpenAI Agents SDK": ("agents",),
}
"""Other frameworks, and what has to be installed for each."""
TASK = "Plan the opening of a neighbourhood bakery."
PROMPT_CHARS = 12_000
"""What the team's own prompts come to at most."""


class Work(NamedTuple):
    """What is to be done."""

    url: str
    agents: int
    turns: int


class Taken(NamedTuple):
    """What it took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of processor time of the process, which is the client only."""


def missing(name: str) -> list[str]:
    """Return what a runtime needs and is not installed."""
    return [module for module in PEERS.get(name, ()) if importlib.util.find_spec(module) is None]


def names(work: Work) -> list[str]:
    """Return the names of the agents."""
    return [f"agent{number:03}" for number in range(work.agents)]


def instructions(name: str) -> str:
    """Return what an agent is told of itself."""
    return f"You are {name}. Be brief and concrete."


def prompt(said: list[str]) -> str:
    """Return what an agent is asked, when so much was said."""
    return "\n\n".join(said)[-PROMPT_CHARS:] + f"\n\nThe task: {TASK}"


async def _each(work: Work, speak: Callable[[str, str], Awaitable[str]]) -> None:
    """Let all agents speak at once, with ``speak(name, prompt)``, each as often as it has turns."""
    said: list[str] = []

    async def take_turns(name: str) -> None:
        for _ in range(work.turns):
            said.append(await speak(name, prompt(said)))

    await asyncio.gather(*map(take_turns, names(work)))
    _check(work, said)


def _check(work: Work, said: list[str]) -> None:
    if len(said) != work.agents * work.turns or not all(said):
        message = f"{len(said)} of {work.agents * work.turns} turns were spoken: the times say nothing"
        raise RuntimeError(message)


# Each runtime ----------------------------------------------------------------------------------------------------


def pool(store: str, work: Work) -> None:
    """Open a pool, run a team in it, close it."""
    import agentpool_jupyter as ap

    members = dict.fromkeys(names(work), "Thinks aloud.")
    text = {"task": TASK, "turns": work.turns, "base_url": work.url, "model": "test", "agents": members}
    with ap.open_pool(f"bench-{secrets.token_hex(4)}", store) as opened:
        run = ap.Team.from_yaml(msgspec.json.encode(text).decode()).start(opened)
        run.wait()
        _check(work, [turn.text for turn in run.document().turns if turn.status == "finished"])


async def plain(work: Work) -> None:
    """Do the same with nothing but ``openai``, and nothing stored anywhere."""
    import openai

    async def speak(name: str, asked: str) -> str:
        messages: Any = [{"role": "system", "content": instructions(name)}, {"role": "user", "content": asked}]
        stream = await client.chat.completions.create(
            model="test", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        choices = [chunk.choices[0] async for chunk in stream if chunk.choices]
        return "".join(choice.delta.content or "" for choice in choices)

    async with openai.AsyncOpenAI(base_url=work.url, api_key="none", max_retries=0) as client:
        await _each(work, speak)


async def langgraph(work: Work) -> None:
    """One graph: all agents at once, as often as they have turns; their tokens are streamed out of it."""
    from langchain_core.messages import HumanMessage, SystemMessage
    from langchain_openai import ChatOpenAI
    from langgraph.graph import END, START, MessagesState, StateGraph

    model = ChatOpenAI(model="test", base_url=work.url, api_key="none", max_retries=0, stream_usage=True)

    def node(name: str) -> Callable[[MessagesState], Awaitable[dict[str, Any]]]:
        async def speak(state: MessagesState) -> dict[str, Any]:
            asked = prompt([message.text for message in state["messages"]])
            answer = await model.ainvoke([SystemMessage(instructions(name)), HumanMessage(asked)])
            return {"messages": [answer]}

        return speak

    graph = StateGraph(MessagesState)
    for name in names(work):
        graph.add_node(name, node(name))
        graph.add_edge(START, name)
        graph.add_edge(name, END)
    team, state = graph.compile(), {"messages": []}
    for _ in range(work.turns):
        async for kind, found in team.astream(state, stream_mode=["messages", "values"]):
            if kind == "values":
                state = found
    _check(work, [message.text for message in state["messages"]])


async def autogen(work: Work) -> None:
    """Assistants that run at the same time, each with a client that streams."""
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.base import TaskResult
    from autogen_core.models import ModelFamily
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    client = OpenAIChatCompletionClient(
        model="test",
        base_url=work.url,
        api_key="none",
        max_retries=0,
        include_name_in_message=False,
        model_info={
            "vision": False,
            "function_calling": False,
            "json_output": False,
            "structured_output": False,
            "family": ModelFamily.UNKNOWN,
        },
    )
    agents = {
        name: AssistantAgent(name, client, system_message=instructions(name), model_client_stream=True)
        for name in names(work)
    }

    async def speak(name: str, asked: str) -> str:
        found = [event async for event in agents[name].run_stream(task=asked) if isinstance(event, TaskResult)]
        return found[-1].messages[-1].content

    await _each(work, speak)
    await client.close()


async def agents_sdk(work: Work) -> None:
    """Agents that run at the same time, streamed."""
    import openai
    from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled

    set_tracing_disabled(True)
    async with openai.AsyncOpenAI(base_url=work.url, api_key="none", max_retries=0) as client:
        model = OpenAIChatCompletionsModel(model="test", openai_client=client)
        agents = {name: Agent(name=name, instructions=instructions(name), model=model) for name in names(work)}

        async def speak(name: str, asked: str) -> str:
            result = Runner.run_streamed(agents[name], asked)
            async for _ in result.stream_events():
                pass
            return result.final_output

        await _each(work, speak)


_PEERS = dict(zip(PEERS, (langgraph, autogen, agents_sdk), strict=True))


def do(name: str, store: str, work: Work, runner: asyncio.Runner) -> Taken:
    """Do some work with a runtime, from its making to its end."""
    wall, cpu = time.perf_counter(), time.process_time()
    if name in POOLS:
        pool(store, work)
    else:
        runner.run(plain(work) if name == PLAIN else _PEERS[name](work))
    return Taken(time.perf_counter() - wall, time.process_time() - cpu)


def main() -> None:
    """Do the work that standard input asks for, until it ends."""
    name, store = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a framework prints is no answer
    with asyncio.Runner() as runner:  # one loop: LangChain keeps its connections from one call to the next
        for line in sys.stdin:
            taken = do(name, store, msgspec.json.decode(line, type=Work), runner)
            answers.write(msgspec.json.encode(taken).decode() + "\n")


if __name__ == "__main__":
    main()
