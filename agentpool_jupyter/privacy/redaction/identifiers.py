"""Where identifiers stand in a text: by recognisers that need no model, and by a model for names where there is one."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import ExtraMissingError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

KEY = "key"
"""What looks like a secret of a service: it is always looked for."""
KINDS = ("email", "url", "phone", "card", "iban", "ip", "mac", "crypto", "ssn", "number", KEY)
"""Mail and web addresses, telephone and card numbers, accounts, addresses of machines, purses, social security numbers
of the US, any number of nine digits or more, and keys."""
_OF_ENTITY = {"credit": "card", "us": "ssn"}
_OF_MODEL = {"PERSON": "person", "PER": "person", "GPE": "place", "LOC": "place", "FAC": "place"}
_SURE = 0.4  # the least score of a recogniser
# What stands for an identifier meanwhile: letters, which no recogniser takes for a number, between two private signs.
_MARK_SIGNS = re.compile("[\ue000\ue001]")
_MARK = re.compile("\ue000([a-j]+)\ue001")
_LETTERS = str.maketrans("0123456789", "abcdefghij")
_DIGITS = str.maketrans("abcdefghij", "0123456789")
# Nine digits or more, however they are set apart: what recognisers miss, such as a card's number behind another one.
_NUMBER = re.compile(r"\+?\d(?:[ ./()-]{0,2}\d){8,}")
_OWN = {
    "url": re.compile(r"https?://[^\s<>\"']+"),
    KEY: re.compile(
        r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|hf|AKIA|ASIA|AIza|eyJ)[-_A-Za-z0-9.]{13,}[-_A-Za-z0-9]",
        re.ASCII,  # a letter of another script may stand right before it
    ),
}
# Every identifier has one of these; most of what is said has none, and is not looked at more closely.
_SUSPECT = re.compile(r"[\d@]|://|\w\.\w|[-_A-Za-z0-9.]{16}")


def may_have_identifiers(text: str) -> bool:
    """Return whether it is worth looking at a text: quick, and never false where there is an identifier."""
    return _SUSPECT.search(text) is not None


def replace_identifiers(
    text: str, of: Callable[[str, str], str], kinds: Collection[str] = KINDS, model: str = ""
) -> str:
    """Return a text with what ``of(kind, identifier)`` returns in the place of each identifier of some kinds.

    ``model`` names a pipeline of spaCy, or its folder, that knows names of people and places. Raises ExtraMissingError
    without presidio, UserError where there is no such model.
    """
    if not model and not may_have_identifiers(text):
        return text
    known: list[tuple[str, str]] = []
    text = _MARK_SIGNS.sub("", text)
    # What a telephone number hides by standing before a card's is found when that has its mark, so it is read again.
    while spans := _spans(text, kinds, model):
        for start, end, kind in reversed(spans):
            mark = f"\ue000{f'{len(known)}'.translate(_LETTERS)}\ue001"
            known.append((kind, text[start:end]))
            text = f"{text[:start]}{mark}{text[end:]}"
        model = ""  # it has said what it knows; marks are no names
    return _MARK.sub(lambda found: of(*known[int(found[1].translate(_DIGITS))]), text)


def _spans(text: str, kinds: Collection[str], model: str) -> list[tuple[int, int, str]]:
    """Return where identifiers are, in order and none within another; of two that overlap the longer is taken."""
    found = [span for span in _found(text, model) if span[2] in kinds or span[2] in (KEY, *_OF_MODEL.values())]
    taken: list[tuple[int, int, str]] = []
    for span in sorted(found, key=lambda span: (span[0] - span[1], span)):
        if all(span[1] <= start or span[0] >= end for start, end, _ in taken):
            taken.append(span)
    if not taken and "number" in kinds:
        taken = [(*one.span(), "number") for one in _NUMBER.finditer(text)]
    return sorted(taken)


def _found(text: str, model: str) -> Iterator[tuple[int, int, str]]:
    for kind, pattern in _OWN.items():
        for match in pattern.finditer(text):
            yield *match.span(), kind
    for recogniser in _recognisers():
        kind = recogniser.supported_entities[0].lower().split("_")[0]
        for one in recogniser.analyze(text, recogniser.supported_entities, None) or ():
            if one.score >= _SURE:
                yield one.start, one.end, _OF_ENTITY.get(kind, kind)
    if model:
        for entity in _pipeline(model)(text).ents:
            if entity.label_ in _OF_MODEL:
                yield entity.start_char, entity.end_char, _OF_MODEL[entity.label_]


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


@cache
def _pipeline(model: str) -> Any:
    try:
        import spacy  # noqa: PLC0415 - optional
    except ImportError as error:
        message = "finding names needs spacy: pip install 'agentpool-jupyter[redact]'"
        raise ExtraMissingError(message) from error
    try:
        return spacy.load(model)
    except (OSError, ValueError, ImportError) as error:
        how = f"install it (`python -m spacy download {model}`), or name the folder of one"
        message = f"there is no model of spaCy {model!r} here: {how}"
        raise UserError(message) from error
