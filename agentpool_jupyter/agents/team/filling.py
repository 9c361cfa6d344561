"""``{{name}}`` in the text of a cell or line, filled from the notebook's variables; single braces mean nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import SpecError

from .fields import near

if TYPE_CHECKING:
    from collections.abc import Mapping

_BRACES = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_NAMED = re.compile(f"{_BRACES.pattern}|\ue000(\\w+)\ue001")


def marked(text: str) -> str:
    """Return a text in which braces do not stand for themselves, for parsers that take them for their own."""
    return _BRACES.sub("\ue000\\1\ue001", text)


def fill(text: str, variables: Mapping[str, Any] | None, *, line: int = 1) -> str:
    """Return a text with its ``{{name}}`` filled in, also where it was :func:`marked`; without variables, as it is.

    What a variable holds is text: nothing in it is filled again.
    Raises SpecError, with the number of the line, for a name that is no variable; ``line`` is that of the text's first.
    """
    if variables is None:
        return text

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in variables:
            message = f"{{{{{name}}}}} is no variable of this notebook{near(name, variables)}"
            raise SpecError(message, line=line + text.count("\n", 0, found.start()))
        return str(variables[name])

    return _NAMED.sub(value, text)
