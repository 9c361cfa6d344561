"""What votes come to: each policy by its definition, with ties, absence and nobody at all; and it fails closed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.pool.events import Vote
from agentpool_jupyter.pool.votes import POLICIES, Gate, judge

VOTERS = ("ann", "ben", "cem", "dan")


def votes(**said):
    """Votes by voter in this order: y, n, or a number that is a yes (above 0) or a no (below) of that confidence."""
    result = {}
    for offset, (voter, vote) in enumerate(said.items()):
        sure = abs(vote) if isinstance(vote, int | float) else None
        accept = vote == "y" if isinstance(vote, str) else vote > 0
        result[voter] = Vote(id=voter, agent=voter, proposal="p", accept=accept, confidence=sure, offset=offset)
    return result


def decided(policy, said, *, closed=False, ask=VOTERS[:3], reputation=None, **gate):
    return judge(Gate(ask=ask, policy=policy, **gate), votes(**said), closed=closed, reputation=reputation).accepted


@pytest.mark.parametrize(
    ("policy", "said", "expected"),
    [
        ("all", {"ann": "y", "ben": "y", "cem": "y"}, True),
        ("all", {"ann": "y", "ben": "y"}, None),
        ("all", {"ann": "n"}, False),
        ("majority", {"ann": "y", "ben": "y"}, True),
        ("majority", {"ann": "y", "ben": "n"}, None),
        ("majority", {"ann": "n", "ben": "n"}, False),
        ("quorum", {"ann": "y", "ben": "y"}, True),
        ("quorum", {"ann": "n", "ben": "n"}, False),
        ("first", {"ben": "y", "ann": "n"}, True),
        ("first", {"ben": "n", "ann": "y"}, False),
        ("first", {}, None),
        ("confidence", {"ann": 0.5, "ben": -0.9, "cem": 0.8}, False),
        ("confidence", {"ann": 0.5, "ben": -0.8, "cem": 0.9}, True),
        ("confidence", {"ann": 0.9, "ben": -0.9, "cem": 0.1}, False),
        ("confidence", {"ann": 0.9, "ben": 0.8}, None),
        ("score", {"ann": 0.9, "ben": -0.9, "cem": 0.9}, True),
        ("score", {"ann": 0.5, "ben": 0.5, "cem": 0.5}, False),
        ("score", {"ann": "y", "ben": "n"}, None),
        ("reputation", {"ann": "y", "ben": "y"}, True),
        ("reputation", {"ann": "y", "ben": "n", "cem": "n"}, False),
    ],
)
def test_policies_decide_as_soon_as_they_can(policy, said, expected):
    assert decided(policy, said) is expected


def test_a_majority_is_more_than_half_of_who_was_asked():
    """A tie is a no, and who stays away does not make the bar lower."""
    assert decided("majority", {"ann": "y", "ben": "y", "cem": "n", "dan": "n"}, ask=VOTERS) is False
    assert decided("majority", {"ann": "y"}, closed=True, absent="abstain") is False
    assert decided("majority", {"ann": "y", "ben": "y"}, closed=True, absent="abstain", ask=VOTERS) is False


def test_a_quorum_weighs():
    weights = {"ann": 3.0, "ben": 1.0, "cem": 1.0}
    assert decided("quorum", {"ann": "y"}, weights=weights) is True
    assert decided("quorum", {"ben": "y", "cem": "y"}, weights=weights) is None
    assert decided("quorum", {"ben": "y", "cem": "y", "ann": "n"}, weights=weights) is False
    assert decided("quorum", {"ben": "y", "cem": "y"}, weights=weights, need=2) is True
    assert decided("quorum", {"ann": "y", "ben": "y", "cem": "y"}, need=4) is False


def test_an_owner_decides_and_an_arbiter_where_the_others_do_not():
    assert decided("owner", {"ann": "n", "ben": "n"}, owner="cem") is None
    assert decided("owner", {"ann": "n", "ben": "n", "cem": "y"}, owner="cem") is True
    assert decided("owner", {"ann": "y", "ben": "y"}, owner="cem", closed=True) is False
    assert decided("arbiter", {"ann": "y", "ben": "y"}, owner="cem") is True
    assert decided("arbiter", {"ann": "y", "ben": "n"}, owner="cem") is None
    assert decided("arbiter", {"ann": "y", "ben": "n", "cem": "y"}, owner="cem") is True
    assert decided("arbiter", {"ann": "y", "ben": "n"}, owner="cem", closed=True) is False


def test_who_was_right_before_weighs_more():
    reputation = {"ann": 0.9, "ben": 0.2, "cem": 0.2}
    assert decided("reputation", {"ann": "y", "ben": "n", "cem": "n"}, reputation=reputation) is True
    assert decided("reputation", {"ben": "y", "cem": "y", "ann": "n"}, reputation=reputation) is False


def test_a_margin_is_kept():
    said = {"ann": 0.7, "ben": 0.7, "cem": 0.7}
    assert decided("score", said, margin=0.1) is True
    assert decided("score", said, margin=0.3) is False


def test_who_is_absent():
    """For a no, for neither side, or with a person in their place; a gate that a person is asked for waits for ever."""
    said = {"ann": "y", "ben": "y"}
    assert decided("all", said, closed=True) is False
    assert decided("all", said, closed=True, absent="abstain") is True
    assert decided("all", {}, closed=True, absent="abstain") is False
    assert decided("all", said, closed=True, absent="ask") is None
    assert decided("all", {**said, "you": "y"}, closed=True, absent="ask") is True
    assert decided("all", {**said, "you": "n"}, closed=True, absent="ask") is False
    assert decided("score", {"ann": 1, "ben": 1}, closed=True) is True
    assert decided("score", {"ann": 1}, closed=True) is False


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_fails_closed(policy):
    """Nobody asked, nobody answers, strangers answer, numbers that are none: it is a no."""
    gate = {"owner": "ann"} if policy in ("owner", "arbiter") else {}
    assert decided(policy, {}, ask=()) is False
    assert decided(policy, {"eve": "y"}, closed=True, **gate) is False
    for absent in ("no", "abstain"):
        assert decided(policy, {}, closed=True, absent=absent, **gate) is False
    assert judge(Gate(ask=VOTERS, policy="whim"), votes(ann="y"), closed=True).accepted is False
    odd = votes(ann=float("nan"))
    assert judge(Gate(ask=("ann",), policy="score"), odd, closed=True).accepted in (True, False)


@given(
    st.sampled_from(sorted(POLICIES)),
    st.dictionaries(st.sampled_from(VOTERS), st.booleans()),
    st.sampled_from(["no", "abstain"]),
)
def test_what_is_decided_early_stays_decided(policy, said, absent):
    """Whatever is still said, in whatever order, a decision is never taken back; at the end there is one."""
    gate = Gate(ask=VOTERS, policy=policy, absent=absent, owner="ann" if policy in ("owner", "arbiter") else "")
    ballots = votes(**{voter: "y" if yes else "n" for voter, yes in said.items()})
    early = None
    for count in range(len(ballots) + 1):
        verdict = judge(gate, dict(list(ballots.items())[:count]), closed=False)
        assert early in (None, verdict.accepted)
        early = verdict.accepted
    final = judge(gate, ballots, closed=True).accepted
    assert final is not None
    assert early in (None, final)
