"""How messages were changed before they were sent."""

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.prompt.edits import edited, edits_of

TEXT = st.text("ab @.\n", max_size=30)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_changed_messages_are_made_again_of_what_they_were(pairs):
    before = [{"role": "user", "content": one} for one, _ in pairs]
    after = [{"role": "user", "content": other} for _, other in pairs]
    assert edited(before, edits_of(before, after)) == after
