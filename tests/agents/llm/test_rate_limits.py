import asyncio
from asyncio import CancelledError
from random import Random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.llm.rate_limits import AdaptiveLimit, CircuitBreaker, GatePolicy, RequestGate
from burnish.agents.llm.retry import RetryPolicy
from burnish.corpora.errors import ModelError, ModelFailure, QuotaPaused
from tests.support.waiting import PATIENCE_S


def test_a_full_round_of_successes_raises_the_limit_by_one() -> None:
    async def work() -> int:
        limit = AdaptiveLimit(4, 64)
        for _ in range(5):
            limit.release(await limit.acquire(), "good")
        return limit.limit

    assert asyncio.run(work()) == 5


def test_one_overload_of_many_requests_halves_once() -> None:
    async def work() -> list[int]:
        limit = AdaptiveLimit(16, 64)
        tickets = [await limit.acquire() for _ in range(16)]
        for ticket in tickets:
            limit.release(ticket, "overload")
        first = limit.limit
        limit.release(await limit.acquire(), "overload")
        return [first, limit.limit, limit.in_flight]

    assert asyncio.run(work()) == [8, 4, 0]


Outcome = Literal["good", "overload", "other"]


@given(st.lists(st.sampled_from(["good", "overload", "other"]), max_size=60), st.randoms())
def test_the_limit_holds_and_nobody_is_forgotten(outcomes: list[Outcome], draw: Random) -> None:
    async def work() -> int:
        limit = AdaptiveLimit(3, 5)

        async def one(outcome: Outcome) -> None:
            ticket = await limit.acquire()
            try:
                assert limit.in_flight <= 5
                await asyncio.sleep(0)
            finally:
                limit.release(ticket, outcome)

        tasks = [asyncio.create_task(one(outcome)) for outcome in outcomes]
        for task in tasks:
            if draw.random() < 0.3:
                await asyncio.sleep(0)
            if draw.random() < 0.2:
                task.cancel()
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), PATIENCE_S)
        assert all(outcome is None or isinstance(outcome, CancelledError) for outcome in done)
        return limit.in_flight

    assert asyncio.run(work()) == 0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _breaker() -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    policy = GatePolicy(failures_to_open=3, first_cooling_s=2, longest_cooling_s=5)
    return CircuitBreaker(policy, clock), clock


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through() -> None:
    breaker, clock = _breaker()
    breaker.fail()
    breaker.fail()
    breaker.succeed()
    for _ in range(3):
        assert breaker.permit() == 0
        breaker.fail()
    assert breaker.state == "open"
    assert breaker.permit() == 2
    clock.now = 2.5
    assert breaker.permit() == 0
    assert breaker.state == "half_open"
    assert breaker.permit() > 0, "one probe at a time"
    breaker.succeed()
    assert breaker.state == "closed"


def test_a_failed_probe_doubles_the_cooling_up_to_its_bound() -> None:
    breaker, clock = _breaker()
    for _ in range(3):
        breaker.fail()
    waits: list[float] = []
    for _ in range(3):
        waits.append(breaker.permit())
        clock.now += waits[-1]
        assert breaker.permit() == 0
        breaker.fail()
    assert waits == [2, 4, 5]


def test_a_probe_that_tells_nothing_makes_room_for_another() -> None:
    breaker, clock = _breaker()
    for _ in range(3):
        breaker.fail()
    clock.now = 3
    assert breaker.permit() == 0
    breaker.withdraw()
    assert breaker.permit() == 0


def test_everyone_waits_while_the_server_asked_one_to() -> None:
    async def work() -> float:
        gate = RequestGate()
        ticket = await gate.enter()
        gate.leave(ticket, ModelError("rate_limited", "", retry_after=0.3))
        started = asyncio.get_running_loop().time()
        await gate.enter()
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(work()) >= 0.3


def test_a_paused_gate_refuses_those_who_wait_too() -> None:
    async def work() -> list[object]:
        gate = RequestGate(GatePolicy(first_limit=1))
        ticket = await gate.enter()
        waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        gate.pause(QuotaPaused("used up"))
        gate.leave(ticket, ModelError("quota", ""))
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(asyncio.wait_for(work(), PATIENCE_S))
    assert all(isinstance(outcome, QuotaPaused) for outcome in outcomes)


@given(st.integers(1, 20), st.floats(0, 100), st.randoms())
def test_waits_grow_jitter_and_respect_the_server(
    failures: int, asked: float, draw: Random
) -> None:
    policy = RetryPolicy(attempts=99, charged_attempts=99)
    plain = policy.wait(ModelError("overloaded", ""), failures, 0, draw)
    assert plain is not None
    assert 0.25 <= plain <= 30
    told = policy.wait(ModelError("rate_limited", "", retry_after=asked), failures, 0, draw)
    assert told is not None
    assert told >= asked


@pytest.mark.parametrize("kind", ["quota", "rejected", "auth", "missing", "too_long"])
def test_mistakes_and_quotas_are_never_retried(kind: ModelFailure) -> None:
    assert RetryPolicy().wait(ModelError(kind, ""), 1, 0, Random()) is None  # noqa: S311
