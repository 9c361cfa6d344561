"""Whatever stands in a log, tracing it breaks nothing, and none of it becomes markup."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.codec import encode
from agentpool_jupyter.pool.events import Label, RunStarted, TurnContinued, TurnStarted
from tests.pool.strategies import logs

MARKUP = "<img src=x onerror=alert(1)>"


@settings(max_examples=12)
@given(values=logs(), branch=st.booleans())
def test_any_log_is_traced(tmp_path_factory, values, branch):
    """Turns that interleave, fail, come twice or stand on lines that were left; garbage and strangers' events."""
    folder = tmp_path_factory.mktemp("pools")
    with ap.open_pool("p", folder) as pool:
        pool.append_records(values)
        ap.export_spans(pool, folder / "spans.json", content=True)
        for name in pool.branches if branch else [pool.branch]:
            whole = ap.trace(pool, name)
            assert str(whole)
            assert whole._repr_html_()
            for turn in pool.document(name).turns:
                found = ap.trace(pool, turn.id, branch=name)
                assert found.turn.text == turn.text
                assert {one.id for one in found.ancestors} <= {one.id for one in pool.document(name).turns}
                assert turn.id not in {one.id for one in found.ancestors}
                assert str(found)
                assert found._repr_html_()
                assert str(ap.trace(pool, turn.id, against=turn.id, branch=name))
            assert str(ap.trace(pool, text="a b", branch=name))


RECORD = st.dictionaries(
    st.sampled_from(
        ["since", "also", "cut", "kept", "read", "older", "recalled", "going_on", "redacted", "in_words", "wording"]
    ),
    st.none() | st.integers(-3, 9) | st.text(max_size=3) | st.lists(st.text(max_size=3) | st.integers(), max_size=3),
)
EXCHANGE = st.lists(
    st.dictionaries(
        st.sampled_from(["role", "content", "tool_calls"]), st.text(max_size=4) | st.lists(st.integers(), max_size=2)
    ),
    max_size=2,
)


@given(record=RECORD, exchange=EXCHANGE, seen=st.integers(-5, 50), chars=st.integers(-5, 50))
def test_any_record_of_a_prompt_is_read_or_told(tmp_path_factory, record, exchange, seen, chars):
    """It is no prompt then, and the reason is said."""
    header = {"turn": "t", "run": "r", "agent": "ann", "digest": "00", "context": record, "seen": seen}
    events = [
        RunStarted(id="0", run="r", spec={"task": "Plan.", "agents": [{"name": "ann"}]}),
        TurnStarted(id="1", model="m", **header),
        TurnContinued(id="2", way="prefill", chars=chars, exchange=exchange, **header),
    ]
    with ap.open_pool("p", tmp_path_factory.mktemp("pools")) as pool:
        pool.append_records([encode(event) for event in events])
        found = ap.trace(pool, "ann#1")
        assert all(prompt.problem for prompt in found.prompts)
        assert str(found)


def test_nothing_that_a_stranger_wrote_is_markup(pool):
    """Names, texts, labels, errors, phrases."""
    messages = [
        {"role": "user", "name": MARKUP, "content": MARKUP},
        {"name": f"b{MARKUP}", "content": f"It says {MARKUP} and more.", "model": MARKUP},
        {"name": f"b{MARKUP}", "content": f"It says {MARKUP} and more."},
    ]
    first, second, third = ap.from_messages(pool, messages)
    pool.append([Label(**pool.header("main", agent=MARKUP), turn=second, label=MARKUP, text=MARKUP)])
    found = [
        *(ap.trace(pool, turn) for turn in (first, second, third)),
        ap.trace(pool),
        ap.trace(pool, text=f"says {MARKUP} and"),
        ap.trace(pool, second, against=third),
    ]
    for one in found:
        html = one._repr_html_()
        assert "onerror" in html
        assert "<img" not in html
    with pytest.raises(UserError):
        ap.trace(pool, MARKUP)
