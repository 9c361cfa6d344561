"""What a person sees of a team that redacts."""

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.privacy.redaction.pseudonyms import Pseudonyms
from tests.openai_server import Says
from tests.teams import play

pytest.importorskip("presidio_analyzer")
ADA = "ada@example.org"


@pytest.fixture
def bakery(store, server):
    """A pool whose team has named Ada."""
    server.fault(Says(f"Ask {ADA}."))
    with open_pool("bakery", str(store)) as pool:
        play(pool, {"ann": "Asks."}, server, redact=["email"])
        return Pseudonyms.of_pool(pool)


@pytest.mark.usefixtures("bakery")
def test_a_person_looks_behind_pseudonyms_when_asked(shell):
    shell.run_line_magic("pool", "use bakery")
    assert "Ask <email 1>." in str(shell.run_line_magic("pool", ""))
    shown = shell.run_line_magic("pool", "bakery --reveal")
    assert f"Ask {ADA}." in str(shown)
    assert ADA in shown._repr_html_()
    assert "Ask <email 1>." in str(shell.run_line_magic("pool", ""))


@pytest.mark.usefixtures("bakery")
def test_what_a_person_says_in_another_notebook_is_redacted_too(shell):
    """Its pool's latest team says so; where no team redacts it is stored as it is."""
    shell.run_line_magic("pool", "use bakery")
    session = shell.magics_manager.registry["PoolMagics"].session
    assert session.pool().post(f"I am {ADA}.").text == "I am <email 1>."
    other = session.pool("other", create=True)
    assert other.post(f"I am {ADA}.").text == f"I am {ADA}."


def test_nothing_stands_behind_pseudonyms_of_a_pool_that_was_deleted(shell, bakery):
    assert bakery.path.exists()
    shell.run_line_magic("pool", "delete bakery --yes")
    assert not bakery.path.exists()


def test_a_dry_run_shows_what_a_model_would_read(shell, server):
    cell = f"task: Find {ADA}.\nmodel: test\nbase_url: {server.base_url}\nredact: true\nagents: {{ann: Asks.}}"
    shown = repr(shell.run_cell_magic("agents", "dry --dry-run", cell))
    assert "Find <email 1>." in shown
    assert ADA not in shown
