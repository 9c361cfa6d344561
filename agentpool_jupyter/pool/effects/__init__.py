"""Effects, folded from the log: what agents asked to be done, what became of it, and what nobody can know.

In reading order::

    basis      what a proposal rests on: turns, files, its line, its gate; and when that has changed
    grants     a person's yes given beforehand: counted, for a time, until it is revoked
    effect     one call of a tool: who voted, what was decided, and what became of it
    ledger     who was right, in units of what was staked
    fold       all of them, from the pool's events
    questions  what waits for somebody, those that are alike in one; and how a person answers
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .effect import OF_ANSWERS, Effect, EffectStatus, canonical, digest_of_effect, digest_of_gate
    from .fold import Effects
    from .grants import StandingGrant
    from .ledger import Ledger
    from .questions import Pending, Question

__all__ = [
    "OF_ANSWERS",
    "Effect",
    "EffectStatus",
    "Effects",
    "Ledger",
    "Pending",
    "Question",
    "StandingGrant",
    "canonical",
    "digest_of_effect",
    "digest_of_gate",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "effect": ["OF_ANSWERS", "Effect", "EffectStatus", "canonical", "digest_of_effect", "digest_of_gate"],
        "fold": ["Effects"],
        "grants": ["StandingGrant"],
        "ledger": ["Ledger"],
        "questions": ["Pending", "Question"],
    },
)
