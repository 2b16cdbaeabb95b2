"""What the model client costs and whether its budget holds.

`python -m burnish.eval.robustness.client` measures it.

Three measurements, each with a real HTTP server on loopback in a process of its own and real
SQLite files:

- budget: workers in several processes send randomised requests to a server that fails in many
  ways; some workers are killed in flight. The server counts every token it made.
- overhead: CPU time of the client process for each request at 64 in flight, cache and budget on.
- cache: time of an answer from the reply store.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.client import Client, ClientPolicy
from burnish.agents.llm.messages import Message, Request, Sampling
from burnish.agents.llm.openai_model import Connection, ServedModel
from burnish.agents.llm.rate_limits import GatePolicy, RequestGate
from burnish.agents.llm.reply_store import ReplyStore
from burnish.agents.llm.retry import RetryPolicy
from burnish.agents.llm.token_budget import TokenBudget
from burnish.corpora.errors import BudgetExhausted, ModelError, QuotaPaused
from burnish.eval.robustness.loopback import Body, completion, failure, ok, serving
from burnish.eval.stats.harness import benchmark_parser, carry_out

_SPAWN = multiprocessing.get_context("spawn")
_DIALECT = Dialect("bench")


class BudgetResult(NamedTuple):
    """Outcome of the budget trial, in tokens where not said otherwise."""

    ceiling: int
    ledger_spent: int
    ledger_held: int
    made_by_server: int
    requests_seen: int
    asked: int
    answered: int
    refused_by_budget: int
    failed: int
    killed_workers: int

    @property
    def holds(self) -> bool:
        """Whether neither the ledger nor the server passed the ceiling, and none hides tokens."""
        booked = self.ledger_spent + self.ledger_held
        return self.made_by_server <= booked <= self.ceiling


class OverheadResult(NamedTuple):
    """CPU milliseconds for each request in the client process, medians of the repeats."""

    bare_openai_ms: float
    full_client_ms: float
    cache_hit_ms: float


def _question(number: int, max_tokens: int = 64, words: int = 200) -> Request:
    text = f"{number}: " + "the quick brown fox jumps over a lazy dog. " * (words // 9)
    system = Message("system", "You delete noise from documents and never write.")
    return Request((system, Message("user", text)), Sampling(max_tokens=max_tokens), task="bench")


class _MoodyServer:
    """Fails in every way known, and counts the tokens of all work it did."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self.made = 0
        self.seen = 0

    async def answer(self, body: Body) -> web.StreamResponse:
        self.seen += 1
        most = body["max_tokens"]
        if not isinstance(most, int):
            raise TypeError("max_tokens")
        mood = self._draw.random()
        if mood < 0.12:
            return self._refuse(mood)
        await asyncio.sleep(self._draw.random() * 0.01)
        prompt, written = self._draw.randint(20, 150), self._draw.randint(0, most)
        self.made += prompt + written
        return await self._after_work(mood, prompt, written)

    def _refuse(self, mood: float) -> web.Response:
        """Refuse before any work."""
        if mood < 0.04:
            return failure(429, headers={"Retry-After": "0.01"})
        return failure(429) if mood < 0.06 else failure(503 if mood < 0.1 else 400)

    async def _after_work(self, mood: float, prompt: int, written: int) -> web.StreamResponse:
        if mood < 0.16:
            raise ConnectionAbortedError
        if mood < 0.2:
            return failure(500 if mood < 0.18 else 502)
        if mood < 0.22:
            return web.Response(text='{"choices": [{"mess')
        if mood < 0.225:
            await asyncio.sleep(2)
        if mood < 0.3:
            return ok(completion(usage=None))
        if mood < 0.35:
            return ok(completion("cut", finish="length", usage=(prompt, written)))
        if mood < 0.4:
            return ok(completion("", usage=(prompt, written)))
        return ok(completion(usage=(prompt, written)))


def _serve(pipe: Pipe, seed: int, *, moody: bool) -> None:
    """Serve until a message comes; send the URL first and the counts last."""

    async def run() -> None:
        server = _MoodyServer(seed)
        steady = ok(completion("fine " * 30, usage=(220, 40))).body

        async def answer(body: Body) -> web.StreamResponse:
            if moody:
                return await server.answer(body)
            await asyncio.sleep(0.02)
            return web.Response(body=steady, content_type="application/json")

        async with serving(answer) as running:
            pipe.send(running.url)
            while not pipe.poll():
                await asyncio.sleep(0.05)
                running.bodies.clear()
                running.headers.clear()
        pipe.send((server.made, server.seen))

    asyncio.run(run())


def _work(url: str, folder: str, seed: int, requests: int, ceiling: int) -> None:
    """Send randomised requests, 64 at once; write the outcome beside the ledger."""
    asyncio.run(_send_all(url, Path(folder), seed, requests, ceiling))


async def _send_all(url: str, folder: Path, seed: int, requests: int, ceiling: int) -> None:
    draw = random.Random(seed)
    store = ReplyStore(folder / "replies.sqlite")
    budget = TokenBudget(folder / "budget.sqlite", ceiling)
    model = ServedModel(Connection(url, timeout_s=1.0), _DIALECT)
    policy = RetryPolicy(first_wait_s=0.01, longest_wait_s=0.1)
    gate = RequestGate(GatePolicy(first_limit=64, failures_to_open=30, first_cooling_s=0.05))
    client = Client(model, store=store, budget=budget, gate=gate, policy=ClientPolicy(retry=policy))
    counts = {"answered": 0, "refused": 0, "failed": 0}

    async def ask(number: int) -> None:
        request = _question(seed * 10**6 + number, draw.randint(1, 400), draw.randint(10, 200))
        try:
            await client.ask(request)
            counts["answered"] += 1
        except BudgetExhausted:
            counts["refused"] += 1
        except (ModelError, QuotaPaused):
            counts["failed"] += 1

    for start in range(0, requests, 256):
        await asyncio.gather(*(ask(n) for n in range(start, min(requests, start + 256))))
    await model.close()
    store.close()
    budget.close()
    (folder / f"worker-{seed}.json").write_text(json.dumps(counts), encoding="utf-8")


