"""Who had read what, and what came from what, beside their definitions: asked of every attempt, whenever."""

from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.pool.events import (
    Delta,
    Message,
    RunStarted,
    TurnContinued,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from agentpool_jupyter.tracing.causes import causes_of
from agentpool_jupyter.tracing.course import Teams
from agentpool_jupyter.tracing.line import Attempts

TEAM = TeamSpec(
    task="Talk.",
    agents=(AgentSpec(name="ann"), AgentSpec(name="ben", listens=("ann",)), AgentSpec(name="cem"), AgentSpec(name="f")),
)


class Told:
    """A log that grows by chance, with its teams and attempts as far as it was taken in."""

    def __init__(self, dice):
        self.dice, self.offset, self.ids, self.open = dice, 0, [], {}
        self.teams = Teams()
        self.line = Attempts(self.teams)
        self.put(RunStarted, spec=TEAM.to_dict())

    def put(self, kind, **fields):
        event = kind(id=f"e{self.offset}", branch="main", run="r", offset=self.offset, time=self.offset, **fields)
        self.offset += 1
        if isinstance(event, RunStarted):
            self.teams.absorb(event)
        self.line.absorb(event)
        return event

    def context(self):
        found = {"since": self.dice.randrange(self.offset + 1)} if self.dice.random() < 0.8 else {}
        if self.ids and self.dice.random() < 0.5:
            found["also"] = self.dice.sample(self.ids, min(len(self.ids), 3))
        if self.ids and self.dice.random() < 0.1:
            found["going_on"] = self.dice.choice(self.ids)
        return found

    def step(self):
        """Something happens: a person speaks, or an agent begins, asks again, says something or ends."""
        agent, what = self.dice.choice(TEAM.agents).name, self.dice.random()
        seen = max(0, self.offset - self.dice.randrange(12))
        if what < 0.08:
            self.ids.append(self.put(Message, agent="you", text="Hi.").id)
        elif agent not in self.open:
            turn = self.open[agent] = f"t{self.offset}"
            self.ids.append(turn)
            model = "python:f" if agent == "f" else "m"
            self.put(TurnStarted, agent=agent, turn=turn, model=model, seen=seen, context=self.context())
        elif what < 0.55:
            self.put(Delta, agent=agent, turn=self.open[agent], seq=0, text=self.dice.choice(["x", " "]))
        elif what < 0.65 and agent != "f":
            self.put(TurnContinued, agent=agent, turn=self.open[agent], seen=seen, context=self.context())
        elif what < 0.9:
            self.put(TurnFinished, agent=agent, turn=self.open.pop(agent), reason=self.dice.choice(["stop", "silent"]))
        else:
            again = self.dice.random() < 0.5
            self.put(TurnFailed, agent=agent, turn=self.open.pop(agent), error="x", retriable=again)


def read_by(line, key):
    """What an attempt had read, by the definition."""
    one, found = line.attempts[key], set()
    deaf = {"cem", "f"} if one.agent == "ben" else set()
    for asking in one.askings:
        record, since = asking.context, asking.context.get("since")
        for other in line.attempts.values():
            named = other.id in record.get("also", ()) and (since is None or other.start < since)
            tail = since is not None and since <= other.start
            if not other.stood(asking.seen) or other.start >= asking.seen:
                continue
            own = other.id in (key, record.get("going_on"))
            if one.python or ((named or tail) and other.agent not in deaf and not own):
                found.add(other.id)
    return found


def came_from(line, key):
    """What an attempt came from, by the definition."""
    one, read = line.attempts[key], read_by(line, key)
    own = [other for other in read if line.attempts[other].agent == one.agent and not line.attempts[other].person]
    before = max(own, key=lambda other: line.attempts[other].start, default=None)
    if before is not None:
        seen = max(asking.seen for asking in line.attempts[before].askings)
        ends = {other: line.attempts[other].end for other in read_by(line, before)}
        read -= {other for other, end in ends.items() if end is not None and end < seen}
        read.add(before)
    return sorted(read, key=lambda other: line.attempts[other].start)


def test_readings_and_causes_are_those_of_their_definitions(dice):
    """Also of what still runs, of what is continued after a copy, and of what nobody asked for until later."""
    for _ in range(20):
        told = Told(dice)
        for number in range(dice.randrange(20, 120)):
            told.step()
            if number % 17 == 0:
                told.teams = told.teams.copy()
                told.line = told.line.copy(told.teams)
            for key in dice.sample(told.ids, min(2, len(told.ids))):
                assert told.line.read_by(key) == read_by(told.line, key)
                assert causes_of(told.line, key) == came_from(told.line, key)
        for key in told.ids:
            assert causes_of(told.line, key) == came_from(told.line, key)
