"""Free text, which no column makes anonymous: identifiers become pseudonyms, and what is rare is left out.

What is left is what at least k runs said nearly alike (by the signatures of recall), and of that only words that k of
them share; all of them get the same text. So a text of the release stands for k runs or more, as a class does.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import ExtraMissingError
from agentpool_jupyter.recall.text.shingles import jaccard, shingles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALIKE = 0.6
"""The Jaccard of shingles from which on two texts say the same."""
GAP = "…"
"""What stands where words were left out."""
# What stands for an identifier meanwhile: letters, which no recogniser takes for a number, between two private signs.
_MARK_SIGNS = re.compile("[\ue000\ue001]")
_MARK = re.compile("\ue000[a-j]+\ue001")
_LETTERS = str.maketrans("0123456789", "abcdefghij")
_SURE = 0.4  # the least score of a recogniser
# Nine digits or more, however they are set apart: what recognisers miss, such as a card's number behind another one.
_NUMBER = re.compile(r"\+?\d(?:[ ./()-]{0,2}\d){8,}")
_OWN = {
    "url": re.compile(r"https?://[^\s<>\"']+"),
    "key": re.compile(
        r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|hf|AKIA|ASIA|AIza|eyJ)[-_A-Za-z0-9.]{14,}"
    ),
}


def without_identifiers(texts: Sequence[str]) -> list[str]:
    """Return texts with a pseudonym in the place of each identifier, the same for the same: ``<email 3>``.

    Addresses of mail and web, telephone and card numbers, IBANs, IP and MAC addresses, purses and social security
    numbers, by the recognisers of presidio that need no model, what looks like a key, and any number of nine digits or
    more. Names and places are none of these. Raises ExtraMissingError without presidio.
    """
    known: dict[tuple[str, str], str] = {}
    masked = [_masked(text, known) for text in texts]
    chance = random.SystemRandom()
    names: dict[str, str] = {}
    for kind in {kind for kind, _ in known}:
        marks = [mark for (other, _), mark in known.items() if other == kind]
        chance.shuffle(marks)  # numbers say nothing of who came first
        names |= {mark: f"<{kind} {number}>" for number, mark in enumerate(marks, 1)}
    return [_MARK.sub(lambda found: names[found[0]], text) for text in masked]


def _masked(text: str, known: dict[tuple[str, str], str]) -> str:
    """Return a text with a mark in the place of each identifier; ``known`` has the marks, and gets new ones.

    What a telephone number hides by standing before a card's is found when that has its mark, so it is read again.
    """
    text = _MARK_SIGNS.sub("", text)
    while spans := list(_identifiers(text)) or [(*found.span(), "number") for found in _NUMBER.finditer(text)]:
        for start, end, kind in reversed(spans):
            letters = f"{len(known)}".translate(_LETTERS)
            mark = known.setdefault((kind, text[start:end].casefold()), f"\ue000{letters}\ue001")
            text = f"{text[:start]}{mark}{text[end:]}"
    return text


def _identifiers(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where identifiers are, in order and none within another; of two that overlap the longer is taken."""
    spans = [(*found.span(), kind) for kind, pattern in _OWN.items() for found in pattern.finditer(text)]
    for recogniser in _recognisers():
        kind = recogniser.supported_entities[0].lower().split("_")[0]
        spans += [
            (found.start, found.end, kind)
            for found in recogniser.analyze(text, recogniser.supported_entities, None) or ()
            if found.score >= _SURE
        ]
    taken: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        if all(span[1] <= start or span[0] >= end for start, end, _ in taken):
            taken.append(span)
    yield from sorted(taken)


@cache
def _recognisers() -> list[Any]:
    try:
        from presidio_analyzer import predefined_recognizers as known  # noqa: PLC0415 - optional
    except ImportError as error:
        message = "redacting text needs presidio-analyzer: pip install 'agentpool-jupyter[redact]'"
        raise ExtraMissingError(message) from error

    class AnyEmail(known.EmailRecognizer):  # type: ignore[misc]  # presidio is loaded late
        def validate_result(self, pattern_text: str) -> None:
            """Take any domain; presidio's own would fetch a list of those that there are."""

    names = ("CreditCard", "Crypto", "Iban", "Ip", "Mac", "Phone", "Url", "UsSsn")
    return [
        AnyEmail(),
        *(getattr(known, f"{name}Recognizer")() for name in names if hasattr(known, f"{name}Recognizer")),
    ]


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