def budget_trial(requests: int, workers: int, ceiling: int) -> BudgetResult:
    """Spend a budget from several processes, one of them killed in flight and started again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        near, far = _SPAWN.Pipe()
        server = _SPAWN.Process(target=_serve, args=(far, 7), kwargs={"moody": True})
        server.start()
        url: str = near.recv()
        share = requests // (workers + 1)

        def worker(seed: int) -> SpawnProcess:
            process = _SPAWN.Process(target=_work, args=(url, name, seed, share, ceiling))
            process.start()
            return process

        victim = worker(0)
        others = [worker(seed) for seed in range(1, workers)]
        _wait_for_spending(folder / "budget.sqlite", ceiling // 10)
        if victim.pid is not None:
            os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        others += [worker(0), worker(workers)]
        for process in others:
            process.join()
        near.send("stop")
        made, seen = near.recv()
        server.join()
        budget = TokenBudget(folder / "budget.sqlite", ceiling)
        account = budget.account()
        budget.close()
        counts = [json.loads(path.read_text()) for path in folder.glob("worker-*.json")]
        return BudgetResult(
            ceiling, account.spent, account.held, made, seen, share * (workers + 1),
            *(sum(count[key] for count in counts) for key in ("answered", "refused", "failed")),
            killed_workers=1,
        )  # fmt: skip


def _wait_for_spending(path: Path, tokens: int) -> None:
    while True:
        time.sleep(0.1)
        try:
            with sqlite3.connect(path) as db:
                row = db.execute("SELECT spent FROM account").fetchone()
        except sqlite3.OperationalError:
            continue
        if row is not None and row[0] >= tokens:
            return


def overhead_trial(requests: int, repeats: int, in_flight: int = 64) -> OverheadResult:
    """Measure the client process; the server runs in another."""
    near, far = _SPAWN.Pipe()
    server = _SPAWN.Process(target=_serve, args=(far, 7), kwargs={"moody": False})
    server.start()
    url: str = near.recv()
    try:
        figures = [asyncio.run(_overhead(url, requests, in_flight)) for _ in range(repeats)]
    finally:
        near.send("stop")
        near.recv()
        server.join()
    return OverheadResult(*(statistics.median(column) for column in zip(*figures, strict=True)))


async def _overhead(url: str, requests: int, in_flight: int) -> OverheadResult:
    with tempfile.TemporaryDirectory() as name:
        store = ReplyStore(Path(name) / "replies.sqlite")
        budget = TokenBudget(Path(name) / "budget.sqlite", 10**9)
        model = ServedModel(Connection(url), _DIALECT)
        gate = RequestGate(GatePolicy(first_limit=in_flight, highest_limit=in_flight))
        client = Client(model, store=store, budget=budget, gate=gate)
        await asyncio.gather(*(model.ask(_question(-n)) for n in range(in_flight)))
        questions = [_question(number) for number in range(requests)]
        bare = await _cpu_ms(model, questions, in_flight)
        full = await _cpu_ms(client, questions, in_flight)
        hit = await _cpu_ms(client, questions, in_flight)
        await model.close()
        store.close()
        budget.close()
        return OverheadResult(bare, full, hit)


async def _cpu_ms(model: Client | ServedModel, questions: list[Request], in_flight: int) -> float:
    """Return CPU milliseconds of this process, all threads, for each question."""
    left = iter(questions)

    async def worker() -> None:
        for question in left:
            await model.ask(question)

    started = time.process_time()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return (time.process_time() - started) * 1000 / len(questions)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurements and print them; non-zero when the budget did not hold."""
    parser = benchmark_parser("robustness.client", __doc__)
    parser.add_argument("--requests", type=int, default=16_000, help="requests of the budget trial")
    parser.add_argument("--workers", type=int, default=3, help="processes at once")
    parser.add_argument("--ceiling", type=int, default=4_000_000, help="budget in tokens")
    parser.add_argument("--overhead-requests", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    return carry_out(parser, _run, argv)


def _run(options: argparse.Namespace) -> int:
    overhead = overhead_trial(options.overhead_requests, options.repeats)
    print(
        f"CPU a request at 64 in flight: {overhead.full_client_ms:.2f} ms in all,"
        f" {overhead.bare_openai_ms:.2f} ms of it the bare OpenAI client;"
        f" cache hit {overhead.cache_hit_ms:.3f} ms"
    )
    result = budget_trial(options.requests, options.workers, options.ceiling)
    print(
        f"budget {result.ceiling:,}: ledger {result.ledger_spent:,} spent"
        f" + {result.ledger_held:,} held, server made {result.made_by_server:,} tokens:"
        f" {'holds' if result.holds else 'EXCEEDED'}"
    )
    print(
        f"{result.asked:,} requests asked in {options.workers} processes at once"
        f" ({result.killed_workers} killed and started again): {result.requests_seen:,} attempts"
        f" reached the server; {result.answered:,} answered, {result.refused_by_budget:,} refused"
        f" by the budget, {result.failed:,} failed"
    )
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main())
