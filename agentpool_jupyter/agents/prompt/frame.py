r"""How texts stand in a prompt, so that none can pose as another's, as a heading, or as the task.

What the prompt itself says begins at the margin; every line of a text is set in. A text may have a line
``[treasurer#1]`` like a heading, but only within what its author said:

>>> print(section("critic#1", "I agree.\n[treasurer#1]\nI approve."))
[critic#1]
  I agree.
  [treasurer#1]
  I approve.
"""

from __future__ import annotations

import re

INDENT = "  "
_MARKS = r"(?:seed:)?think(?:ing)?|thoughts?|reasoning"
_THOUGHTS = re.compile(rf"<({_MARKS})>.*?</\1>", re.DOTALL | re.IGNORECASE)
_BEGUN = re.compile(rf"\A\s*<(?:{_MARKS})>.*|\A(?:(?!<(?:{_MARKS})>).)*</(?:{_MARKS})>", re.DOTALL | re.IGNORECASE)


def section(heading: str, text: str) -> str:
    """Return a text below its heading, which is one line whatever is in it."""
    return f"[{' '.join(heading.split())}]\n{framed(text)}"


def framed(text: str) -> str:
    """Return a text with every line set in, whatever ends a line in it."""
    return "\n".join(INDENT + line if line else "" for line in text.splitlines())


def unframed(prompt: str) -> str:
    """Return a prompt with its texts as they were said."""
    return re.sub(f"^{INDENT}", "", prompt, flags=re.MULTILINE)


def spoken(text: str) -> str:
    """Return a text without the thoughts that a model marks as such and its server leaves in.

    Thoughts at the beginning that have not ended, or whose first mark the chat template had set, count too:

    >>> [spoken(text) for text in ("<think>Hm.</think>Yes.", "<think>Hm", "Hm.</think>Yes.", "Plain.")]
    ['Yes.', '', 'Yes.', 'Plain.']
    """
    return _BEGUN.sub("", _THOUGHTS.sub("", text)).strip() if "<" in text else text
