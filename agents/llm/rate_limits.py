"""How many requests a server gets at once, and when it gets none.

`AdaptiveLimit` raises the number in flight by one for each full round of successes and halves it
on overload (additive increase, multiplicative decrease, as TCP does). `CircuitBreaker` stops
asking a server that is down and lets one probe through after a while. `RequestGate` joins
both with the pauses a server asks for.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from burnish.corpora.errors import ModelError, QuotaPaused

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """Bounds and thresholds of a gate."""

    first_limit: int = 16
    """Requests in flight at the start."""
    highest_limit: int = 64
    failures_to_open: int = 8
    """Failures in a row after which the breaker opens."""
    first_cooling_s: float = 1.0
    """Seconds before the first probe; doubled after each failed probe."""
    longest_cooling_s: float = 60.0
    patience_s: float = 300.0
    """Seconds a server may be down; from then on all but the probes fail as `unreachable`."""


class AdaptiveLimit:
    """A number of slots that follows what the server bears."""

    def __init__(self, first: int, highest: int) -> None:
        self._limit = float(min(first, highest))
        self._highest = highest
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._rounds = 0  # number of decreases so far

    @property
    def limit(self) -> int:
        """Slots there are now."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        """Slots that are taken."""
        return self._in_flight

    async def acquire(self) -> int:
        """Take a slot, first come first served; return the round to give back with it."""
        if self._in_flight < self.limit and not self._waiting:
            self._in_flight += 1
            return self._rounds
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free()
            raise
        return self._rounds

    def release(self, started: int, outcome: Literal["good", "overload", "other"]) -> None:
        """Give a slot back.

        Args:
            started: the round `acquire` returned; one overload of many requests halves once.
            outcome: how the server bore the request.
        """
        # 1 / limit for each success adds up to one for a full round of them. Requests that were in
        # flight together are refused together: they began under the same limit, which they halve
        # once (Chiu and Jain 1989 on why this pair settles on a fair share).
        if outcome == "good":
            self._limit = min(self._highest, self._limit + 1 / self._limit)
        elif outcome == "overload" and started == self._rounds:
            self._limit = max(1.0, self._limit / 2)
            self._rounds += 1
        self._free()

    def _free(self) -> None:
        self._in_flight -= 1
        while self._waiting and self._in_flight < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)


class CircuitBreaker:
    """Open after failures in a row; half open when cooled: one request goes as a probe."""

    def __init__(self, policy: GatePolicy, clock: Clock = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._failures = 0
        self._cooling = policy.first_cooling_s
        self._opened: float | None = None
        self._down_since: float | None = None
        self._probing = False

    @property
    def down_for(self) -> float:
        """Seconds since the breaker first opened, failed probes included; 0 while closed."""
        return 0.0 if self._down_since is None else self._clock() - self._down_since

    @property
    def state(self) -> Literal["closed", "open", "half_open"]:
        """Whether requests pass, none passes, or one probe is due or under way."""
        if self._opened is None:
            return "closed"
        cooled = self._clock() >= self._opened + self._cooling
        return "half_open" if cooled or self._probing else "open"

    def permit(self) -> float:
        """Return 0 if a request may go now (as the probe, when half open), else seconds to wait."""
        if self._opened is None:
            return 0.0
        if self._probing:
            return self._policy.first_cooling_s
        left = self._opened + self._cooling - self._clock()
        if left > 0:
            return left
        self._probing = True
        return 0.0

    def succeed(self) -> None:
        """Note that the server answered: the breaker closes."""
        self._failures = 0
        self._opened = self._down_since = None
        self._probing = False
        self._cooling = self._policy.first_cooling_s

    def fail(self) -> None:
        """Note that the server did not answer as it should."""
        self._failures += 1
        if self._probing:
            self._cooling = min(self._policy.longest_cooling_s, self._cooling * 2)
            self._opened = self._clock()
        elif self._opened is None and self._failures >= self._policy.failures_to_open:
            self._opened = self._down_since = self._clock()
        self._probing = False

    def withdraw(self) -> None:
        """Note that a request ended without telling anything; another may be the probe."""
        self._probing = False


_OVERLOAD = frozenset({"rate_limited", "overloaded", "timeout"})
_DOWN = frozenset({"timeout", "connection", "unsent", "server", "malformed"})


class RequestGate:
    """The way to one server, shared by all that ask it in a process."""

    def __init__(self, policy: GatePolicy | None = None, clock: Clock = time.monotonic) -> None:
        self._policy = policy or GatePolicy()
        self._clock = clock
        self.limit = AdaptiveLimit(self._policy.first_limit, self._policy.highest_limit)
        self.breaker = CircuitBreaker(self._policy, clock)
        self._resume_at = 0.0
        self._paused: QuotaPaused | None = None

    async def enter(self) -> int:
        """Wait for a slot; give what is returned to `leave`.

        Raises:
            QuotaPaused: the quota is used up.
            ModelError: `unreachable`, the server stayed down too long.
        """
        ticket = await self.limit.acquire()
        try:
            await self._wait_until_open()
        except BaseException:
            self.limit.release(ticket, "other")
            raise
        return ticket

    def leave(self, ticket: int, error: ModelError | None, *, answered: bool = True) -> None:
        """Tell how the request went; `answered=False` when it was given up without an answer."""
        if error is None:
            if answered:
                self.breaker.succeed()
            else:
                self.breaker.withdraw()
            self.limit.release(ticket, "good" if answered else "other")
            return
        # Every other failure is the answer of a server that is up.
        if error.kind in _DOWN:
            self.breaker.fail()
        else:
            self.breaker.succeed()
        if error.kind in {"rate_limited", "overloaded"} and error.retry_after is not None:
            self._resume_at = max(self._resume_at, self._clock() + error.retry_after)
        self.limit.release(ticket, "overload" if error.kind in _OVERLOAD else "other")

    def pause(self, reason: QuotaPaused) -> None:
        """Refuse everyone from now on; a new run starts with an open gate."""
        self._paused = reason

    async def _wait_until_open(self) -> None:
        while True:
            if self._paused is not None:
                raise QuotaPaused(str(self._paused), retry_after=self._paused.retry_after)
            wait = self._resume_at - self._clock()
            if wait <= 0:
                wait = self.breaker.permit()
                if wait <= 0:
                    return
                if self.breaker.down_for >= self._policy.patience_s:
                    raise ModelError(
                        "unreachable",
                        f"model server: down for {self.breaker.down_for:.0f} s:"
                        " start it again and continue the run",
                    )
            await asyncio.sleep(min(wait, 1.0))
