"""Free text, which no column makes anonymous: identifiers become pseudonyms, and what is rare is left out.

What is left is what at least k runs said nearly alike (by the signatures of recall), and of that only words that k of
them share; all of them get the same text. So a text of the release stands for k runs or more, as a class does.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
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
_SURE = 0.4  # the least score of a recogniser
_KEY = re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|hf|AKIA|ASIA|AIza|eyJ)[-_A-Za-z0-9.]{14,}")


def without_identifiers(texts: Sequence[str]) -> list[str]:
    """Return texts with a pseudonym in the place of each identifier, the same for the same: ``<email 3>``.

    Addresses of mail and web, telephone and card numbers, IBANs, IP and MAC addresses, purses and social security
    numbers, by the recognisers of presidio that need no model, and what looks like a key. Names and places are none of
    these. Raises ExtraMissingError without presidio.
    """
    found = [list(_identifiers(text)) for text in texts]
    known = list({(kind, value.casefold()) for text in found for _, _, kind, value in text})
    random.SystemRandom().shuffle(known)  # numbers say nothing of who came first
    numbers: Counter[str] = Counter()
    names = {}
    for kind, value in known:
        numbers[kind] += 1
        names[kind, value] = f"<{kind} {numbers[kind]}>"
    done = []
    for text, spans in zip(texts, found, strict=True):
        for start, end, kind, value in reversed(spans):
            text = text[:start] + names[kind, value.casefold()] + text[end:]  # noqa: PLW2901
        done.append(text)
    return done


def _identifiers(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield where identifiers are, in order and none within another; of two that overlap the longer is taken."""
    spans = [(found.start(), found.end(), "key") for found in _KEY.finditer(text)]
    for recogniser in _recognisers():
        kind = recogniser.supported_entities[0].lower().split("_")[0]
        spans += [
            (found.start, found.end, kind)
            for found in recogniser.analyze(text, recogniser.supported_entities, None) or ()
            if found.score >= _SURE
        ]
    end = 0
    taken: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        if all(span[1] <= start or span[0] >= end for start, end, _ in taken):
            taken.append(span)
    for start, end, kind in sorted(taken):
        yield start, end, kind, text[start:end]


@cache
def _recognisers() -> list[Any]:
    try:
        import tldextract  # noqa: PLC0415 - optional
        from presidio_analyzer import predefined_recognizers as known  # noqa: PLC0415
    except ImportError as error:
        message = "redacting text needs presidio-analyzer: pip install 'agentpool-jupyter[redact]'"
        raise ExtraMissingError(message) from error
    suffixes = tldextract.TLDExtract(suffix_list_urls=())  # the list that it brings: nothing is fetched

    class OfflineEmail(known.EmailRecognizer):  # type: ignore[misc]  # presidio is loaded late
        def validate_result(self, pattern_text: str) -> bool:
            return bool(suffixes(pattern_text).fqdn)

    names = ("CreditCard", "Crypto", "Iban", "Ip", "Mac", "Phone", "Url", "UsSsn")
    return [
        OfflineEmail(),
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
