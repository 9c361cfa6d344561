"""Lines of ``%similar`` that end with a question mark, which IPython would take for a call for help."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_QUESTION = re.compile(r"(\s*)%similar\s+(\S.*\?)\s*")
_TRIPLES = ('"""', "'''")


def spare_questions(lines: list[str]) -> list[str]:
    """Return the lines of a cell with ``%similar why an oven?`` as the call that it is; ``%similar?`` stays help.

    IPython looks for a question mark at the end of any line before it looks for magics. A cell with triple quotes is
    left alone: the line may be part of a text.
    """
    if any(quote in line for line in lines for quote in _TRIPLES):
        return lines
    return [_call(found) if (found := _QUESTION.fullmatch(line)) else line for line in lines]


def _call(found: re.Match[str]) -> str:
    return f"{found[1]}get_ipython().run_line_magic('similar', {found[2]!r})\n"


def install_questions(shell: InteractiveShell) -> None:
    """Have questions reach the magic; after cell magics, whose bodies are none of our business."""
    shell.input_transformer_manager.line_transforms.append(spare_questions)


def remove_questions(shell: InteractiveShell) -> None:
    """Take that away again."""
    transforms = shell.input_transformer_manager.line_transforms
    if spare_questions in transforms:
        transforms.remove(spare_questions)
