"""How messages were changed before they were sent: what stands in a prompt's record so that it can be rebuilt.

A team that redacts changes texts of the pool on their way to a model. The pseudonyms by which it does are on one
machine alone; where in the prompt they went in, and as what, is told here.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORDS = re.compile(r"\s+|\S+")


def edits_of(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Return what became of the contents of messages: number of the message, first and last place, the new text.

    What else was changed in them is not told.

    >>> edits_of([{"content": "Ask ada@example.org now."}], [{"content": "Ask EMAIL_1 now."}])
    [[0, 4, 19, 'EMAIL_1']]
    """
    found: list[list[Any]] = []
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        if isinstance(one.get("content"), str) and isinstance(other.get("content"), str):
            found += [[number, *edit] for edit in _edits(one["content"], other["content"])]
    return found


def edited(messages: Sequence[Mapping[str, Any]], edits: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return messages with their contents changed; raises ValueError or TypeError for edits that are none of ours.

    >>> edited([{"content": "Ask ada@example.org now."}], [[0, 4, 19, "EMAIL_1"]])
    [{'content': 'Ask EMAIL_1 now.'}]
    """
    changed = [dict(message) for message in messages]
    for number, start, stop, text in sorted(edits, key=lambda edit: (edit[0], edit[1]), reverse=True):
        content = changed[number]["content"]
        changed[number]["content"] = content[:start] + text + content[stop:]
    return changed


def _edits(before: str, after: str) -> list[list[Any]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    places = [0]
    for word in old:
        places.append(places[-1] + len(word))
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [[places[i1], places[i2], "".join(new[j1:j2])] for tag, i1, i2, j1, j2 in steps if tag != "equal"]
