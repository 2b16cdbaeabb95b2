import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.client import Client, ClientPolicy
from burnish.agents.llm.messages import Reply, Request, Usage
from burnish.agents.llm.openai_model import ServedModel
from burnish.agents.llm.rate_limits import GatePolicy, RequestGate
from burnish.agents.llm.reply_store import ReplayClient, ReplyStore
from burnish.agents.llm.retry import RetryPolicy
from burnish.agents.llm.scripted import ScriptedClient
from burnish.agents.llm.token_budget import TokenBudget
from burnish.agents.llm.token_counts import Counting
from burnish.corpora.errors import BudgetExhausted, ModelError, QuotaPaused
from burnish.eval.robustness.loopback import (
    Body,
    Handler,
    LoopbackServer,
    completion,
    failure,
    in_turn,
    ok,
    serving,
)
from tests.support.waiting import PATIENCE_S

Served = Callable[..., AbstractAsyncContextManager[ServedModel]]
Question = Callable[..., Request]

FAST = RetryPolicy(first_wait_s=0.01, longest_wait_s=0.05, patience_s=PATIENCE_S)


class Setting:
    """A client, the server it asks, its budget and its store."""

    def __init__(
        self, client: Client, server: LoopbackServer, budget: TokenBudget, store: ReplyStore
    ) -> None:
        self.client = client
        self.server = server
        self.budget = budget
        self.store = store

    @property
    def sent(self) -> int:
        return len(self.server.bodies)


Opened = Callable[..., AbstractAsyncContextManager[Setting]]


@pytest.fixture
def opened(tmp_path: Path, served: Served) -> Opened:
    @asynccontextmanager
    async def open_client(
        handler: Handler,
        *,
        ceiling: int | None = None,
        policy: RetryPolicy = FAST,
        gate: RequestGate | None = None,
        counting: Counting | None = None,
        timeout_s: float = PATIENCE_S,
    ) -> AsyncGenerator[Setting]:
        store = ReplyStore(tmp_path / "replies.sqlite")
        budget = TokenBudget(tmp_path / "budget.sqlite", ceiling)
        rules = ClientPolicy(policy, counting or Counting())
        try:
            async with serving(handler) as server, served(server.url, timeout_s=timeout_s) as model:
                client = Client(model, store=store, budget=budget, gate=gate, policy=rules)
                yield Setting(client, server, budget, store)
        finally:
            store.close()
            budget.close()

    return open_client


def _break(_: Body) -> web.Response:
    raise ConnectionAbortedError


def test_the_same_request_is_sent_and_paid_once(opened: Opened, question: Question) -> None:
    async def ask() -> None:
        async with opened(in_turn(completion("yes")), ceiling=1000) as at:
            first = await at.client.ask(question())
            second = await at.client.ask(question(task="another label"))
            assert (first.from_store, second.from_store) == (False, True)
            assert replace(second, from_store=False) == first
            assert at.sent == 1
            assert at.budget.account().spent == 15

    asyncio.run(ask())


def test_equal_requests_in_flight_become_one(opened: Opened, question: Question) -> None:
    async def slow(_: Body) -> web.Response:
        await asyncio.sleep(0.1)
        return ok(completion())

    async def ask() -> None:
        async with opened(slow) as at:
            replies = await asyncio.gather(*(at.client.ask(question()) for _ in range(20)))
            assert at.sent == 1
            assert sum(not reply.from_store for reply in replies) == 1

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (completion("cut of", finish="length"), "truncated"),
        (completion(""), "empty"),
        (completion(None, refusal="I will not"), "refused"),
        (completion("x", finish="content_filter"), "refused"),
    ],
)
def test_a_faulty_reply_is_recorded_and_paid_but_never_taken_from_the_store(
    opened: Opened, question: Question, bad: Body, fault: str
) -> None:
    async def ask() -> None:
        async with opened(in_turn(bad, completion("good"))) as at:
            first = await at.client.ask(question())
            assert first.fault == fault
            second = await at.client.ask(question())
            assert (second.content, second.from_store) == ("good", False)
            assert at.store.outcomes() == {fault: 1, "good": 1}
            assert at.budget.account().spent == 30

    asyncio.run(ask())


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_passing_failure_is_retried_until_it_passes(
    opened: Opened, question: Question, status: int
) -> None:
    async def ask() -> None:
        handler = in_turn(failure(status), failure(status), completion("at last"))
        async with opened(handler) as at:
            assert (await at.client.ask(question())).content == "at last"
            assert at.sent == 3
            assert sum(at.store.outcomes().values()) == 3

    asyncio.run(ask())


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 501])
def test_a_mistake_is_sent_once_and_costs_nothing(
    opened: Opened, question: Question, status: int
) -> None:
    async def ask() -> None:
        async with opened(in_turn(failure(status)), ceiling=1000) as at:
            with pytest.raises(ModelError):
                await at.client.ask(question())
            assert at.sent == 1
            assert at.budget.account()[1:] == (0, 0)

    asyncio.run(ask())


