"""Tools and gates from a notebook's cells, in a real IPython shell."""

import threading

import pytest
from IPython.core.error import UsageError

import agentpool_jupyter as ap
from tests.openai_server import Asks
from tests.teams import until


@pytest.fixture
def till(shell, server):
    """A notebook with a tool that pays, and what it has paid; the model wants to pay 3."""
    paid = []

    def pay(amount: int) -> str:
        """Pay an amount."""
        paid.append(amount)
        return "paid"

    def refund(amount: int) -> None:
        paid.remove(amount)

    shell.push({"pay": ap.tool(undo=refund)(pay)})
    server.fault(Asks((("pay", {"amount": 3}),)))
    return paid


def cell(server, gate=""):
    return f"""task: Pay the miller.
turns: 1
tools: [pay]
model: test
base_url: {server.base_url}
{gate}
agents: {{ann: Pays.}}
"""


def test_a_cell_names_functions_of_the_notebook(shell, server, till):
    shell.run_cell_magic("agents", "bakery --text", cell(server))
    assert till == [3]
    shell.user_ns.pop("pay")
    with pytest.raises(UsageError, match="there is no function 'pay'"):
        shell.run_cell_magic("agents", "bakery --text", cell(server))


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_a_person_answers_on_a_line(shell, server, till, capsys, action):
    """What waits is listed with what will happen exactly."""
    paid = [3] if action == "approve" else []
    gate = "gates: {pay: {ask: [you], within: 1 min}}"
    shell.run_cell_magic("agents", "bakery --bg --text -o run", cell(server, gate))
    run = shell.user_ns["run"]
    until(run.pool.pending)
    ((identifier, agent, what, state, until_when),) = shell.run_line_magic("agents", "pending").rows
    assert (agent, what, state) == ("ann", "pay(amount=3)", "waiting for you")
    assert until_when
    shell.run_line_magic("agents", f"{action} {identifier} as agreed")
    assert run.wait(30)
    assert till == paid
    word = "agreed to" if paid else "refused"
    assert f"{word} pay(amount=3); you {'agreed' if paid else 'refused'}" in capsys.readouterr().out
    assert "nothing waits in pool 'bakery'" in repr(shell.run_line_magic("agents", "pending"))
    with pytest.raises(UsageError, match="nothing waits"):
        shell.run_line_magic("agents", f"approve {identifier}")
    with pytest.raises(UsageError, match="takes an id"):
        shell.run_line_magic("agents", "approve")


def test_several_are_answered_on_one_line(shell, server, capsys):
    """By their ids, or by the name that those which are alike have together."""
    paid = []

    def pay(amount: int) -> None:
        paid.append(amount)

    shell.push({"pay": pay})
    server.fault(Asks((("pay", {"amount": 3}), ("pay", {"amount": 4}), ("pay", {"amount": 5}))))
    shell.run_cell_magic("agents", "bakery --bg --text -o run", cell(server, "gates: {pay: {ask: [you]}}"))
    run = shell.user_ns["run"]
    until(lambda: len(run.pool.pending()) == 3)
    rows = shell.run_line_magic("agents", "pending").rows
    name = run.pool.pending().questions[0].name
    assert rows[1][3] == f"waiting for you; 2 of 3 alike: {name}"
    first, second = rows[0][0], rows[1][0]
    shell.run_line_magic("agents", f"reject {first} {second} too much")
    assert [effect.votes["you"].text for effect in run.pool.effects.values() if effect.votes] == ["too much"] * 2
    with pytest.raises(UsageError, match="no proposal"):
        shell.run_line_magic("agents", f"approve {name}")
    shell.run_line_magic("agents", f"approve {rows[2][0]}")
    assert run.wait(30)
    assert len(paid) == 1
    assert capsys.readouterr().out.count("refused pay(amount=") == 2


def test_a_person_agrees_beforehand_on_a_line(shell, server, till, capsys):
    """Nothing is asked then; what stands is listed with what waits, and can be taken back."""
    shell.run_line_magic("pool", "use bakery")
    shell.run_line_magic("agents", "grant pay --agent ann --count 2 --within 30min")
    assert "grant: pay by ann: 2 left, until" in capsys.readouterr().out
    shell.run_cell_magic("agents", "--text -o run", cell(server, "gates: {pay: {ask: [you]}}"))
    assert till == [3]
    ((identifier, who, what, state, until_when),) = shell.run_line_magic("agents", "pending").rows
    assert (who, what, state) == ("you", "grant: pay by ann", "1 of 2 left")
    assert until_when
    assert f"agreed beforehand: pay(amount=3) (grant {identifier})" in repr(shell.user_ns["run"].report())
    shell.run_line_magic("agents", f"revoke {identifier}")
    assert f"{identifier} grant: pay by ann: revoked" in capsys.readouterr().out
    assert shell.run_line_magic("agents", "pending").rows == []


def test_who_earned_what_is_shown_on_a_line(shell, server, till):
    """By which vote on what; of a pool that is named, or of the current one."""
    shell.push({"boss": lambda _: True})
    shell.run_cell_magic("agents", "bakery --text", cell(server, "gates: {pay: {ask: [boss], stake: 5}}"))
    assert till == [3]
    told = repr(shell.run_line_magic("agents", "ledger"))
    assert "boss   +0      yes          pay(amount=3)  done" in told
    assert repr(shell.run_line_magic("agents", "ledger bakery")) == told


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("grant", "takes a tool's name"),
        ("grant pay --within soon", "'soon' is no time"),
        ("grant pay --count 0", "for one call or more"),
        ("revoke", "takes a grant's id"),
        ("revoke x", "no grant 'x'"),
        ("pending --count 3", "--count belongs to %agents grant"),
    ],
)
def test_a_grant_that_makes_no_sense_is_told(shell, line, why):
    shell.run_line_magic("pool", "use bakery")
    with pytest.raises(UsageError, match=why):
        shell.run_line_magic("agents", line)


def test_another_notebook_answers_while_a_cell_blocks(shell, server, till):
    """As a person would, with the pool open somewhere else."""

    def agree():
        with ap.open_pool("bakery") as pool:
            until(pool.pending)
            pool.vote(pool.pending()[0].id, accept=True)

    somebody = threading.Thread(target=agree)
    somebody.start()
    shell.run_cell_magic("agents", "bakery --text", cell(server, "gates: {pay: {ask: [you]}}"))
    somebody.join()
    assert till == [3]


def test_a_rollback_takes_back_what_tools_did(shell, server, till):
    """Only when it is asked to; without it what was done is listed."""
    shell.run_cell_magic("agents", "bakery --text", cell(server))
    moved = shell.run_line_magic("rollback", "0 --dry-run --compensate")
    assert till == [3]
    assert "pay(amount=3): done (ann" in repr(moved)
    moved = shell.run_line_magic("rollback", "0 --compensate")
    assert till == []
    assert "pay(amount=3): taken back (done)" in repr(moved)
    assert moved.effects == []
