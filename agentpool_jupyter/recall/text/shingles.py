"""Shingles: the set of short stretches of a text by which two texts are compared.

One rule for prose, code and languages without spaces, so that nobody has to say which it is: the text is normalised,
so that what looks the same is the same (:func:`normalise`), and cut into *tokens*, which are words, or single
characters in scripts that are written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar, Tibetan). A shingle is
two neighbouring words, or three neighbouring characters of such a script. Punctuation separates and says nothing, so
that a comma more or a line broken elsewhere changes nothing; only a text that is nothing but signs is cut into them.

Two words and not three, because thoughts are short and are seldom repeated word for word: of a sentence of twelve
words with two changed, pairs keep 7 of 11, triples 4 of 10.

Jaccard and containment after Broder, "On the resemblance and containment of documents" (SEQUENCES 1997).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

WORDS = 2
"""Words in a shingle."""
CHARACTERS = 3
"""Characters in a shingle, in a script without spaces."""

_UNSPACED = (
    "\u0e01-\u0eff\u0f00\u0f20-\u0fbc\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u17e0-\u17ff"
    "\u2e80-\u2fd5\u3005-\u3007\u3021-\u302f\u3031-\u309f\u30a1-\u30fa\u30fc-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# ``\w`` leaves out combining marks, which are parts of words in the scripts of India, in Arabic and in Hebrew.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06ed\u0711-\u07f5\u0816-\u082d\u0859-\u085b\u08d3-\u08ff\u0900-\u0963"
    "\u0966-\u0df3"
)
_TOKEN = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[\w{_MARKS}])+")
_UNSPACED_TOKEN = re.compile(rf"[{_UNSPACED}]")
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")  # as a server that cuts by UTF-16 units may leave it
_ASCII_WORD = re.compile(r"[a-z0-9_]+")
# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt: soft hyphens, zero widths, directions, selectors.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # and other orders to a terminal (ECMA-48, 5.4)
_HYPHENS = "[-\u2010\u00ad]"
_BROKEN_WORD = re.compile(rf"{_HYPHENS}(?<=[^\W\d_]{_HYPHENS})[ \t]*\r?\n[ \t]*(?=[^\W\d_])")


def normalise(text: str) -> str:
    """Return a text as it is compared: without what nobody sees, compatibility forms made one, and case folded.

    This is Unicode's NFKC_Casefold (section 3.13), of a text without terminals' colours, and whose words are whole
    again where a line's end has broken them (``bak-``, ``ery``), unless a capital letter follows a small one.
    """
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if "\n" in text:
        text = _BROKEN_WORD.sub(_mended, text)
    if text.isascii():
        return text.lower()
    text = _UNSEEN.sub("", _HALF_A_CHARACTER.sub("?", text))
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def _mended(found: re.Match[str]) -> str:
    before, after = found.string[found.start() - 1], found.string[found.end()]
    return found[0] if before.islower() and after.isupper() else ""


def tokens(text: str) -> list[str]:
    """Return the words of a text, or its characters where its script has no spaces, or else its signs."""
    text = normalise(text)
    found = (_ASCII_WORD if text.isascii() else _TOKEN).findall(text)
    return found or [sign for sign in text if not sign.isspace()]


def shingles(text: str) -> frozenset[str]:
    """Return the set of a text's shingles, which is itself where it is too short for one; empty where it is blank."""
    found = tokens(text)
    if "".join(found).isascii():
        pairs = frozenset(map(" ".join, itertools.pairwise(found)))
    else:
        pairs = frozenset(
            " ".join(found[i : i + size])
            for i, token in enumerate(found)
            if i + (size := CHARACTERS if _UNSPACED_TOKEN.fullmatch(token) else WORDS) <= len(found)
        )
    return pairs or (frozenset([" ".join(found)]) if found else frozenset())


def jaccard(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    """Return how much two sets resemble each other: shared over all, 0 where both are empty."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def containment(part: AbstractSet[str], whole: AbstractSet[str]) -> float:
    """Return how much of ``part`` is in ``whole``: shared over the part's own, 0 where it is empty."""
    return len(part & whole) / len(part) if part else 0.0