def test_failures_that_may_have_cost_tokens_count_fully_and_are_retried_less(
    opened: Opened, question: Question
) -> None:
    async def ask() -> None:
        async with opened(_break, policy=replace(FAST, charged_attempts=3)) as at:
            with pytest.raises(ModelError) as caught:
                await at.client.ask(question())
            assert caught.value.kind == "connection"
            assert at.sent == 3
            worst = Counting().worst_case(question())
            assert at.budget.account()[1:] == (3 * worst, 0)

    asyncio.run(ask())


def test_the_wait_a_server_asks_for_is_kept(opened: Opened, question: Question) -> None:
    async def ask() -> float:
        handler = in_turn(failure(429, headers={"Retry-After": "0.4"}), completion())
        async with opened(handler) as at:
            started = asyncio.get_running_loop().time()
            await at.client.ask(question())
            return asyncio.get_running_loop().time() - started

    assert asyncio.run(ask()) >= 0.4


@pytest.mark.parametrize(
    "reply",
    [
        failure(429, "insufficient_quota"),
        failure(402),
        failure(429, headers={"Retry-After": str(2 * PATIENCE_S)}),
    ],
)
def test_an_exhausted_quota_stops_everybody_without_retries(
    opened: Opened, question: Question, reply: web.Response
) -> None:
    answer = in_turn(reply)

    async def handle(_: Body) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return answer({})

    async def ask() -> None:
        gate = RequestGate(GatePolicy(first_limit=2))
        async with opened(handle, ceiling=10_000, gate=gate) as at:
            asked = (at.client.ask(question(str(number))) for number in range(10))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(outcome, QuotaPaused) for outcome in outcomes)
            assert "\n" not in str(outcomes[0])
            assert at.sent <= 2, "those waiting are not sent"
            assert at.budget.account()[1:] == (0, 0)

    asyncio.run(ask())


def test_a_server_that_reports_nothing_is_counted_by_the_tokenizer(
    opened: Opened, question: Question
) -> None:
    async def ask() -> None:
        counting = Counting(
            count=lambda text: len(text.split(" ")), message_overhead=3, prompt_overhead=2
        )
        async with opened(
            in_turn(completion("one two three", usage=None)), counting=counting
        ) as at:
            reply = await at.client.ask(question("a b c d"))
            assert reply.usage == Usage(2 + 3 + 4, 3 + 3, reported=False)
            assert at.budget.account().spent == 15
            again = await at.client.ask(question("a b c d"))
            assert again.usage == reply.usage

    asyncio.run(ask())


def test_a_server_that_reports_nothing_is_bounded_without_a_tokenizer(
    opened: Opened, question: Question
) -> None:
    async def ask() -> None:
        async with opened(in_turn(completion("short", usage=None))) as at:
            await at.client.ask(question())
            assert at.budget.account().spent == Counting().worst_case(question())

    asyncio.run(ask())


