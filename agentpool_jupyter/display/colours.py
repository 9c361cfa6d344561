"""One agent, one colour: wherever it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# After Okabe and Ito's colour-blind-safe palette (https://jfly.uni-koeln.de/color/), readable on light and dark; the
# widget uses the same (labextension/src/palette.ts).
PALETTE = ("#0083C9", "#E08A00", "#009E73", "#CC79A7", "#D55E00", "#46A9E0", "#98952F", "#A9559F")
_PERSON = "#8A8F98"


def colour(place: int | None) -> str:
    """Return the colour of the agent at a place; None is a person, and grey, as the colours belong to the team."""
    return _PERSON if place is None else PALETTE[place % len(PALETTE)]


def colours(places: Mapping[str, int], agents: Iterable[str] = ()) -> dict[str, str]:
    """Return the colours of agents, by their places; those who have none come after the others as they appear."""
    known = dict(places)
    for agent in agents:
        known.setdefault(agent, len(known))
    return {agent: colour(place) for agent, place in known.items()}
