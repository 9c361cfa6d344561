"""How the room of a prompt is shared out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.prompt.shares import SHARES, allot, excerpt

NEEDS = st.fixed_dictionaries(dict.fromkeys(SHARES, st.integers(0, 5000)))


def test_shares_are_of_one_whole():
    assert sum(SHARES.values()) == 1


@given(st.integers(-10, 10_000), NEEDS)
def test_everyone_gets_its_share_and_what_others_leave(room, needs):
    """Never more than it needs, never less than its share if it needs that, and nothing is left while anyone wants."""
    given_ = allot(room, needs)
    assert set(given_) == set(needs)
    assert sum(given_.values()) <= max(room, 0)
    for part, need in needs.items():
        assert min(need, int(SHARES[part] * max(room, 0))) <= given_[part] + 1
        assert 0 <= given_[part] <= need
    if sum(needs.values()) <= room:
        assert given_ == needs
    elif room > 0:
        assert sum(given_.values()) >= room - len(needs)


@given(st.text(), st.integers(0, 400))
def test_an_excerpt_is_the_end_of_a_text_and_fits(text, most):
    found = excerpt(text, most)
    assert len(found.encode()) <= most
    assert text.endswith(found.removeprefix("[…] "))
