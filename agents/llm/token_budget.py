"""The hard token budget: reserve the worst case, send, settle by what was used.

The sum of everything settled and everything reserved never passes the ceiling. A reservation that
was never settled, because its process died, counts as spent for ever: the server may have done
the work. The ledger outlives runs and is shared by tasks and processes of one machine.

A server that reports more tokens than a request can take by its own bounds is found out by the
first reply, and its excess is reserved from then on (`client._Excess`). One that begins to do so
later can pass the ceiling by the excess of what is in flight, and no further.
"""

import asyncio
import logging
import sqlite3
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from burnish.agents.llm.messages import Usage
from burnish.corpora.errors import BudgetExhausted
from burnish.corpora.storage.sqlite_writer import SqliteWriter

_LOG = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    id INTEGER PRIMARY KEY CHECK (id = 1), spent INTEGER NOT NULL, held INTEGER NOT NULL,
    ceiling INTEGER);
INSERT OR IGNORE INTO account VALUES (1, 0, 0, NULL);
CREATE TABLE IF NOT EXISTS spending (
    id INTEGER PRIMARY KEY, task TEXT NOT NULL, model TEXT NOT NULL, reserved INTEGER NOT NULL,
    state TEXT NOT NULL, prompt INTEGER NOT NULL DEFAULT 0, completion INTEGER NOT NULL DEFAULT 0)
"""
# States: held, reported (by the server), counted (by us), lost (failed; all of it counts as spent),
# unspent (the server refused it before any work).


class Account(NamedTuple):
    """Where the budget stands, in tokens."""

    ceiling: int | None
    spent: int
    held: int
    """Reserved and not settled: requests in flight, and those whose process died."""


class Reservation(NamedTuple):
    """Tokens set aside for one request."""

    id: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What one task has spent with one model, in tokens."""

    task: str
    model: str
    requests: int
    prompt: int
    completion: int
    uncertain: int
    """Reservations of requests that failed or were never settled, counted as spent."""


class TokenBudget:
    """A budget of tokens in a SQLite file.

    Args:
        path: the ledger.
        ceiling: tokens that may ever be spent, earlier runs included; None for no bound.
    """

    def __init__(self, path: Path, ceiling: int | None) -> None:
        self.bounded = ceiling is not None
        """Whether there is a ceiling."""
        self._writer = SqliteWriter(path, _SCHEMA, durable=True)
        self._writer.do(lambda db: db.execute("UPDATE account SET ceiling = ?", (ceiling,)))
        self._busy = 0  # reservations of this process being asked for or not settled yet
        self._changed = asyncio.Event()

    async def reserve(self, tokens: int, *, task: str = "", model: str = "") -> Reservation:
        """Set tokens aside, waiting for requests of this process to settle if that may help.

        Raises:
            BudgetExhausted: they do not fit.
        """
        while True:
            self._busy += 1
            granted = await self._try(tokens, task, model)
            if isinstance(granted, int):
                return Reservation(granted, tokens)
            self._leave()
            ceiling = granted.ceiling or 0
            # Waiting helps only while a request of this process may give something back, and only
            # if what is spent for good leaves room.
            if self._busy == 0 or granted.spent + tokens > ceiling:
                raise BudgetExhausted(
                    asked=tokens, spent=granted.spent, held=granted.held, limit=ceiling
                )
            await self._changed.wait()

    def settle(self, reservation: Reservation, usage: Usage) -> int:
        """Record what a request used; return the tokens beyond its reservation, normally 0.

        The record is queued, not waited for: until it is written the reservation counts.
        """
        state = "reported" if usage.reported else "counted"
        excess = usage.total - reservation.tokens
        if excess > 0:
            _LOG.warning(
                "the server used %d tokens where at most %d were expected",
                usage.total, reservation.tokens,
            )  # fmt: skip
        self._settle(reservation, state, usage.prompt_tokens, usage.completion_tokens)
        return max(0, excess)

    def lose(self, reservation: Reservation) -> None:
        """Count a whole reservation as spent: the request failed, the server may have worked."""
        self._settle(reservation, "lost", 0, 0)

    def release(self, reservation: Reservation) -> None:
        """Give a reservation back: the server did no work for it."""
        self._settle(reservation, "unspent", 0, 0)

    def account(self) -> Account:
        """Return where the budget stands after everything this process has queued."""
        return self._writer.do(_account)

    def invoice(self) -> list[Spending]:
        """Return what was spent, by task and model."""
        rows = self._writer.do(lambda db: db.execute(_INVOICE).fetchall())
        return [Spending(*row) for row in rows]

    def close(self) -> None:
        """Write what is queued and close the ledger."""
        self._writer.close()

    async def _try(self, tokens: int, task: str, model: str) -> "int | Account":
        future = self._writer.submit(lambda db: _reserve(db, tokens, task, model))
        try:
            return await asyncio.wrap_future(future)
        except BaseException:
            self._leave()
            # Granted perhaps, but never to be sent.
            future.add_done_callback(self._take_back)
            raise

    def _take_back(self, future: "Future[int | Account]") -> None:
        if not future.cancelled() and future.exception() is None:
            granted = future.result()
            if isinstance(granted, int):
                self._writer.submit(lambda db: _settle(db, granted, "unspent", 0, 0))

    def _settle(self, reservation: Reservation, state: str, prompt: int, completion: int) -> None:
        self._writer.submit(lambda db: _settle(db, reservation.id, state, prompt, completion))
        self._leave()

    def _leave(self) -> None:
        self._busy = max(0, self._busy - 1)
        self._changed.set()
        self._changed = asyncio.Event()


_INVOICE = """
SELECT task, model, SUM(state IN ('reported', 'counted')), SUM(prompt), SUM(completion),
       SUM(CASE WHEN state IN ('held', 'lost') THEN reserved ELSE 0 END)
FROM spending GROUP BY task, model ORDER BY task, model
"""


def _account(db: sqlite3.Connection) -> Account:
    return Account(*db.execute("SELECT ceiling, spent, held FROM account").fetchone())


def _reserve(db: sqlite3.Connection, tokens: int, task: str, model: str) -> int | Account:
    """Return the reservation's id, or the account it does not fit."""
    # Asked and taken in one statement: SQLite has one writer at a time, so two processes can never
    # both be granted the last tokens.
    fits = db.execute(
        "UPDATE account SET held = held + ?1 WHERE ceiling IS NULL OR spent + held + ?1 <= ceiling",
        (tokens,),
    )
    if fits.rowcount == 0:
        return _account(db)
    row = db.execute(
        "INSERT INTO spending (task, model, reserved, state) VALUES (?, ?, ?, 'held')",
        (task, model, tokens),
    )
    return row.lastrowid or 0


def _settle(
    db: sqlite3.Connection, identity: int, state: str, prompt: int, completion: int
) -> None:
    """Settle a held reservation; settling twice changes nothing."""
    row = db.execute(
        "UPDATE spending SET state = ?, prompt = ?, completion = ? WHERE id = ? AND state = 'held'"
        " RETURNING reserved",
        (state, prompt, completion, identity),
    ).fetchone()
    if row is None:
        return
    spent = row[0] if state == "lost" else prompt + completion
    db.execute("UPDATE account SET held = held - ?, spent = spent + ?", (row[0], spent))
