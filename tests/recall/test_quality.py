"""Recall against exact scores, on the real text of installed packages."""

import random

import pytest

from agentpool_jupyter.recall.backends.items import Item, pool_source
from agentpool_jupyter.recall.backends.sqlite_backend import SqliteBackend
from agentpool_jupyter.recall.matches import Search
from agentpool_jupyter.recall.ranking import find
from agentpool_jupyter.recall.text.shingles import containment, jaccard, shingles
from tests.benchmarks import corpus

COUNT = 4000
ASKED = 40


@pytest.fixture(scope="module")
def texts():
    return list(dict.fromkeys(corpus.texts(COUNT)))


@pytest.fixture(scope="module")
def filled(texts, tmp_path_factory):
    backend = SqliteBackend(tmp_path_factory.mktemp("quality") / "recall.index")
    source = pool_source("corpus")
    backend.put(source, b"m", [Item(source=source, key=f"{i}", text=text) for i, text in enumerate(texts)])
    yield backend
    backend.close()


@pytest.mark.parametrize("threshold", [0.42, 0.5, 0.8])
@pytest.mark.parametrize("question", ["resembles", "contained"])
def test_at_the_threshold_at_least_95_of_100_are_found_and_all_are_true(texts, filled, question, threshold):
    """Precision after verification is 1 and scores are exact, for both questions."""
    chance = random.Random(11)
    sets = [shingles(text) for text in texts]
    score = jaccard if question == "resembles" else containment
    wanted = hits = 0
    for number in range(ASKED):
        text = chance.choice(texts)
        query = text if question == "resembles" else corpus.excerpt(text, 6 + number, chance)
        query = corpus.altered(query, number / ASKED / 4, chance)
        asked = shingles(query)
        exact = {i: score(asked, one) for i, one in enumerate(sets) if score(asked, one) >= threshold}
        search = Search(question, threshold, len(texts), lambda _: True)
        found = {int(one.item.key): one.score for one in find(filled, [query], search)}
        assert found.items() <= exact.items()
        wanted += len(exact)
        hits += len(found)
    assert wanted > 10  # else this shows nothing
    assert hits >= 0.95 * wanted
