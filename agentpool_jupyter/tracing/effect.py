"""One call of a tool explained: who wanted it and why, who agreed, what it did, and what the turn had read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.account import Account, Part
from agentpool_jupyter.display.table import clip
from agentpool_jupyter.pool import Position

from .line import Line
from .told import effect_lines, handed_over
from .turn import Trace

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.effects import Effect

_SHOWN = 4000  # characters of what it printed


class EffectTrace(Account):
    """Why a tool was called, and what came of it; displays itself."""

    def __init__(self, pool: Pool, effect: Effect) -> None:
        self.effect = effect
        position = Position(effect.proposal.branch, pool.end - 1)
        document = pool.document(position)
        turn = document.turn(effect.proposal.turn) if effect.proposal.turn else None
        self.turn = Trace(pool, document, Line(pool, position), turn) if turn is not None else None
        """The turn that asked for it; None where a person, or an attempt that was tried again, did."""
        self._handed = handed_over(pool)
        self.run = self._handed.get(effect.proposal.key)
        """The run to which the task was handed over by it, if any."""

    @property
    def head(self) -> str:
        """It in a line."""
        effect = self.effect
        return f"{effect.told}: {effect.status}, asked for by {effect.proposal.agent or 'a person'}, id {effect.id}"

    def _parts(self) -> list[Part]:
        effect = self.effect
        parts = [Part(f"It was for: {effect.proposal.text}")] if effect.proposal.text else []
        asked = ", ".join(effect.gate.ask) if effect.gate else "nobody"
        parts.append(Part(f"Had to agree: {asked}", effect_lines(effect, self._handed)))
        times = [
            ("proposed", effect.proposal),
            ("decided", effect.decision),
            ("started", effect.started),
            ("ended", effect.ended),
        ]
        began = effect.proposal.time
        told = [
            f"{what:9} offset {event.offset}, after {(event.time - began) / 1000:.2f} s"
            for what, event in times
            if event
        ]
        parts.append(Part("When", "\n".join(told)))
        printed = getattr(effect.ended, "output", "") or getattr(effect.ended, "detail", "")
        if printed:
            parts.append(
                Part("What it printed", clip(printed, _SHOWN) if len(printed) > _SHOWN else printed, shut=True)
            )
        if self.run:
            parts.append(Part(f"The task was handed to run {self.run}: trace that"))
        if self.turn is not None:
            parts.append(
                Part(
                    f"The turn that asked for it: {self.turn.head}", str(self.turn), self.turn._repr_html_(), shut=True
                )
            )
        return parts
