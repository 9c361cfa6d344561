"""A team that redacts: no identifier reaches a model or the pool, whatever it comes by; a person can look behind."""

import json
import re
import stat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter import act, open_pool, resume
from agentpool_jupyter.errors import ExtraMissingError
from agentpool_jupyter.pool.events import EffectDone, Recall, RunStarted, TurnStarted, Vote
from agentpool_jupyter.privacy.redaction import identifiers
from agentpool_jupyter.privacy.redaction.pseudonyms import Pseudonyms
from agentpool_jupyter.privacy.redaction.redactor import KINDS, Redactor
from agentpool_jupyter.privacy.redaction.stream import RedactedStream, parts_of, redact_text
from tests.openai_server import Asks, Says
from tests.teams import of_type, play, team

pytest.importorskip("presidio_analyzer")
ADA, BEN, CARD, KEY = "ada@example.org", "ben@example.org", "4111 1111 1111 1111", "sk-abcdefghijklmnop1234"
PHONE = "+44 20 7946 0958"
WHO = (ADA, BEN, CARD, KEY, PHONE)


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def url(request, store):
    """The address of an empty store of each kind."""
    return str(store) if request.param == "sqlite" else request.getfixturevalue("kafka_url")


def named(text):
    """The identifiers that stand in a text, however it is quoted."""
    return [one for one in WHO if one in text]


def stored(pool):
    """All that the pool has, as its log has it."""
    return "".join(record.decode() for record in pool.records())


def sent(server):
    """All that the model's server was sent."""
    return json.dumps([request.body for request in server.requests])


def mails(to: str) -> str:
    """Send a mail."""
    print("sent to", to)
    return f"sent to {to}, with a copy to {BEN}"


def test_nothing_that_a_team_reads_or_says_names_anybody(url, server):
    """Task, role, a person's word, what a model says and calls, what tools print, answer and raise, and votes."""

    def fails(to: str) -> None:
        message = f"no {to}: ask {BEN}"
        raise LookupError(message)

    def check(effect):
        return True, f"{BEN} agrees"

    def talks(document):
        return f"Call {PHONE} soon."

    calls = Asks((("mails", {"to": ADA}), ("fails", {"to": ADA})), after=2)
    server.fault(calls, contains="You are ann.", times=1)
    server.fault(Says(f"Write to {ADA}, card {CARD}, key {KEY}."), contains="You are ann.", times=1)
    agents = {"ann": {"role": f"Serves {ADA}.", "tools": ["mails", "fails"]}, "pat": {"python": "talks"}}
    functions = {"mails": mails, "fails": fails, "check": check, "talks": talks}
    with open_pool("bakery", url) as pool:
        pool.post(f"Before, {BEN} said so.")  # no team was there that redacts: the model does not read it all the same
        spec = {"task": f"Answer {ADA}.", "gates": {"mails": {"ask": ["check"]}}, "redact": list(KINDS)}
        run = play(pool, agents, server, functions=functions, **spec)
        assert run.status == "finished"
        pool.post(f"And write to {BEN}.")
        assert named(sent(server)) == []
        assert named(stored(pool).replace(f"Before, {BEN}", "")) == []
        turns = {turn.agent: turn.text for turn in pool.document().turns}
        assert turns["pat"] == "Call <phone 1> soon."
        assert turns["ann"].endswith("Write to <email 1>, card <card 1>, key <key 1>.")
        done = of_type(pool, EffectDone)[0]
        assert (done.result, done.output) == ("sent to <email 1>, with a copy to <email 2>", "sent to <email 1>\n")
        assert [vote.text for vote in of_type(pool, Vote)] == ["<email 2> agrees"]
        assert of_type(pool, RunStarted)[0].spec["task"] == "Answer <email 1>."
        assert ap.reveal(pool, turns["ann"]).endswith(f"Write to {ADA}, card {CARD}, key {KEY}.")
        assert ap.reveal(pool, "<email 9> <b 1>") == "<email 9> <b 1>"
        assert f"Write to {ADA}" in pool.document().with_texts(Pseudonyms.of_pool(pool).reveal).text


def test_the_same_has_the_same_pseudonym_after_a_crash(store, server):
    server.fault(Says(f"Ask {ADA}."))
    with open_pool("bakery", str(store)) as pool:
        play(pool, {"ann": "Asks."}, server, redact=["email"], turns=1, task=f"Find {BEN}.")
    with open_pool("bakery", str(store)) as pool:
        pool.post("Go on.")
        run = resume(pool, turns=2, trust=True)
        assert run.wait(30)
        assert [turn.text for turn in pool.document().turns] == ["Ask <email 2>.", "Go on.", "Ask <email 2>."]
        assert named(stored(pool)) == []


def test_a_stride_does_not_cut_an_identifier_in_two(pool, server):
    """What may be half of one at a call's end is left to the next call."""
    server.fault(Says(f"Please write to {ADA} and to {BEN} at once, all of you there."))
    play(pool, {"ann": "Asks."}, server, redact=["email"], stride=4, max_tokens=40)
    assert named(stored(pool) + sent(server)) == []
    assert "exam" not in stored(pool) + sent(server)


