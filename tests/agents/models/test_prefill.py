"""How a server goes on with a text, and how its answer is joined to it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.models.client import ModelClient
from agentpool_jupyter.agents.models.continuation import GO_ON, IN_WORDS, Continuation, Seam, going_on
from agentpool_jupyter.agents.models.credentials import OPENAI_URL
from agentpool_jupyter.agents.models.endpoint import Endpoint
from agentpool_jupyter.agents.models.trial import PROBE, find_continuation, judge
from agentpool_jupyter.errors import ModelError
from tests.openai_server import OpenAIServer, Refuse

REPEATS = Continuation("prefill", repeats=True)
PLAIN = Continuation("prefill")
PROMPT = [{"role": "system", "content": "You are ann."}, {"role": "user", "content": "Plan."}]


def joined(text, answer, continuation, step=3):
    """The whole text, the answer having come in pieces."""
    seam = Seam(text, continuation)
    new = [seam.feed(answer[i : i + step]) for i in range(0, len(answer), step)]
    return text + "".join(new) + seam.close()


# What is asked ---------------------------------------------------------------------------------------------


def test_the_text_is_the_assistants_last_message():
    """Without white space at its end, which some servers refuse."""
    assert going_on(PROMPT, "We buy \n", "prefill") == [*PROMPT, {"role": "assistant", "content": "We buy"}]
    assert going_on(PROMPT, "We buy", "message") == [
        *PROMPT,
        {"role": "assistant", "content": "We buy"},
        {"role": "user", "content": GO_ON},
    ]


def test_without_any_text_the_prompt_stays_as_it_is():
    assert going_on(PROMPT, " \n", "message") == PROMPT


def test_half_a_character_is_sent_as_a_mark_and_known_again():
    """A server may have cut an answer by UTF-16 units; what it repeats is what it was sent."""
    assert joined("bread \ud83c and", "bread ? and jam", REPEATS) == "bread \ud83c and jam"
    assert joined("We bake bread \ud83c and", "bread ? and jam", IN_WORDS) == "We bake bread \ud83c and jam"
    assert going_on(PROMPT, "bread \ud83c", "prefill")[-1]["content"] == "bread ?"


# What is answered ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer", "whole"),
    [
        ("The plan is to", "The plan is to buy flour.", "The plan is to buy flour."),
        ("The plan is to ", "The plan is to buy flour.", "The plan is to buy flour."),
        ("We buy flo", "We buy flour.", "We buy flour."),
        ("One.\n", "One.\n\nTwo.", "One.\n\nTwo."),
        ("One.\n\n", "One. Two.", "One.\n\nTwo."),
        ("done. ", "done.\n\n## Next", "done. \n\n## Next"),
        ("a  b", "a b c", "a  b c"),
        ("Wait", " and see.", "Wait and see."),
        ("Wait", "Wait", "Wait"),
        ("The plan is", "The plan", "The plan is"),
        ("  Wait", "Wait for", "  Wait for"),
        ("ha", "hahaha", "hahaha"),
    ],
)
@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_repeated_beginning_is_taken_away(text, answer, whole, step):
    """However it is cut, and however white space came out; an answer that does not repeat is left alone."""
    assert joined(text, answer, REPEATS, step) == whole


@pytest.mark.parametrize(
    ("text", "answer", "whole"),
    [
        ("We buy flour and", "We buy flour and salt.", "We buy flour and salt."),
        ("First rent. We buy flour and", "We buy flour and salt.", "First rent. We buy flour and salt."),
        ("We buy flour, sugar and", "sugar and salt.", "We buy flour, sugar and salt."),
        ("We buy flo", "flour and salt.", "We buy flour and salt."),
        ("We buy flour", "and salt.", "We buy flour and salt."),
        ("We buy flour,", "and salt.", "We buy flour, and salt."),
        ("We buy flour", ", and salt.", "We buy flour, and salt."),
        ("We buy ", "the best.", "We buy the best."),
        ("It was very", " very good.", "It was very very good."),
        ("Then we", "We rent.", "Then we We rent."),
        ("\u6211\u4eec\u4e70", "\u9762\u7c89", "\u6211\u4eec\u4e70\u9762\u7c89"),
        ("We buy", "", "We buy"),
    ],
)
@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_server_that_was_asked_in_words_may_repeat_the_end(text, answer, whole, step):
    """Whole words are kept apart, a word that broke off is not said one and a half times."""
    assert joined(text, answer, IN_WORDS, step) == whole


WORDS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("text", "answer", "whole"),
    [
        ("done. ", "\n\n## Next", "done. \n\n## Next"),
        ("done.\n", "\n\n## Next", "done.\n\n## Next"),
        ("done. \n", "\n\n## Next", "done. \n\n## Next"),
        ("done.\n\n", "\n## Next", "done.\n\n## Next"),
        ("done. ", "\n  - next", "done. \n  - next"),
        ("done.\n\n", " next", "done.\n\nnext"),
        ("done. ", " next", "done. next"),
    ],
)
@pytest.mark.parametrize("continuation", [PLAIN, REPEATS, IN_WORDS])
@pytest.mark.parametrize("step", [1, 100])
def test_paragraphs_at_the_seam_stay(text, answer, whole, continuation, step):
    """Of the space on both sides the lines that are more are kept."""
    assert joined(text, answer, continuation, step) == whole


@given(WORDS, WORDS, st.integers(1, 9), st.integers(0, 30))
def test_of_a_server_that_repeats_nothing_is_lost_or_doubled(text, rest, step, cut):
    """Wherever the text was cut: the whole is what the server would have said in one go."""
    whole = f"{text} {rest}"
    begun = whole[: min(cut, len(whole))]
    assert joined(begun, begun.rstrip() + whole[len(begun.rstrip()) :], REPEATS, step) == whole


@given(WORDS, WORDS, st.integers(1, 9), st.integers(0, 30))
def test_of_a_server_that_goes_on_nothing_is_lost_or_doubled(text, rest, step, cut):
    """Also where the rest begins like the text: such a server's repetition is meant."""
    whole = f"{text} {rest}"
    begun = whole[: min(cut, len(whole))]
    assert joined(begun, whole[len(begun.rstrip()) :], PLAIN, step) == whole


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from([REPEATS, PLAIN, IN_WORDS]), st.integers(1, 5))
def test_any_text_goes_with_any_answer(text, answer, continuation, step):
    """What comes out begins with the text, and what is added is the end of the answer, but for white space."""
    added = joined(text, answer, continuation, step).removeprefix(text)
    assert answer.rstrip().endswith(added.strip())


