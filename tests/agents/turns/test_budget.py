"""Tokens are reserved before a call and settled after it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.agents.turns.budget import BudgetExhaustedError, TokenBudget


async def turns():
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_is_not_used_is_given_back():
    async def scene():
        budget = TokenBudget(100)
        reservation = await budget.reserve(60)
        assert (budget.reserved, budget.spent) == (60, 0)
        reservation.settle(10)
        assert (budget.reserved, budget.spent) == (0, 10)
        await budget.reserve(90)

    asyncio.run(scene())


def test_only_the_first_settlement_counts():
    async def scene():
        budget = TokenBudget(100)
        reservation = await budget.reserve(60)
        reservation.settle(10)
        reservation.settle(60)
        assert (budget.reserved, budget.spent) == (0, 10)

    asyncio.run(scene())


def test_a_call_that_cannot_fit_is_refused_at_once_and_told_what_to_do():
    async def scene():
        budget = TokenBudget(100, spent=30)
        with pytest.raises(BudgetExhaustedError, match=r"the budget of 100 tokens has 70 left, .* may take 71: raise"):
            await budget.reserve(71)
        (await budget.reserve(70)).settle(70)
        with pytest.raises(BudgetExhaustedError, match="has 0 left"):
            await budget.reserve(1)

    asyncio.run(scene())


def test_a_call_waits_while_another_may_give_enough_back():
    async def scene():
        budget = TokenBudget(100)
        first = await budget.reserve(80)
        second = asyncio.create_task(budget.reserve(50))
        await turns()
        assert not second.done()
        first.settle(20)
        assert (await second).tokens == 50
        assert (budget.spent, budget.reserved) == (20, 50)

    asyncio.run(scene())


def test_a_call_that_waited_in_vain_is_refused():
    """Once no running call is left that could give anything back."""

    async def scene():
        budget = TokenBudget(100)
        first = await budget.reserve(80)
        others = [asyncio.create_task(budget.reserve(50)) for _ in range(2)]
        await turns()
        first.settle(80)
        for result in await asyncio.gather(*others, return_exceptions=True):
            assert isinstance(result, BudgetExhaustedError)
        assert budget.reserved == 0

    asyncio.run(scene())


def test_a_cancelled_call_takes_nothing_and_holds_nobody_up():
    async def scene():
        budget = TokenBudget(100)
        first = await budget.reserve(80)
        gone, waiting = (asyncio.create_task(budget.reserve(50)) for _ in range(2))
        await turns()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        first.settle(0)
        await waiting
        assert (budget.spent, budget.reserved) == (0, 50)

    asyncio.run(scene())


def test_no_limit_never_waits_and_still_counts():
    async def scene():
        budget = TokenBudget(None)
        reservations = [await budget.reserve(10**9) for _ in range(3)]
        for reservation in reservations:
            reservation.settle(7)
        assert (budget.spent, budget.reserved) == (21, 0)

    asyncio.run(scene())


_CALLS = st.lists(
    st.tuples(
        st.integers(1, 120),  # tokens
        st.integers(0, 100),  # per cent of them that it takes
        st.integers(0, 4),  # steps until it ends
        st.sampled_from([False, False, False, True]),  # whether it is cancelled
    ),
    max_size=25,
)


@given(st.integers(1, 200), _CALLS)
def test_concurrent_calls_never_take_more_than_the_limit(limit, calls):
    """Whatever they ask for, use, and in whatever order they end; nobody waits for ever."""

    async def call(budget, tokens, share, steps):
        reservation = await budget.reserve(tokens)
        assert budget.spent + budget.reserved <= limit
        try:
            for _ in range(steps):
                await asyncio.sleep(0)
        finally:  # also where it is cancelled in mid-call
            reservation.settle(tokens * share // 100)
            assert budget.spent + budget.reserved <= limit

    async def scene():
        budget = TokenBudget(limit)
        tasks = []
        for tokens, share, steps, cancelled in calls:
            tasks.append(asyncio.create_task(call(budget, tokens, share, steps)))
            await asyncio.sleep(0)
            if cancelled:
                tasks[-1].cancel()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        known = BudgetExhaustedError | asyncio.CancelledError
        assert all(result is None or isinstance(result, known) for result in results)
        assert budget.spent <= limit
        assert budget.reserved == 0

    asyncio.run(scene())