def test_sixty_four_at_once_never_pass_the_ceiling(opened: Opened, question: Question) -> None:
    draw = random.Random(5)  # noqa: S311

    async def moody(body: Body) -> web.Response:
        await asyncio.sleep(draw.random() / 50)
        most = body["max_tokens"]
        assert isinstance(most, int)
        written = draw.randint(0, most)
        used.append(60 + written)
        match draw.randint(0, 5):
            case 0:
                raise ConnectionAbortedError
            case 1:
                return failure(500)
            case 2:
                return ok(completion(usage=None))
            case _:
                return ok(completion(usage=(60, written)))

    used: list[int] = []

    async def ask() -> None:
        gate = RequestGate(GatePolicy(first_limit=64, failures_to_open=10**6))
        async with opened(moody, ceiling=20_000, gate=gate) as at:
            asked = (at.client.ask(question(str(number), max_tokens=200)) for number in range(400))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert any(isinstance(outcome, Reply) for outcome in outcomes)
            assert any(isinstance(outcome, BudgetExhausted) for outcome in outcomes)
            account = at.budget.account()
            assert sum(used) <= account.spent <= 20_000
            assert account.held == 0

    asyncio.run(ask())


def test_a_wrong_bound_is_corrected_after_the_first_reply(
    opened: Opened, question: Question
) -> None:
    async def ask() -> None:
        worst = Counting().worst_case(question("0"))
        async with opened(in_turn(completion(usage=(worst, 100))), ceiling=10 * worst) as at:
            for number in range(9):
                try:
                    await at.client.ask(question(str(number)))
                except BudgetExhausted:
                    break
            assert worst + 100 < at.budget.account().spent <= 10 * worst

    asyncio.run(ask())


@pytest.mark.parametrize("more", [1, 3_000])
def test_a_server_that_counts_too_much_from_its_first_reply_never_breaks_the_budget(
    opened: Opened, question: Question, more: int
) -> None:
    async def ask() -> None:
        worst = Counting().worst_case(question("00"))
        reply = completion(usage=(2 * worst, more))

        async def slow(_: Body) -> web.Response:
            await asyncio.sleep(0.02)
            return ok(reply)

        async with opened(slow, ceiling=4 * (2 * worst + more) + worst) as at:
            asked = (at.client.ask(question(f"{number:02}")) for number in range(60))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert any(isinstance(outcome, Reply) for outcome in outcomes)
            assert any(isinstance(outcome, BudgetExhausted) for outcome in outcomes)
            assert at.budget.account().spent <= 4 * (2 * worst + more) + worst
            assert at.server.most_in_flight > 1

    asyncio.run(ask())


def test_a_cancelled_request_counts_as_spent(opened: Opened, question: Question) -> None:
    async def slow(_: Body) -> web.Response:
        await asyncio.sleep(PATIENCE_S)
        return ok(completion())

    async def ask() -> None:
        async with opened(slow) as at:
            task = asyncio.create_task(at.client.ask(question()))
            while not at.sent:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert at.budget.account()[1:] == (Counting().worst_case(question()), 0)
            assert at.client.dialect.model == "m"

    asyncio.run(ask())


def test_a_server_that_stays_down_is_given_up_and_not_hammered(
    opened: Opened, question: Question
) -> None:
    async def ask() -> None:
        policy = GatePolicy(failures_to_open=4, first_cooling_s=0.1, patience_s=0.5)
        retry = replace(FAST, attempts=50, charged_attempts=50)
        async with opened(in_turn(failure(500)), policy=retry, gate=RequestGate(policy)) as at:
            asked = (at.client.ask(question(str(number))) for number in range(16))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            kinds = {outcome.kind for outcome in outcomes if isinstance(outcome, ModelError)}
            assert kinds == {"unreachable"}
            assert at.sent < 30

    asyncio.run(ask())


def test_overload_lowers_and_success_raises_the_requests_in_flight(
    opened: Opened, question: Question
) -> None:
    async def narrow(_: Body) -> web.Response:
        busy.append(1)
        try:
            if len(busy) > 6:
                return failure(503)
            await asyncio.sleep(0.02)
            return ok(completion())
        finally:
            busy.pop()

    busy: list[int] = []

    async def ask() -> None:
        gate = RequestGate(GatePolicy(first_limit=32))
        async with opened(narrow, gate=gate, policy=replace(FAST, attempts=30)) as at:
            asked = (at.client.ask(question(str(number))) for number in range(200))
            await asyncio.gather(*asked)
            assert gate.limit.limit <= 16
            assert at.budget.account() == (None, 200 * 15, 0)

    asyncio.run(ask())


