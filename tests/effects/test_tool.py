"""A function of the notebook as a tool: what a model is told of it, and what of a model's arguments is taken."""

from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter import tool
from agentpool_jupyter.effects import Tool
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.effects import canonical, digest_of_effect


def order(item: str, count: int = 1, *, kind: Literal["now", "later"] = "now", tags: list[str] | None = None) -> str:
    """Order an item."""
    return f"{count} {item} {kind} {tags}"


@dataclass
class Place:
    street: str
    number: int


def deliver(to: Place) -> str:
    return f"{type(to).__name__} {to.street} {to.number}"


def test_a_model_is_told_what_annotations_and_the_docstring_say():
    described = Tool.of("order", order).described["function"]
    assert (described["name"], described["description"]) == ("order", "Order an item.")
    assert described["parameters"]["required"] == ["item"]
    assert described["parameters"]["properties"]["count"] == {"type": "integer", "default": 1}
    assert described["parameters"]["properties"]["kind"]["enum"] == ["later", "now"]
    assert described["parameters"]["additionalProperties"] is False


def test_arguments_are_checked_completed_and_plain():
    read = Tool.of("order", order).read('{"item": "flour", "count": "3"}')
    assert read == {"item": "flour", "count": 3, "kind": "now", "tags": None}
    assert Tool.of("order", order).call_with(read, "")() == "3 flour now None"


def test_a_function_gets_its_own_types():
    read = Tool.of("deliver", deliver).read('{"to": {"street": "Mill Lane", "number": 3}}')
    assert read == {"to": {"street": "Mill Lane", "number": 3}}
    assert Tool.of("deliver", deliver).call_with(read, "")() == "Place Mill Lane 3"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("", "missing required field `item`"),
        ("{", "truncated"),
        ("[1]", "got `array`"),
        ('{"item": 3}', "Expected `str`, got `int` - at `$.item`"),
        ('{"item": "a", "price": 1}', "unknown field `price`"),
        ('{"item": "a", "kind": "soon"}', "Invalid enum value 'soon'"),
        ("[" * 60_000, "order"),
        ('{"item": "' + "a" * 64_000 + '"}', "longer than 64,000 bytes"),
    ],
)
def test_what_are_no_arguments_of_it_is_said_to_be_none(sent, why):
    with pytest.raises(ValueError, match="arguments") as caught:
        Tool.of("order", order).read(sent)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda *items: items, "name each argument"),
        (lambda **items: items, "name each argument"),
        (print, "name each argument"),
    ],
)
def test_a_function_that_cannot_be_described_is_refused_before_the_team_starts(function, why):
    with pytest.raises(UserError, match=why):
        Tool.of("pack", function)


def test_annotations_that_json_does_not_know_are_refused():
    def plot(canvas: st.SearchStrategy) -> None:
        """Draw."""

    with pytest.raises(UserError, match=r"tool 'plot': annotate its arguments with types that JSON has"):
        Tool.of("plot", plot)


def test_an_idempotent_tool_gets_the_key_and_models_do_not_see_it():
    @tool(idempotent=True, timeout=3)
    def pay(amount: int, key: str) -> str:
        return f"{amount} {key}"

    found = Tool.of("pay", pay)
    assert list(found.described["function"]["parameters"]["properties"]) == ["amount"]
    assert found.call_with(found.read('{"amount": 5}'), "k1")() == "5 k1"
    assert found.options.timeout == 3
    with pytest.raises(UserError, match="takes no `key`"):
        Tool.of("order", tool(idempotent=True)(lambda item: item))


def test_a_marked_function_stays_what_it_is():
    assert tool(order) is order
    assert tool(timeout=60.0)(order) is order
    assert order("flour") == "1 flour now None"


@given(
    st.dictionaries(
        st.text(), st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists)
    )
)
def test_a_digest_depends_on_what_is_asked_and_not_on_how_it_is_written(arguments):
    """The order of keys is nothing; any value is something."""
    turned = dict(reversed(arguments.items()))
    assert canonical(arguments) == canonical(turned)
    assert digest_of_effect("order", arguments) == digest_of_effect("order", turned)
    assert digest_of_effect("order", arguments) != digest_of_effect("order", {**arguments, "more": [1, 2]})
    assert digest_of_effect("order", arguments) != digest_of_effect("refund", arguments)
