"""Short teams for tests, and what tests look for in a pool."""

import time

import yaml

from agentpool_jupyter import Team
from agentpool_jupyter.errors import RunFailedError
from agentpool_jupyter.pool.events import Delta, TurnFinished, TurnStarted


def team(agents, server=None, *, functions=None, **fields):
    """A team whose agents are roles, or mappings; its model is the test server's."""
    spec = {"task": "Plan a bakery.", "turns": 1, "flush": 0.02, "max_tokens": 100, "agents": agents, **fields}
    if server is not None:
        spec |= {"model": "test", "base_url": server.base_url}
    return Team.from_yaml(yaml.safe_dump(spec, sort_keys=False), functions=functions)


def play(pool, *arguments, **options):
    """Start a team in a pool and wait for its end; a failed run is returned like any other."""
    run = team(*arguments, **options).start(pool)
    try:
        assert run.wait(60)
    except RunFailedError:
        assert run.status == "failed"
    return run


def speaks(agent):
    """What stands in an agent's own prompts and in no other's."""
    return f"You are {agent}."


def asked(server, agent):
    """The requests that an agent's turns made."""
    return [request for request in server.requests if speaks(agent) in request.messages[0]["content"]]


def until(condition, timeout=20):
    """Wait for something to become true, and insist that it does."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "what the test waits for did not happen"
        time.sleep(0.01)


def said(pool, agent, least=1):
    """Whether an agent's latest turn has this many characters in the pool."""
    turns = [turn for turn in pool.document().turns if turn.agent == agent]
    return bool(turns) and len(turns[-1].text) >= least


def say(pool, text, agent="planner", *, finish=True, reason="stop"):
    """Let an agent say something in a turn of its own, in two pieces; returns the turn's id."""
    turn = pool.new_id()

    def header():
        return pool.header(pool.branch, run="r1", agent=agent) | {"turn": turn}

    half = len(text) // 2
    pieces = [text[:half], text[half:]] if text else []
    events = [TurnStarted(**header()), *(Delta(**header(), seq=i, text=piece) for i, piece in enumerate(pieces))]
    pool.append([*events, *([TurnFinished(**header(), deltas=len(pieces), reason=reason)] if finish else [])])
    return turn


def prompt(request):
    """What the agent was told after the system's words."""
    return request.messages[1]["content"]


def of_type(pool, kind):
    """The stored events of a type."""
    return [event for event in pool.events() if isinstance(event, kind)]
