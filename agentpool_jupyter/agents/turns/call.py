"""One call of an attempt: what it asks, what is set aside for it, and what it took where its server does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.agents.reminders.lookup import NOTHING
from agentpool_jupyter.pool.events import Usage

from .budget import prompt_load

if TYPE_CHECKING:
    from agentpool_jupyter.agents.models.answer import Answer
    from agentpool_jupyter.agents.models.continuation import Continuation
    from agentpool_jupyter.agents.models.gauge import Gauge
    from agentpool_jupyter.agents.prompt.build import Prompt
    from agentpool_jupyter.agents.reminders.lookup import Lookup

    from .budget import Reservation


class Call(NamedTuple):
    """A call that may be made."""

    prompt: Prompt
    tokens: int
    """Most completion tokens."""
    reservation: Reservation
    continuation: Continuation | None = None
    """How it goes on with the text so far; None for the attempt's first."""
    recalled: Lookup = NOTHING
    """What was looked up for it."""
    in_words: bool = False
    """Its tools are described in words, to a server that does not know ``tools``."""

    def teach(self, gauge: Gauge, answer: Answer, said: int, taken: Usage) -> None:
        """Let a gauge learn from an exact count of the call, whose text has so many bytes."""
        gauge.learn(
            prompt=prompt_load(self.prompt.messages, self.prompt.tools),
            prompt_tokens=taken.prompt,
            said=said + answer.thought,
            completion_tokens=taken.completion - answer.hidden,
            hidden=answer.hidden,
        )
        gauge.beyond = max(gauge.beyond, taken.completion - self.tokens)

    def took(self, gauge: Gauge, answer: Answer, said: int) -> Usage:
        """Return about what the call took whose answer has come so far, never more than was reserved for it.

        A stream that was left because it had passed its limit has taken more than that limit.
        """
        most = self.reservation.tokens
        prompt = answer.prompt_tokens or min(most, gauge.prompt(prompt_load(self.prompt.messages, self.prompt.tools)))
        completion = self.tokens if gauge.hides else gauge.completion(said + answer.thought)
        if answer.reason is not None or not gauge.past(self.tokens, answer.bytes, answer.pieces):
            completion = min(completion, self.tokens)
        return Usage(prompt=prompt, completion=min(completion, max(self.tokens, most - prompt)), estimated=True)


def most(gauge: Gauge, prompt: Prompt) -> int:
    """Return how many tokens a prompt has at most, as far as its server's ratio is known."""
    return gauge.prompt(prompt_load(prompt.messages, prompt.tools), reserve=True)
