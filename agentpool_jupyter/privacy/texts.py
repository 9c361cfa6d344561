"""Free text, which no column makes anonymous: identifiers become pseudonyms, and what is rare is left out.

What is left is what at least k runs said nearly alike (by the signatures of recall), and of that only words that k of
them share; all of them get the same text. So a text of the release stands for k runs or more, as a class does.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import ExtraMissingError
from agentpool_jupyter.recall.text.shingles import jaccard, shingles

from .redaction.identifiers import replace_identifiers

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIKE = 0.6
"""The Jaccard of shingles from which on two texts say the same."""
GAP = "…"
"""What stands where words were left out."""
_MARK_SIGNS = re.compile("[\ue002\ue003]")
_MARK = re.compile("\ue002(\\d+)\ue003")


def without_identifiers(texts: Sequence[str], model: str = "") -> list[str]:
    """Return texts with a pseudonym in the place of each identifier, the same for the same: ``<email 3>``.

    Identifiers are those of :data:`.redaction.identifiers.KINDS`; with ``model``, a pipeline of spaCy or its folder,
    names of people and places are, too. Raises ExtraMissingError without presidio, UserError without that model.
    """
    known: dict[tuple[str, str], int] = {}

    def mark(kind: str, identifier: str) -> str:
        return f"\ue002{known.setdefault((kind, identifier.casefold()), len(known))}\ue003"

    marked = [replace_identifiers(_MARK_SIGNS.sub("", text), mark, model=model) for text in texts]
    chance = random.SystemRandom()
    names: dict[str, str] = {}
    for kind in {kind for kind, _ in known}:
        numbers = [number for (other, _), number in known.items() if other == kind]
        chance.shuffle(numbers)  # numbers say nothing of who came first
        names |= {f"{number}": f"<{kind} {place}>" for place, number in enumerate(numbers, 1)}
    return [_MARK.sub(lambda found: names[found[1]], text) for text in marked]


def common_texts(texts: Sequence[str], runs: Sequence[str], k: int) -> list[str | None]:
    """Return for each text what at least ``k`` runs say nearly alike, in the words that they share; None where none do.

    Texts of Jaccard ``ALIKE`` or more, and those alike to these, are taken together. Raises ExtraMissingError without
    rensa.
    """
    said: dict[str, set[str]] = defaultdict(set)
    for text, run in zip(texts, runs, strict=True):
        said[text].add(run)
    left: dict[str, str | None] = {}
    for group in _alike(list(said)):
        left |= dict.fromkeys(group, _shared({text: said[text] for text in group}, k))
    return [left[text] for text in texts]


def _shared(said: dict[str, set[str]], k: int) -> str | None:
    """Return what is left of texts that are alike, given the runs that said each."""
    if len(set().union(*said.values())) < k:
        return None
    runs: dict[str, set[str]] = defaultdict(set)
    for text, mine in said.items():
        for word in text.split():
            runs[_plain(word)] |= mine
    usual = min(said, key=lambda text: (-len(said[text]), text))
    words: list[str] = []
    for word in usual.split():
        kept = word if len(runs[_plain(word)]) >= k else GAP
        if kept != GAP or words[-1:] != [GAP]:
            words.append(kept)
    return " ".join(words) if set(words) - {GAP} else None


def _plain(word: str) -> str:
    return word.casefold().strip(".,;:!?\"'()[]")


def _alike(texts: Sequence[str]) -> list[list[str]]:
    """Return texts in groups: those that are alike, found by their bands, and whatever is alike to those."""
    try:
        from agentpool_jupyter.recall.text.signatures import sign_texts  # noqa: PLC0415 - optional

        signed = sign_texts(texts)
    except ImportError as error:
        message = "finding rare texts needs rensa: pip install 'agentpool-jupyter[redact]'"
        raise ExtraMissingError(message) from error
    sets = [shingles(text) for text in texts]
    above = list(range(len(texts)))

    def top(number: int) -> int:
        while above[number] != number:
            above[number] = above[above[number]]
            number = above[number]
        return number

    first: dict[tuple[int, int], int] = {}
    for number, keys in enumerate(signed):
        for band, key in enumerate(keys.bands if keys is not None else ()):
            other = first.setdefault((band, int(key)), number)
            if top(other) != top(number) and jaccard(sets[other], sets[number]) >= ALIKE:
                above[top(number)] = top(other)
    groups: dict[int, list[str]] = defaultdict(list)
    for number, text in enumerate(texts):
        groups[top(number)].append(text)
    return list(groups.values())
