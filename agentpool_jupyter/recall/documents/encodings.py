"""From the bytes of a file to its text: UTF-8, what says itself what it is, and older encodings, which are detected.

``chardet`` 7 detects them. Of 41 texts of 1 to 25 lines in 25 encodings it told all, charset-normalizer 3.5 told 34
(it takes Japanese for Korean), Mozilla's two detectors 28 and 29.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LibraryError

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = 65_536  # characters by which a file is judged
_MANY = 20  # characters, of which one may be odd, or broken
_NONE = "\ufffd"  # stands for what is no character
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # but for white space and terminals' escapes
_ODD = {"Cc", "Cn", "Co", "Cs"}  # controls, and numbers that no character has
_MARKS = {  # byte order marks; that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def decode(raw: bytes, path: Path) -> str:
    """Return the text of a file, with its lines ended by a line feed.

    Raises LibraryError where it is binary, or in an encoding that cannot be told or only by what is not installed.
    """
    marked = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), None)
    text = raw.decode(marked or "utf-8-sig", "replace")
    if not marked and not _is_utf8(text):
        text = _of_older_encoding(raw, path)
    return text.replace("\0", " ").replace("\r\n", "\n").replace("\r", "\n")


def _is_utf8(text: str) -> bool:
    """Whether what was decoded as UTF-8 is that, be it with a few broken characters, zeros and other controls."""
    # Bytes of another encoding are hardly ever UTF-8 by chance; ISO 2022 is ASCII with escape sequences of its own.
    if (broken := text.count(_NONE)) and sum(sign > "\x7f" for sign in text) < _MANY * broken:
        return False
    return "\x1b$" not in text and len(_CONTROLS.findall(text, 0, _HEAD)) * _MANY <= len(text[:_HEAD])


def _of_older_encoding(raw: bytes, path: Path) -> str:
    try:
        from chardet import detect  # noqa: PLC0415 - optional
    except ImportError as error:
        message = f"{path} is not UTF-8: to read older encodings, pip install 'agentpool-jupyter[recall]'"
        raise LibraryError(message) from error
    encoding = detect(raw)["encoding"]
    text = raw.decode(encoding, "replace") if encoding else ""
    odd = sum(not sign.isspace() and unicodedata.category(sign) in _ODD for sign in text[:_HEAD])
    if not encoding or odd * _MANY > len(text[:_HEAD]):
        message = f"{path} is a binary file: left out"
        raise LibraryError(message)
    if text.count(_NONE) * _MANY > len(text):
        message = f"{path} is in an encoding that cannot be told: save it as UTF-8 to have it found; left out"
        raise LibraryError(message)
    return text
