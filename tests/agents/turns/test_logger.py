"""What runs tell Python's logging."""

import logging

from tests.openai_server import Refuse
from tests.programs import output
from tests.teams import play


def test_each_record_has_run_agent_and_turn(pool, server, caplog):
    """Texts are not logged: they are in the pool."""
    caplog.set_level(logging.DEBUG, "agentpool_jupyter")
    server.fault(Refuse(503, retry_after="0.01"), times=1)
    run = play(pool, {"ann": "Talks."}, server)
    records = [record for record in caplog.records if record.name.startswith("agentpool_jupyter")]
    assert {record.run for record in records} == {run.id}
    assert records[0].getMessage() == "a team of 1 begins on branch main"
    assert records[-1].getMessage() == "the run ended: turns"
    turns = {turn.id: turn.agent for turn in pool.document().attempts}
    assert {record.turn: record.agent for record in records if record.turn} == turns
    assert [record.levelname for record in records].count("WARNING") == 1
    assert pool.document().turns[0].text.strip() not in caplog.text


def test_it_is_quiet_by_default(tmp_path):
    """Also where a turn fails."""
    program = f"""
from agentpool_jupyter import Team, open_pool
team = Team.from_yaml("task: Plan.\\nagents: {{ann: {{python: fails}}}}", functions={{"fails": lambda document: 1 / 0}})
with open_pool("p", {str(tmp_path)!r}) as pool:
    run = team.start(pool)
    try:
        run.wait(60)
    except Exception:
        pass
    print(run.status)
"""
    assert output(program) == "failed\n"
