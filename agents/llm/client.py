"""The client: a reply store, a token budget, limits and retries around one model server."""

import asyncio
import math
import random
from dataclasses import dataclass, field, replace
from typing import Protocol

from burnish.agents.llm.chat_format import Dialect, key_of
from burnish.agents.llm.messages import Model, Reply, Request
from burnish.agents.llm.rate_limits import RequestGate
from burnish.agents.llm.reply_store import ReplyStore
from burnish.agents.llm.retry import RetryPolicy
from burnish.agents.llm.token_budget import Reservation, TokenBudget
from burnish.agents.llm.token_counts import Counting
from burnish.corpora.errors import ModelError, QuotaPaused


class Transport(Model, Protocol):
    """A model that is asked once for each attempt and knows how its requests are written."""

    @property
    def dialect(self) -> Dialect:
        """How requests are written; the cache key follows from it."""
        ...


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """How a client behaves, apart from the services it uses."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    counting: Counting = field(default_factory=Counting)
    recall_faults: bool = False
    """Whether a cut, empty or refused reply in the store answers too, as what it is: a run that
    goes on then decides as it did before, and pays nothing twice."""


class Client:
    """A model whose answers are cached, budgeted, limited and retried.

    Equal requests in flight are sent once. Each attempt reserves its worst case first; a refused
    attempt gives it back, one that may have cost tokens counts fully.

    Args:
        transport: who answers; normally a `ServedModel`.
        store: where replies are kept; None keeps and finds nothing.
        budget: the token budget; None spends without bound or record.
        gate: the way to the server; give clients of one server the same gate.
        policy: retries and counting.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        store: ReplyStore | None = None,
        budget: TokenBudget | None = None,
        gate: RequestGate | None = None,
        policy: ClientPolicy | None = None,
    ) -> None:
        self._transport = transport
        self._store = store
        self._budget = budget
        self._gate = gate or RequestGate()
        self._policy = policy or ClientPolicy()
        self._locks: dict[str, _SharedLock] = {}
        self._draw = random.Random()  # noqa: S311 (jitter)
        self._excess = _Excess()
        self._alone = asyncio.Lock()

    @property
    def name(self) -> str:
        """Name of the model as the server knows it."""
        return self._transport.name

    @property
    def dialect(self) -> Dialect:
        """How requests are written for the server."""
        return self._transport.dialect

    async def ask(self, request: Request) -> Reply:
        """Answer from the store, else from the server.

        Raises:
            ModelError: the server gave no reply and retrying is over or pointless.
            BudgetExhausted: the request's worst case does not fit the budget.
            QuotaPaused: the server's quota is used up; nothing more is sent.
        """
        key = key_of(request, self.dialect)
        if self._store is None:
            return await self._fetch(request, key)
        recall = self._store.recorded if self._policy.recall_faults else self._store.find
        if (reply := recall(key)) is not None:
            return reply
        lock = self._locks.setdefault(key, _SharedLock())
        lock.users += 1
        try:
            async with lock.lock:
                if (reply := lock.reply) is not None:
                    return replace(reply, from_store=True)
                reply = await self._fetch(request, key)
                if reply.fault is None:
                    lock.reply = reply
                return reply
        finally:
            lock.users -= 1
            if lock.users == 0:
                del self._locks[key]

    async def _fetch(self, request: Request, key: str) -> Reply:
        failures = charged = 0
        while True:
            try:
                return await self._attempt(request, key)
            except ModelError as error:
                if error.kind == "unreachable":
                    raise
                failures += 1
                charged += error.charged
                self._check_quota(error)
                wait = self._policy.retry.wait(error, failures, charged, self._draw)
                if wait is None:
                    raise
            await asyncio.sleep(wait)

    def _check_quota(self, error: ModelError) -> None:
        """Stop everybody when waiting is no use.

        Raises:
            QuotaPaused: the quota is used up, or the wait asked for is beyond patience.
        """
        asked = error.retry_after or 0.0
        if error.kind == "quota" or asked > self._policy.retry.patience_s:
            when = f"in {asked:,.0f} s" if asked else "when the quota is renewed"
            what = "quota used up" if error.kind == "quota" else "the server asks for a long wait"
            paused = QuotaPaused(
                f"{self.name}: {what} ({error}): continue the run {when}",
                retry_after=error.retry_after,
            )
            self._gate.pause(paused)
            raise paused from None

    async def _attempt(self, request: Request, key: str) -> Reply:
        """Pass the gate, reserve, send once, record and settle."""
        if self._budget is not None and self._budget.bounded and not self._excess.known:
            # Whether a server keeps to its bounds is seen on one request before many are sent.
            async with self._alone:
                if not self._excess.known:
                    return await self._sent(request, key)
        return await self._sent(request, key)

    async def _sent(self, request: Request, key: str) -> Reply:
        ticket = await self._gate.enter()
        reservation: Reservation | None = None
        error: ModelError | None = None
        answered = False
        try:
            if self._budget is not None:
                worst = self._excess.over(self._policy.counting.worst_case(request))
                reservation = await self._budget.reserve(worst, task=request.task, model=self.name)
            reply = await self._transport.ask(request)
            answered = True
        except ModelError as failure:
            error = failure
            self._settle_failure(reservation, key, failure)
            raise
        except BaseException:
            # Cancelled, perhaps after sending: what was reserved counts.
            if self._budget is not None and reservation is not None:
                self._budget.lose(reservation)
            raise
        finally:
            self._gate.leave(ticket, error, answered=answered)
        return await self._settle(request, key, reply, reservation)

    async def _settle(
        self, request: Request, key: str, reply: Reply, reservation: Reservation | None
    ) -> Reply:
        counting = self._policy.counting
        usage = counting.usage(request, reply)
        reply = replace(reply, usage=usage)
        if self._budget is not None and reservation is not None:
            self._budget.settle(reservation, usage)
            self._excess.see(usage.total, counting.worst_case(request))
        if self._store is not None:
            await self._store.keep(key, self.name, reply)
        return reply

    def _settle_failure(self, reservation: Reservation | None, key: str, error: ModelError) -> None:
        if self._store is not None:
            self._store.keep_failure(key, self.name, error)
        if self._budget is not None and reservation is not None:
            if error.charged:
                self._budget.lose(reservation)
            else:
                self._budget.release(reservation)


class _Excess:
    """By how much a server passes the bounds of requests; counted into reservations from then on.

    Both as tokens and as a factor, since it is not known whether a server counts something on top
    or counts everything otherwise.
    """

    def __init__(self) -> None:
        self.known = False
        self._tokens = 0
        self._factor = 1.0

    def see(self, used: int, worst: int) -> None:
        """Take in what a request used, and what it should have used at most."""
        self.known = True
        self._tokens = max(self._tokens, used - worst)
        self._factor = max(self._factor, used / max(worst, 1))

    def over(self, worst: int) -> int:
        """Return what to reserve for a request with such a bound."""
        return max(worst + self._tokens, math.ceil(worst * self._factor))


class _SharedLock:
    """A lock for equal requests, and the good reply the first of them got."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0
        self.reply: Reply | None = None
