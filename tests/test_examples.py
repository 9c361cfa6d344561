"""The worked examples that stand beside subtle rules are true."""

import builtins
import doctest
from importlib import import_module
from pathlib import Path

import pytest

import agentpool_jupyter

ROOT = Path(agentpool_jupyter.__file__).parents[1]
EXAMPLES = [path for path in ROOT.joinpath("agentpool_jupyter").rglob("*.py") if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_an_example_says_is_what_comes_out(path):
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    try:
        failed, tried = doctest.testmod(module)
    finally:
        vars(builtins).pop("_", None)  # Python's own prompt leaves it there, and IPython's then sets none
    assert tried
    assert not failed
