"""The worked examples that stand beside subtle rules are true."""

import doctest

import pytest

from agentpool_jupyter.agents.models import continuation
from agentpool_jupyter.agents.prompt import shares


@pytest.mark.parametrize("module", [continuation, shares])
def test_what_an_example_says_is_what_comes_out(module):
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed
