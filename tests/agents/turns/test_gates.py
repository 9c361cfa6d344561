"""Gates: who must agree before a tool is called, in a team at work, on both stores."""

import json

import pytest

from agentpool_jupyter import open_pool, resume
from agentpool_jupyter.errors import SpecError, UserError
from agentpool_jupyter.pool.effects import digest_of_effect
from agentpool_jupyter.pool.events import Decision, EffectStarted, Vote
from tests.openai_server import Asks, Says
from tests.pool.effect_logs import folded
from tests.teams import of_type, play, speaks, team, until

MAIL = {"to": "ben", "text": "We open on Monday."}


def gated(server, gate, *, agents=None, functions=None, seconds=None):
    """A team whose ann sends a mail behind a gate, and the mails that were sent."""
    sent = []

    def send_mail(to: str, text: str) -> str:
        """Send a mail."""
        sent.append((to, text))
        return "sent"

    server.fault(Asks((("send_mail", MAIL),)), contains=speaks("ann"))
    agents = agents or {"ann": {"role": "Mails.", "tools": ["send_mail"]}}
    functions = {"send_mail": send_mail, **(functions or {})}
    budget = {"budget": {"seconds": seconds}} if seconds else {}
    return team(agents, server, gates={"send_mail": gate}, functions=functions, **budget), sent


def told(server):
    return [m["content"] for r in server.requests for m in r.messages if m["role"] == "tool"][-1]


def test_a_function_is_asked_and_what_it_says_is_recorded(url, server):
    asked = []

    def check(effect):
        asked.append((effect.proposal.tool, effect.proposal.arguments))
        return True, "It is polite."

    made, sent = gated(server, {"ask": ["check"]}, functions={"check": check})
    with open_pool("bakery", url) as pool:
        assert made.start(pool).wait(30)
        assert asked == [("send_mail", MAIL)]
        assert sent == [("ben", "We open on Monday.")]
        (vote,), (decision,), (started,) = (of_type(pool, kind) for kind in (Vote, Decision, EffectStarted))
        assert (vote.agent, vote.accept, vote.text) == ("check", True, "It is polite.")
        assert vote.digest == digest_of_effect("send_mail", MAIL)
        assert (decision.accepted, decision.text) == (True, "check agreed")
        assert vote.offset < decision.offset < started.offset


def test_a_person_agrees_from_another_process_view_of_the_pool(url, server):
    """The turn waits, and nothing is done before."""
    made, sent = gated(server, {"ask": ["you"]})
    with open_pool("bakery", url) as pool, open_pool("bakery", url) as other:
        run = made.start(pool)
        until(other.pending)
        (effect,) = other.pending()
        assert (effect.told, effect.proposal.agent, sent) == (
            'send_mail(to="ben", text="We open on Monday.")',
            "ann",
            [],
        )
        other.vote(effect.id[-3:], "Fine.", accept=True)
        assert run.wait(30)
        assert len(sent) == 1
        assert other.pending() == []
        with pytest.raises(UserError, match="nothing waits"):
            other.vote(effect.id, accept=True)


def test_a_person_refuses_and_the_model_is_told_why(pool, server):
    made, sent = gated(server, {"ask": ["you"]})
    run = made.start(pool)
    until(pool.pending)
    pool.vote(pool.pending()[0].id, "Not on a Monday.", accept=False)
    assert run.wait(30)
    assert sent == []
    assert told(server).startswith("not done: you refused")
    assert pool.document().turns[0].status == "finished"


def test_an_agent_of_the_team_votes(pool, server):
    """Its model is asked over all that it reads, and what the answer took is paid for."""
    server.fault(Says(json.dumps({"accept": True, "why": "Good.", "confidence": 0.7})), contains="May it be done?")
    agents = {"ann": {"role": "Mails.", "tools": ["send_mail"]}, "critic": {"role": "Judges.", "listens": ["ann"]}}
    made, sent = gated(server, {"ask": ["critic"]}, agents=agents)
    assert made.start(pool).wait(30)
    (vote,) = of_type(pool, Vote)
    assert (vote.agent, vote.accept, vote.text, vote.confidence) == ("critic", True, "Good.", 0.7)
    assert vote.usage.total > 0
    assert len(sent) == 1
    question = next(r for r in server.requests if "May it be done?" in r.messages[-1]["content"])
    assert speaks("critic") in question.messages[0]["content"]
    assert 'ann asks for this to be done:\n  {"arguments":{"text":' in question.messages[-1]["content"]


def asked_for(pool):
    """Whether a person's answer was ever waited for, at any offset of the log."""
    events = list(pool.events())
    calls = [effect for count in range(len(events)) for effect in folded(events[: count + 1]).values()]
    return any(effect.waits_for_person for effect in calls)


@pytest.mark.parametrize(
    ("gate", "answer", "asked"),
    [
        ({}, False, (0, False, 0)),
        ({}, True, (1, True, 1)),
        ({"policy": "majority"}, False, (1, True, 1)),
        ({"policy": "quorum", "need": 1}, True, (0, False, 1)),
        ({"policy": "quorum", "need": 3}, False, (0, False, 0)),
        ({"policy": "owner", "owner": "check"}, False, (0, False, 0)),
    ],
    ids=["no", "yes", "no to few", "yes to enough", "no to many", "owner"],
)
def test_functions_are_asked_first_and_nobody_where_they_decide(url, server, gate, answer, asked):
    """What a model is asked costs tokens, and a person attention: neither is for what a function can decide."""
    counted = []

    def check(effect):
        counted.append(effect.id)
        return answer

    server.fault(Says(json.dumps({"accept": True})), contains="May it be done?")
    agents = {"ann": {"role": "Mails.", "tools": ["send_mail"]}, "critic": {"role": "Judges.", "listens": ["ann"]}}
    gate = {"ask": ["you", "critic", "check"]} | gate
    made, sent = gated(server, gate, agents=agents, functions={"check": check})
    with open_pool("bakery", url) as pool:
        run = made.start(pool)
        _, people, _ = asked
        if people:
            until(lambda: any(effect.waits_for_person for effect in pool.pending()))
            pool.vote(pool.pending()[0].id, accept=True)
        assert run.wait(30)
        questions = [r for r in server.requests if "May it be done?" in r.messages[-1]["content"]]
        assert (len(counted), (len(questions), asked_for(pool), len(sent))) == (1, asked)
        (effect,) = pool.effects.values()
        assert effect.proposal.guards == ("check",)


@pytest.mark.parametrize(
    ("voter", "why"),
    [
        (lambda _: "yes", "answered str, neither True nor False"),
        (lambda _: None, "answered NoneType"),
        (lambda _: 1 / 0, "its vote failed: ZeroDivisionError"),
        (lambda _: (True, 3), "answered tuple"),
    ],
)
def test_a_voter_that_fails_has_not_agreed(pool, server, voter, why):
    made, sent = gated(server, {"ask": ["check"]}, functions={"check": voter})
    assert made.start(pool).wait(30)
    assert sent == []
    assert of_type(pool, Vote)[0].text.startswith(why)


def test_a_model_that_answers_garbage_has_not_agreed(pool, server):
    agents = {"ann": {"role": "Mails.", "tools": ["send_mail"]}, "critic": {"role": "Judges.", "listens": ["ann"]}}
    made, sent = gated(server, {"ask": ["critic"]}, agents=agents)
    assert made.start(pool).wait(30)
    assert sent == []
    assert of_type(pool, Vote)[0].text.startswith("answered what is no vote")


def test_when_the_time_is_over_it_is_a_no(url, server):
    """Whoever votes later is told that it does not count."""
    made, sent = gated(server, {"ask": ["you"], "within": "0.5 s"})
    with open_pool("bakery", url) as pool:
        assert made.start(pool).wait(30)
        assert sent == []
        assert told(server) == "not done: you did not answer in time"
        (effect,) = pool.effects.values()
        assert effect.status == "refused"
        header = pool.header("main", agent="you")
        pool.append([Vote(**header, proposal=effect.id, accept=True, digest=effect.proposal.digest)])
        assert [why for _, why in pool.effects[effect.id].idle] == ["it was decided"]


def test_votes_that_do_not_count_are_kept_with_the_reason(pool, server):
    made, sent = gated(server, {"ask": ["you", "boss"], "within": "1 min"}, functions={"boss": lambda _: True})
    run = made.start(pool)
    until(pool.pending)
    (effect,) = pool.pending()

    def cast(agent, digest=effect.proposal.digest):
        pool.append([Vote(**pool.header("main", agent=agent), proposal=effect.id, accept=False, digest=digest)])

    cast("eve")
    cast("you", digest="another")
    until(lambda: "boss" in pool.effects[effect.id].votes)
    cast("boss")
    pool.vote(effect.id, accept=True)
    assert run.wait(30)
    assert [why for _, why in pool.effects[effect.id].idle] == [
        "was not asked",
        "is about something else",
        "has voted already",
    ]
    assert len(sent) == 1
    uncounted = "eve was not asked, you is about something else, boss has voted already"
    assert pool.effects[effect.id].uncounted == uncounted
    assert f"votes that did not count: {effect.told}: {uncounted}" in repr(run.report())


def test_a_decision_that_the_votes_do_not_carry_is_ignored(pool, server):
    made, sent = gated(server, {"ask": ["you"]})
    run = made.start(pool)
    until(pool.pending)
    (effect,) = pool.pending()
    pool.append([Decision(**pool.header("main"), proposal=effect.id, accepted=True, text="trust me")])
    pool.append([EffectStarted(**pool.header("main"), proposal=effect.id, digest=effect.proposal.digest)])
    assert pool.effects[effect.id].status == "waiting"
    pool.vote(effect.id, accept=False)
    assert run.wait(30)
    assert sent == []


def test_an_open_question_survives_a_restart(store, server):
    """The run is stopped while it waits, and goes on with the same question."""
    made, sent = gated(server, {"ask": ["you"]})
    with open_pool("bakery") as pool:
        run = made.start(pool)
        until(pool.pending)
        (asked,) = pool.pending()
        run.stop()
        assert [effect.id for effect in pool.pending()] == [asked.id]
    with open_pool("bakery") as pool:
        pool.vote(asked.id, accept=True)
        assert resume(pool, functions=made.functions, trust=True).wait(30)
        assert list(pool.effects) == [asked.id]
    assert len(sent) == 1


def test_a_rollback_voids_what_waits_on_the_line_that_is_left(pool, server):
    made, _ = gated(server, {"ask": ["you"]})
    run = made.start(pool)
    until(pool.pending)
    (asked,) = pool.pending()
    pool.clear()
    assert run.wait(30)
    assert pool.pending() == []
    with pytest.raises(UserError, match="no proposal"):
        pool.vote(asked.id, accept=True)


def test_a_shadow_lets_pass_and_records_what_it_would_have_decided(pool, server):
    made, sent = gated(server, {"ask": ["no"], "shadow": True}, functions={"no": lambda _: False})
    assert made.start(pool).wait(30)
    assert len(sent) == 1
    assert of_type(pool, Decision)[0].text == "only recorded, it would be refused: no refused"


def test_voters_stake_on_being_right(url, server):
    """Who refused what was then done pays who agreed; every reader of the pool finds the same."""
    functions = {"yes": lambda _: True, "no": lambda _: False}
    made, sent = gated(server, {"ask": ["yes", "no"], "policy": "quorum", "need": 1, "stake": 7}, functions=functions)
    with open_pool("bakery", url) as pool, open_pool("bakery", url) as other:
        assert made.start(pool).wait(30)
        assert len(sent) == 1
        assert pool.ledger().balances in ({"yes": 7, "no": -7}, {"yes": 0})  # the no may have come after the decision
        assert other.ledger().entries == pool.ledger().entries


def test_what_lets_pass_is_marked_in_words_and_in_red(pool, server):
    """In the report, as text and as HTML; what a strict gate lets pass is not."""
    made, _ = gated(server, {"ask": ["no"], "shadow": True}, functions={"no": lambda _: False})
    run = made.start(pool)
    assert run.wait(30)
    report, call = run.report(), 'send_mail(to="ben", text="We open on Monday.")'
    assert report.warnings == [
        "the gate of send_mail lets pass (shadow: all pass, whatever the votes say)",
        f"let pass: {call} (only recorded, it would be refused: no refused)",
    ]
    assert f"⚠ {report.warnings[0]}" in repr(report)
    assert '<p class="ap-lets-pass" style="color:var(--jp-error-color1,#d32f2f)' in report._repr_html_()
    strict, _ = gated(server, {"ask": ["yes"]}, functions={"yes": lambda _: True})
    run = strict.start(pool)
    assert run.wait(30)
    assert run.report().warnings == []
    assert "ap-lets-pass" not in run.report()._repr_html_()


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ({}, "asks nobody"),
        ({"ask": []}, "asks nobody"),
        ({"ask": [True]}, "`ask` names who has to agree"),
        ({"ask": ["nobody"]}, "asks 'nobody', which is no agent of the team and no function"),
        ({"ask": ["you"], "policy": "majorty"}, "did you mean 'majority'"),
        ({"ask": ["you"], "policy": "owner"}, "needs an `owner` who is one of those that it asks: you"),
        ({"ask": ["you"], "within": "soon"}, "`within` is a time, like `30 s`"),
        ({"ask": ["you"], "stale": "maybe"}, "`stale` is one of ask, ok"),
        ({"ask": ["you"], "stake": 0.5}, "`stake` must be a whole number"),
        ({"ask": ["you"], "absent": "maybe"}, "`absent` is one of no, abstain, ask"),
        ({"ask": ["you"], "quorum": 2}, "unknown key 'quorum'"),
    ],
)
def test_a_gate_that_makes_no_sense_is_told_before_anything_starts(pool, server, gate, why):
    with pytest.raises(SpecError, match=why):
        gated(server, gate)[0].start(pool)
    assert pool.end == 0


def test_a_gate_of_a_tool_that_nobody_has_is_told(server):
    with pytest.raises(SpecError, match="'send_mial', which is no tool of any agent; did you mean 'send_mail'"):
        team({"ann": {"role": "Mails.", "tools": ["send_mail"]}}, server, gates={"send_mial": {"ask": ["you"]}})


def test_numbers_and_words_of_a_gate_are_read():
    agents = {"ann": {"role": "Mails.", "tools": ["pay"]}}
    spec = team(agents, gates={"pay": {"ask": ["you", "ann"], "need": 2, "within": "5 min", "absent": False}}).spec
    gate = spec.gates["pay"]
    assert (gate.policy, gate.need, gate.within, gate.absent) == ("quorum", 2, 300, "no")
    assert type(spec).from_dict(spec.to_dict()) == spec


def test_play_is_used(pool, server):
    """Without a gate nothing waits."""
    run = play(pool, {"ann": "Talks."}, server)
    assert run.status == "finished"
    assert pool.pending() == []


def test_an_agent_asks_a_person(url, server):
    """``ask`` is a tool that every team has: the answer is what the person says who agrees."""
    server.fault(Asks((("ask", {"question": "Which oven?"}),)))
    with open_pool("bakery", url) as pool:
        run = team({"ann": "Asks."}, server, tools=["ask"]).start(pool)
        until(pool.pending)
        (effect,) = pool.pending()
        assert effect.told == 'ask(question="Which oven?")'
        pool.vote(effect.id, "The large one.", accept=True)
        assert run.wait(30)
        assert told(server) == "The large one."


def test_two_questions_in_words_want_two_answers(pool, server):
    """They are no question of several, and no grant answers them."""
    server.fault(Asks((("ask", {"question": "Which oven?"}), ("ask", {"question": "Which flour?"}))))
    pool.grant("ask")
    run = team({"ann": "Asks."}, server, tools=["ask"]).start(pool)
    until(lambda: len(pool.pending()) == 2)
    assert [len(question.effects) for question in pool.pending().questions] == [1, 1]
    for effect, answer in zip(pool.pending(), ("The large one.", "Rye."), strict=True):
        pool.vote(effect.id, answer, accept=True)
    assert run.wait(30)
    answers = [m["content"] for m in server.requests[-1].messages if m["role"] == "tool"]
    assert sorted(answers) == ["Rye.", "The large one."]


def test_who_does_not_answer_has_not_answered(pool, server):
    server.fault(Asks((("ask", {"question": "Which oven?"}),)))
    run = team({"ann": "Asks."}, server, tools=["ask"], gates={"ask": {"ask": ["you"], "within": "0.3 s"}}).start(pool)
    assert run.wait(30)
    assert told(server) == "not done: you did not answer in time"