def test_what_is_recalled_names_nobody(store, server):
    pytest.importorskip("rensa")
    said = f"The oven of the bakery is at {ADA} and the flour comes with the mill's own carts every morning at six."
    with open_pool("old", str(store)) as old:
        old.post(said)
    with open_pool("bakery", str(store)) as pool:
        settings = {"recall": {"k": 1, "threshold": 0.1}, "redact": ["email"]}
        play(pool, {"ann": "Asks."}, server, task=said.replace(ADA, "an address"), **settings)
        assert of_type(pool, Recall)[0].hits
        assert "<email 1> and the flour" in sent(server)
        assert named(stored(pool) + sent(server)) == []


def test_a_mind_acts_without_identifiers(store, server):
    class Mind:
        def believe(self, event): ...

        def decide(self, state=None):
            return act("mails", to=ADA) if not self.done() else f"Told {ADA}."

        def done(self):
            self.asked, before = True, getattr(self, "asked", False)
            return before

    agents = {"ann": {"python": "Mind", "tools": ["mails"]}}
    with open_pool("bakery", str(store)) as pool:
        play(pool, agents, redact=["email"], functions={"Mind": Mind, "mails": mails})
        assert [effect.proposal.arguments for effect in pool.effects.values()][:1] == [{"to": "<email 1>"}]
        assert named(stored(pool)) == []


def test_teams_below_redact_what_is_redacted_above(store, server):
    server.fault(Asks((("cooks", {"task": f"Ask {ADA} by {PHONE}."}),)), contains="You are ann.", times=1)
    server.fault(Says(f"{ADA} it is, says {KEY}."), contains="You are baker.")
    cooks = {"turns": 1, "redact": ["phone"], "agents": {"baker": f"Bakes for {ADA}."}}
    with open_pool("bakery", str(store)) as pool:
        agents = {"ann": {"role": "Asks.", "tools": ["cooks"]}}
        play(pool, agents, server, redact=["email"], teams={"cooks": cooks})
        assert named(stored(pool) + sent(server)) == []
        below = of_type(pool, RunStarted)[1].spec
        assert (below["redact"], below["task"]) == (["email", "phone"], "Ask <email 1> by <phone 1>.")


def test_a_prompt_says_where_it_is_not_what_the_pool_has(store, server):
    with open_pool("bakery", str(store)) as pool:
        pool.post(f"Before, {BEN} said so.")
        play(pool, {"ann": "Asks."}, server, redact=["email"])
        assert of_type(pool, TurnStarted)[0].context["redacted"]
        play(pool, {"ann": "Asks."}, server, redact=["email"], task="Say it.")
    with open_pool("other", str(store)) as pool:
        play(pool, {"ann": "Asks."}, server, redact=["email"], task=f"Find {ADA}.")
        assert "redacted" not in of_type(pool, TurnStarted)[0].context


def test_what_stands_behind_pseudonyms_is_this_users_alone(store, server):
    with open_pool("bakery", str(store)) as pool:
        play(pool, {"ann": "Asks."}, server, redact=["email"], task=f"Find {ADA}.")
        path = Pseudonyms.of_pool(pool).path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.write_bytes(path.read_bytes() + b'["email", 2, "half')  # a process was killed here
        known = Pseudonyms.of_pool(pool)
        assert (known.of("email", ADA), known.of("email", BEN)) == ("<email 1>", "<email 2>")
        assert Pseudonyms.of_pool(pool).reveal("<email 1>, <email 2>") == f"{ADA}, {BEN}"


def test_without_presidio_nothing_starts(store, server, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    identifiers._recognisers.cache_clear()
    with open_pool("bakery", str(store)) as pool:
        with pytest.raises(ExtraMissingError, match=r"agentpool-jupyter\[redact\]"):
            team({"ann": "Asks."}, server, redact=["email"]).start(pool)
        assert pool.end == 0
    monkeypatch.undo()
    identifiers._recognisers.cache_clear()


_PIECES = st.lists(
    st.sampled_from(
        [*WHO, "the", "oven,", "1879", " ", "\n", "世", "界", "a@b", "<email 1>", "|", "\u2028", "7.", "x."]
    ),
    max_size=12,
)


@example("世sk-abcdefghijklmnop12344111 1111 1111 1111", [])  # a key right behind a letter, and a number behind it
@given(_PIECES.map(" ".join) | _PIECES.map("".join), st.lists(st.integers(1, 9), max_size=60))
def test_a_stream_is_redacted_as_the_whole_text_is(text, sizes):
    """However it is cut; nothing is lost but identifiers, and none is left that stands by itself."""
    redact = Redactor(KINDS, Pseudonyms()).text
    stream, out, at = RedactedStream(redact), "", 0
    for size in sizes:
        out += stream.feed(text[at : at + size])
        at += size
    out += stream.feed(text[at:]) + stream.close()
    assert "".join(parts_of(text)) == text
    whole = redact_text(text, Redactor(KINDS, Pseudonyms()).text)
    assert re.sub(r"\d+>", ">", out) == re.sub(r"\d+>", ">", whole)
    assert [one for one in WHO if re.search(rf"(?<!\S){re.escape(one)}(?!\S)", out)] == []
    assert redact(out) == out


def test_prose_waits_for_a_word_only():
    stream = RedactedStream(str)
    assert [stream.feed(piece) for piece in ("Bre", "ad is", " good. ", "5 loaves", " are ", "not. ")] == [
        "",
        "",
        "Bread is ",
        "",
        "good. 5 loaves ",
        "are ",
    ]
