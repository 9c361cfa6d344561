"""Effects, folded from the log: what agents asked to be done, what became of it, and what nobody can know.

In reading order::

    basis    what a proposal rests on: turns, files, its line, its gate; and when that has changed
    effect   one call of a tool: who voted, what was decided, and what became of it
    fold     all of them, from the pool's events
"""

from .effect import Effect, EffectStatus, canonical, digest_of_effect, digest_of_gate
from .fold import Effects

__all__ = ["Effect", "EffectStatus", "Effects", "canonical", "digest_of_effect", "digest_of_gate"]
