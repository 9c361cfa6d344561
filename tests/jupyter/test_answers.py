"""What a view is told when it asks about a turn: the log's own words and numbers."""

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.jupyter.live.answers import Answers
from agentpool_jupyter.jupyter.live.cards import Alike, Card, Spread, Untold
from agentpool_jupyter.jupyter.live.wire import Ask
from tests.openai_server import Cut
from tests.teams import asked, play, speaks

AGENTS = {"ann": "Talks about $5 and <b>bread</b>.", "ben": {"role": "Checks.", "listens": ["ann"]}}


@pytest.fixture
def run(pool, server):
    """Ben's first call breaks off, and is made again."""
    server.fault(Cut(3), times=1, contains=speaks("ben"))
    return play(pool, AGENTS, server, turns=2)


def ask(run, name, about="card", **more):
    """The answer to a question of a view about a turn."""
    turn = run.pool.document().turn(name)
    question = Ask(view="v", turn=turn.id if turn else name, about=about, **more)
    return Answers(run.id, lambda _: None, None).answer(run.pool, question)


def test_a_card_says_what_the_trace_says(run, server):
    """Its prompt is what the server was sent, to the letter; reads, readers and numbers are the log's."""
    card, found = ask(run, "ben#1"), ap.trace(run.pool, "ben#1")
    assert isinstance(card, Card)
    assert (card.view, card.turn, card.start, card.end) == ("v", found.turn.id, found.turn.start, found.turn.end)
    (shown,) = [prompt for prompt in card.prompts if prompt.messages is not None]
    assert (shown.offset, shown.problem) == (found.prompt.offset, "")
    sent = [{"role": one.role, "content": one.text} for one in shown.messages]
    assert sent == found.prompt.messages
    assert sent in [request.messages for request in asked(server, "ben")]
    assert card.prompt_tokens + card.completion_tokens == found.tokens
    assert sum(card.shares.values()) == card.prompt_tokens
    assert (card.cost, card.first_token, card.seconds) == (found.cost, found.first_token, found.seconds)
    assert [one.name for one in card.read] == [turn.name for turn in found.seen]
    assert [(one.name, one.why) for one in card.unread] == [(one.turn.name, one.why) for one in found.unseen]
    assert card.errors == found.errors != []


def test_who_read_a_turn_is_named(run):
    """As many as there are, and those that came from it by way of others are counted."""
    card = ask(run, "ann#1")
    assert "ben#1" in [one.name for one in card.readers]
    assert card.readers_count == len(card.readers) <= card.after


def test_another_prompt_of_a_turn_is_told_when_it_is_asked_for(run):
    """All are listed; words come with the one that is asked for."""
    prompts = ask(run, "ben#1").prompts
    other = next(prompt for prompt in prompts if prompt.messages is None)
    told = ask(run, "ben#1", prompt=other.offset).prompts
    assert [prompt.offset for prompt in told if prompt.messages is not None] == [other.offset]


def test_what_is_like_a_turn_is_what_similar_finds(run):
    """With the same scores, best first."""
    told, found = ask(run, "ann#1", "alike"), ap.similar(run.pool, "ann#1")
    assert isinstance(told, Alike)
    assert [(hit.score, hit.source) for hit in told.hits] == [(hit.score, hit.source) for hit in found]


def test_where_words_went_is_told_in_order(run):
    """Of words that nobody else said, only their turn."""
    text = run.pool.document().turn("ann#1").text.strip()
    told = ask(run, "ann#1", "spread", text=text)
    assert isinstance(told, Spread)
    assert told.places[0].name == "ann#1"
    assert told.places[0].score == 1.0


def test_a_question_is_answered_whatever_goes_wrong(run, caplog):
    """An error that nobody foresaw is told, too, and where it happened goes to the kernel's log."""
    turn = run.pool.document().turn("ann#1")
    answers = Answers(run.id, lambda _: None, lambda _pool: {}["no index"])
    told = answers.answer(run.pool, Ask(view="v", turn=turn.id, about="alike"))
    assert isinstance(told, Untold)
    assert (
        told.problem == "this went wrong inside agentpool-jupyter (KeyError: 'no index'); the kernel's log says where"
    )
    assert 'lambda _pool: {}["no index"]' in caplog.text


@pytest.mark.parametrize(("about", "more"), [("card", {}), ("alike", {}), ("spread", {"text": " "})])
def test_a_question_without_an_answer_is_told_why(run, about, more):
    """In the words of the error, to the view that asked."""
    told = ask(run, "nobody#7", about, **more)
    assert isinstance(told, Untold)
    assert (told.view, told.about) == ("v", about)
    assert told.problem


def test_a_run_is_no_turn(run):
    """Whatever else has a name gets no card."""
    assert isinstance(ask(run, run.id), Untold)
