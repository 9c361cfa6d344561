"""How the room of a prompt is shared out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.prompt.shares import HEAD, SHARES, allot, excerpt, fairly, latest, size
from agentpool_jupyter.agents.team.spec import AgentSpec
from agentpool_jupyter.pool import Turn

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


def turns(*lengths):
    """Turns of an agent, of so many bytes with their headings."""
    same = {"agent": "critic", "status": "finished", "model": "m"}
    return [
        Turn(id=str(i), name=f"critic#{i + 1}", text="x" * (length - HEAD), start=i, end=i, **same)
        for i, length in enumerate(lengths)
    ]


def test_what_is_left_out_of_the_latest_goes_in_blocks():
    """So that prompts begin alike for some turns: the example that stands beside the rule."""
    kept = {count: sorted(map(int, latest(turns(*[100] * count), 400))) for count in (4, 10, 11, 12)}
    assert kept == {4: [0, 1, 2, 3], 10: [6, 7, 8, 9], 11: [8, 9, 10], 12: [8, 9, 10, 11]}


def test_long_texts_make_room_for_each_other():
    """The example that stands beside the rule."""
    given_ = fairly(turns(100, 1000, 1000), AgentSpec(name="planner"), 1500)
    assert {key: size(text) for key, text in given_.items()} == {"0": 100, "1": 700, "2": 700}