# Which server it is ----------------------------------------------------------------------------------------


def test_judging_an_answer():
    assert judge("one, two, three, four, five, six") is True
    assert judge(" one, two, three, four, five,") is True
    assert judge(" six, seven") is False
    assert judge("6, 7") is False
    assert judge("one, two, three") is None
    assert judge("Sure! One, two") is None
    assert judge("") is None


async def found(server):
    client = ModelClient(Endpoint(model="test", base_url=server.base_url))
    usages = [usage async for usage in find_continuation(client)]
    await client.aclose()
    return client.continuation, usages


@pytest.mark.parametrize(
    ("prefill", "continuation", "calls"),
    [
        ("continue", PLAIN, 1),
        ("repeat", REPEATS, 1),
        ("flagged", Continuation("flagged"), 2),
        ("ignore", IN_WORDS, 2),
        ("refuse", IN_WORDS, 0),
    ],
)
def test_a_server_is_tried(prefill, continuation, calls):
    """With at most two short calls, whose tokens are told; a refusal took none."""
    with OpenAIServer(prefill=prefill) as server:
        assert (asked := asyncio.run(found(server)))[0] == continuation
        assert len(asked[1]) == calls
        assert all(usage.prompt > 0 for usage in asked[1])
        assert all(request.messages == list(PROBE) for request in server.requests)
        assert all(request.max_tokens < 10 for request in server.requests)


def test_a_server_that_fails_was_not_tried():
    """Nothing is remembered that may be otherwise a moment later."""
    with OpenAIServer(prefill="continue") as server:
        server.fault(Refuse(503))
        client = ModelClient(Endpoint(model="test", base_url=server.base_url))

        async def scene():
            with pytest.raises(ModelError):
                [usage async for usage in find_continuation(client)]
            await client.aclose()

        asyncio.run(scene())
    assert client.continuation is None


def test_what_is_known_is_not_tried():
    """OpenAI's own models start anew; the bundled model's server goes on and repeats."""

    async def scene():
        assert ModelClient(Endpoint(model="m", base_url=OPENAI_URL)).continuation == IN_WORDS
        assert ModelClient(Endpoint(model="local", local=True)).continuation == REPEATS

    asyncio.run(scene())