def test_a_replay_answers_what_was_recorded_and_nothing_else(
    opened: Opened, question: Question
) -> None:
    async def ask() -> None:
        async with opened(in_turn(completion("cut", finish="length"), completion("b"))) as at:
            first = await at.client.ask(question("one"))
            second = await at.client.ask(question("two"))
            replay = ReplayClient(at.store, Dialect("m"))
            assert await replay.ask(question("one")) == replace(first, from_store=True)
            assert await replay.ask(question("two")) == replace(second, from_store=True)
            with pytest.raises(ModelError, match="no reply") as caught:
                await replay.ask(question("three"))
            assert caught.value.kind == "not_recorded"
            assert at.sent == 2

    asyncio.run(ask())


def test_a_script_stands_in_for_a_server(tmp_path: Path, question: Question) -> None:
    async def ask() -> None:
        store = ReplyStore(tmp_path / "r.sqlite")
        budget = TokenBudget(tmp_path / "b.sqlite", 10_000)
        script = ScriptedClient(["a", ModelError("overloaded", "later"), "b"])
        client = Client(script, store=store, budget=budget, policy=ClientPolicy(retry=FAST))
        first = await client.ask(question("1"))
        second = await client.ask(question("2"))
        assert (first.content, second.content) == ("a", "b")
        assert first.usage is not None
        assert second.usage is not None
        assert budget.account().spent == first.usage.total + second.usage.total
        assert (await client.ask(question("1"))).from_store
        assert len(script.requests) == 3
        store.close()
        budget.close()

    asyncio.run(ask())


_CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from burnish.agents.llm.client import Client
from burnish.agents.llm.messages import Message, Request, Sampling
from burnish.agents.llm.openai_model import Connection, ServedModel
from burnish.agents.llm.reply_store import ReplyStore
from burnish.agents.llm.token_budget import TokenBudget
from burnish.agents.llm.chat_format import Dialect

async def main():
    folder = Path(sys.argv[2])
    budget = TokenBudget(folder / "budget.sqlite", 100_000)
    store = ReplyStore(folder / "replies.sqlite")
    model = ServedModel(Connection(sys.argv[1]), Dialect("m"))
    client = Client(model, store=store, budget=budget)
    ask = lambda text: client.ask(Request((Message("user", text),), Sampling(max_tokens=50)))
    await ask("done")
    await asyncio.gather(*(ask(f"hang {n}") for n in range(5)))

asyncio.run(main())
"""


def test_a_run_killed_in_flight_repeats_only_what_was_in_flight(
    tmp_path: Path, opened: Opened, question: Question
) -> None:
    hanging: list[str] = []

    async def handle(body: Body) -> web.Response:
        text = str(body["messages"])
        if "hang" in text and len(hanging) < 5:
            hanging.append(text)
            await asyncio.sleep(PATIENCE_S)
        return ok(completion("yes"))

    async def crash_and_resume() -> None:
        async with opened(handle, ceiling=100_000) as at:
            child = subprocess.Popen([sys.executable, "-c", _CHILD, at.server.url, str(tmp_path)])
            while len(hanging) < 5:
                await asyncio.sleep(0.02)
                assert child.poll() is None
            child.send_signal(signal.SIGKILL)
            child.wait()
            worst = 5 * Counting().worst_case(question("hang 0"))
            assert at.budget.account() == (100_000, 15, worst)
            assert (await at.client.ask(question("done"))).from_store
            for number in range(5):
                assert not (await at.client.ask(question(f"hang {number}"))).from_store
            assert at.sent == 11
            assert at.budget.account() == (100_000, 15 * 6, worst)

    asyncio.run(crash_and_resume())
