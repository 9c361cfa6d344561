"""What a cell would ask, shown without asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.display.note import prompts_html

if TYPE_CHECKING:
    from agentpool_jupyter.agents.runs.plan import PlannedTurn
    from agentpool_jupyter.agents.team.spec import TeamSpec


class DryRun:
    """The exact prompts of each agent's first turn over the pool as it is, and the tokens they would reserve."""

    def __init__(self, turns: list[PlannedTurn], team: TeamSpec) -> None:
        self.turns = turns
        self.team = team

    @property
    def reserved(self) -> int:
        """Tokens that the turns which start at once reserve together."""
        return sum(turn.reserved for turn in self.turns if turn.starts)

    def _summary(self) -> str:
        limit = self.team.budget.tokens
        budget = f"of a budget of {limit:,}" if limit else "no token budget is set"
        fits = " — more than the budget: agents will wait for one another" if limit and self.reserved > limit else ""
        return f"dry run: nothing was called; {self.reserved:,} tokens would be reserved at the start, {budget}{fits}"

    def _head(self, turn: PlannedTurn) -> str:
        when = "at once" if turn.starts else "once someone it listens to has spoken (shown as the pool is now)"
        return f"{turn.agent}: {turn.model} at {turn.server}, {when}, reserves {turn.reserved:,} tokens"

    def __repr__(self) -> str:
        parts = [self._summary()]
        for turn in self.turns:
            prompt = "\n".join(f"--- {message['role']}\n{message['content']}" for message in turn.messages)
            parts.append(f"=== {self._head(turn)}\n{prompt}")
        return printable("\n\n".join(parts))

    def _repr_html_(self) -> str:
        return prompts_html(self._summary(), [(self._head(turn), turn.messages) for turn in self.turns])
