"""A model that is asked whether something may be done."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.agents.models.answer import Answer
from agentpool_jupyter.agents.models.dialect import held_to
from agentpool_jupyter.agents.prompt.build import build_prompt
from agentpool_jupyter.agents.prompt.frame import framed, spoken
from agentpool_jupyter.effects.voters import HOW_TO_VOTE, VOTE, Ballot, read_ballot
from agentpool_jupyter.errors import ModelError, ServiceError, UserError
from agentpool_jupyter.pool.effects import canonical

from .budget import BudgetExhaustedError, text_bound
from .call import Call, most

if TYPE_CHECKING:
    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.models.endpoint import CallLimits
    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool.effects import Effect

    from .writer import RunResources

_TOKENS = 200
"""Most tokens of an answer."""


async def ask_model(
    resources: RunResources, agent: AgentSpec, client: ModelClient, limits: CallLimits, effect: Effect
) -> Ballot:
    """Ask an agent's model whether an effect may be carried out, over all that the agent reads.

    Whatever goes wrong is a no: a server that fails, an answer that is none, a budget that does not hold the call.
    """
    try:
        prompt = build_prompt(resources.live.document, resources.team, agent, tokens=limits.context)
        *before, last = prompt.messages
        question = {"role": "user", "content": f"{last['content']}\n\n{_question(effect)}"}
        messages = [*before, question]
        redactor = resources.redactor
        prompt = msgspec.structs.replace(prompt, messages=redactor.data(messages) if redactor else messages)
        reservation = await resources.budget.reserve(most(client.gauge, prompt) + _TOKENS + client.gauge.beyond)
    except (BudgetExhaustedError, UserError) as error:
        return Ballot(accept=False, why=f"was not asked: {error}")
    call, answer, said, usage = Call(prompt, _TOKENS, reservation), Answer(), "", None
    try:
        options = {**(limits.options or {}), **held_to("vote", VOTE)}
        pieces = client.stream(prompt.messages, max_tokens=_TOKENS, options=options, answer=answer)
        async with aclosing(pieces):
            async for piece in pieces:
                said += piece if isinstance(piece, str) else ""
    except (ModelError, ServiceError) as error:
        return Ballot(accept=False, why=f"could not be asked: {error}", usage=answer.usage)
    finally:
        usage = answer.usage or call.took(client.gauge, answer, text_bound(said))
        reservation.settle(usage.total)
    return read_ballot(spoken(said), usage)


def _question(effect: Effect) -> str:
    proposal = effect.proposal
    what = framed(canonical({"tool": proposal.tool, "arguments": proposal.arguments}).decode())
    return f"{proposal.agent} asks for this to be done:\n{what}\nMay it be done? {HOW_TO_VOTE}"
