"""Real text that every machine with this project has: the documents, licences and docstrings of installed packages."""

from __future__ import annotations

import ast
import random
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.recall.text.passages import passages

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 40  # passages of one file: a few changelogs are longer than everything else together


def files(seed: int = 1) -> list[Path]:
    """Return the text files of all installed packages, in an order that is random and always the same."""
    root = Path(sysconfig.get_paths()["purelib"])
    found = sorted(path for path in root.rglob("*") if path.suffix in {".py", ".md", ".rst", ".txt"})
    random.Random(seed).shuffle(found)
    return found


def texts(count: int, seed: int = 1) -> list[str]:
    """Return passages of files, and docstrings, in turns; fewer than ``count`` only where there are no more."""
    found: list[str] = []
    for path in files(seed):
        found += _of(path)
        if len(found) >= count:
            break
    return found[:count]


def _of(path: Path) -> Iterator[str]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        return
    if path.suffix == ".py" and len(text) % 2:  # every other file by its docstrings, which are short
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            return
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
        strings = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds))
        yield from (string for string in strings if string and string.strip())
        return
    for number, passage in enumerate(passages(text)):
        if number == _LONGEST:
            return
        yield passage.text


def altered(text: str, share: float, chance: random.Random) -> str:
    """Return a text in which a share of the words is replaced by others."""
    words = text.split()
    return " ".join(f"other{chance.randrange(10**6)}" if chance.random() < share else word for word in words)


def excerpt(text: str, words: int, chance: random.Random) -> str:
    """Return some neighbouring words of a text."""
    found = text.split()
    start = chance.randrange(max(1, len(found) - words))
    return " ".join(found[start : start + words])
