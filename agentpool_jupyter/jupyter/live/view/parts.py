"""A question, a call and an agent as they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.agents.team.spec import TASK
from agentpool_jupyter.display.screen import AgentView, AlikeView, CallView, QuestionView
from agentpool_jupyter.effects.perform import answer_of
from agentpool_jupyter.pool import words

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.display.screen import TurnView
    from agentpool_jupyter.pool.effects import Effect

_MOST_TOLD = 4_000  # characters of an answer or an output that are shown


def question_view(effects: list[Effect]) -> QuestionView:
    """Return calls that are alike as one question to a person."""
    first, *more = effects
    uncounted = "; ".join(effect.uncounted for effect in effects if effect.uncounted)
    return QuestionView(
        id=first.id,
        agent=first.proposal.agent,
        what=first.told,
        why=first.verdict(0).why + (f"; not counted: {uncounted}" if uncounted else ""),
        until=min((effect.deadline for effect in effects if effect.deadline), default=None),
        rests="; ".join(dict.fromkeys(effect.rests_on for effect in effects)),
        again="; ".join(dict.fromkeys(effect.asked_again for effect in effects if effect.asked_again)),
        seen=first.since,
        more=[AlikeView(id=one.id, agent=one.proposal.agent, what=one.told, seen=one.since) for one in more],
    )


def show_call(turn: TurnView, effect: Effect) -> None:
    """Put a call into its turn, in place of what stands there of it."""
    ended = effect.ended
    shown = CallView(
        id=effect.id,
        what=effect.told,
        status=effect.status,
        answer=_cut(answer_of(effect)) if ended or effect.status == "refused" else "",
        output=_cut(ended.output) if ended else "",
    )
    calls = {call.id: call for call in (turn.calls or [])}
    turn.calls = list((calls | {effect.id: shown}).values())


def _cut(text: str) -> str:
    return (
        text if len(text) <= _MOST_TOLD else f"{text[:_MOST_TOLD]}… ({len(text):,} characters; `%pool events` has all)"
    )


def agent_view(team: TeamSpec, agent: AgentSpec) -> AgentView:
    """Return an agent that has done nothing yet."""
    return AgentView(
        name=agent.name,
        role=agent.role,
        model=f"{words.PYTHON}{agent.python}" if agent.python else agent.model or team.model or "",
        kind="python" if agent.python else "model",
        listens=None if agent.listens is None else [name for name in agent.listens if name != TASK],
        turns_max=team.turns_of(agent),
    )
