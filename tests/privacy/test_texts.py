"""Free text in releases: no identifiers, and nothing that is rare."""

import re
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.errors import ExtraMissingError, UserError
from agentpool_jupyter.privacy.texts import common_texts, without_identifiers
from tests import teams

pytest.importorskip("presidio_analyzer")
SECRETS = {
    "ada@example.org": "email",
    "ada.lovelace@mail.example.co.uk": "email",
    "https://example.org/people/ada": "url",
    "4111 1111 1111 1111": "card",
    "DE89 3704 0044 0532 0130 00": "iban",
    "192.168.7.13": "ip",
    "+44 20 7946 0958": "phone",
    "sk-proj-abcdefghijklmnop1234": "key",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789": "key",
}


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items())
def test_an_identifier_becomes_a_pseudonym(secret, kind):
    [text] = without_identifiers([f"write to {secret} about the oven"])
    assert re.fullmatch(rf"write to <{kind} 1> about the oven", text)


def test_the_same_has_the_same_pseudonym_and_others_have_others():
    one, two, three = without_identifiers(["ask ada@example.org", "or bob@example.org", "ADA@example.org said so"])
    assert one.split()[1:] == three.split()[:2]
    assert {one.split(maxsplit=1)[1], two.split(maxsplit=1)[1]} == {"<email 1>", "<email 2>"}


@given(st.lists(st.sampled_from([*SECRETS, "the", "oven", "1879", "<email 1>", "a@b", "\n"]), max_size=6).map(" ".join))
def test_no_identifier_is_left_whatever_stands_around_it(text):
    [done] = without_identifiers([text])
    assert [secret for secret in SECRETS if re.search(rf"(?<!\S){re.escape(secret)}(?!\S)", done)] == []


def test_text_that_fewer_than_k_runs_said_is_left_out():
    texts = ["The oven lease comes first, then the flour."] * 3 + ["Bob was fired on Monday."]
    assert common_texts(texts, ["a", "b", "c", "a"], 3) == [texts[0]] * 3 + [None]
    assert common_texts(texts, ["a", "a", "c", "a"], 3) == [None] * 4  # one run says it twice


def test_of_texts_that_are_nearly_alike_only_shared_words_are_left():
    said = "The oven lease comes first because nothing at all is baked without an oven, says"
    texts = [f"{said} {name}" for name in ("Ada", "Bob", "Eve")]
    assert common_texts(texts, ["a", "b", "c"], 3) == [f"{said} …"] * 3


def test_a_release_keeps_text_on_demand_and_says_what_became_of_it(pool):
    for person in ("ada", "bob", "eve"):
        pool.post("Call me at ada@example.org or +44 20 7946 0958, please, about the oven lease.", agent=person)
        pool.post("Only I say that Bob has the flu.", agent="ada")
    teams.say(pool, "Nothing of the kind was said before.")
    release = ap.anonymize(pool, k=3, text="redact")
    told = "Call me at <email 1> or <phone 1>, please, about the oven lease."
    assert sorted(release.table["text"].fillna("")) == [""] * 4 + [told] * 3
    assert "4 of 7 texts were said in fewer than 3 runs and are left out" in " ".join(release.report.notes)


def test_text_of_a_table_counts_each_row_as_a_run():
    table = pd.DataFrame({"age": [1, 1, 1, 1], "text": ["the same words here"] * 3 + ["other words there"]})
    release = ap.anonymize(table, k=2, quasi="age", text="redact")
    assert sorted(release.table["text"].fillna("")) == ["", *["the same words here"] * 3]
    whose = table.assign(who=["ada", "ada", "ada", "bob"])  # who says it three times says it once
    assert ap.anonymize(whose, k=2, quasi="age", text="redact", per="who").table["text"].isna().all()


def test_without_presidio_it_is_told_what_to_install(monkeypatch):
    from agentpool_jupyter.privacy.redaction import identifiers

    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    identifiers._recognisers.cache_clear()
    with pytest.raises(ExtraMissingError, match=r"pip install 'agentpool-jupyter\[redact\]'"):
        without_identifiers(["text 1"])


def test_names_are_found_by_a_model_of_the_users(tmp_path):
    """Any pipeline of spaCy, installed or in a folder."""
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    patterns = [{"label": "PERSON", "pattern": "Ada Lovelace"}, {"label": "GPE", "pattern": "London"}]
    pipeline.add_pipe("entity_ruler").add_patterns(patterns)
    pipeline.to_disk(tmp_path / "names")
    said = "Ada Lovelace of London, ada@example.org, wrote to Ada Lovelace"
    [text] = without_identifiers([said], str(tmp_path / "names"))
    assert text == "<person 1> of <place 1>, <email 1>, wrote to <person 1>"
    table = pd.DataFrame({"age": [1, 1, 2, 2], "text": said})
    release = ap.anonymize(table, k=2, quasi="age", text="redact", names=str(tmp_path / "names"))
    assert set(release.table["text"]) == {text}
    with pytest.raises(
        UserError, match=r"there is no model of spaCy 'en_no_such' here: install it \(`python -m spacy download"
    ):
        without_identifiers(["Ada"], "en_no_such")
