"""The store of replies: a cache for runs that go on, a record for replays, an audit of all."""

import asyncio
import sqlite3
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from burnish.agents.llm.chat_format import Dialect, key_of, parse_body
from burnish.agents.llm.messages import Reply, Request, Usage
from burnish.corpora.errors import ModelError
from burnish.corpora.storage.sqlite_writer import SqliteWriter

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, model TEXT NOT NULL, at REAL NOT NULL,
    outcome TEXT NOT NULL, prompt INTEGER, completion INTEGER, raw TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS replies_by_key ON replies (key, id)
"""
# Outcomes: good; truncated, empty, refused (a reply arrived); or the kind of a ModelError.

_FOUND = """
SELECT raw, prompt, completion FROM replies WHERE key = ? AND outcome = 'good'
ORDER BY id DESC LIMIT 1
"""
_RECORDED = """
SELECT raw, prompt, completion FROM replies
WHERE key = ? AND outcome IN ('good', 'truncated', 'empty', 'refused') ORDER BY id DESC LIMIT 1
"""


class ReplyStore:
    """Replies in a SQLite file, every one as it came; only good ones are found again."""

    def __init__(self, path: Path) -> None:
        # A row lost in a power cut costs a repeated request, which the budget counts.
        self._writer = SqliteWriter(path, _SCHEMA, durable=False)

    def find(self, key: str) -> Reply | None:
        """Return the last good reply under a key, or None."""
        return self._read(_FOUND, key)

    def recorded(self, key: str) -> Reply | None:
        """Return the last reply under a key, good or faulty, as a run saw it."""
        return self._read(_RECORDED, key)

    async def keep(self, key: str, model: str, reply: Reply) -> None:
        """Record a reply and wait until a killed process would not lose it."""
        usage = reply.usage
        counts = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
        row = (key, model, time.time(), reply.fault or "good", *counts, reply.raw)
        await asyncio.wrap_future(self._insert(row))

    def keep_failure(self, key: str, model: str, error: ModelError) -> None:
        """Record a failed request with whatever the server sent."""
        self._insert((key, model, time.time(), error.kind, None, None, error.raw))

    def outcomes(self) -> dict[str, int]:
        """Return how many records there are of each outcome."""
        query = "SELECT outcome, COUNT(*) FROM replies GROUP BY outcome ORDER BY outcome"
        return dict(self._writer.do(lambda db: db.execute(query).fetchall()))

    def close(self) -> None:
        """Write what is queued and close the file."""
        self._writer.close()

    def _insert(self, row: tuple[str | float | int | None, ...]) -> "Future[None]":
        def insert(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO replies (key, model, at, outcome, prompt, completion, raw)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )

        return self._writer.submit(insert)

    def _read(self, query: str, key: str) -> Reply | None:
        row: tuple[str, int | None, int | None] | None
        row = self._writer.reader.execute(query, (key,)).fetchone()
        if row is None:
            return None
        raw, prompt, completion = row
        reply = parse_body(raw)
        usage = reply.usage
        if usage is None and prompt is not None and completion is not None:
            usage = Usage(prompt, completion, reported=False)
        return replace(reply, usage=usage, from_store=True)


class ReplayClient:
    """Answers from a reply store, never from a server; an unknown request is an error."""

    def __init__(self, store: ReplyStore, dialect: Dialect) -> None:
        self._store = store
        self._dialect = dialect

    @property
    def name(self) -> str:
        """Name of the model whose replies these are."""
        return self._dialect.model

    async def ask(self, request: Request) -> Reply:
        """Return the recorded reply to a request.

        Raises:
            ModelError: `not_recorded`.
        """
        reply = self._store.recorded(key_of(request, self._dialect))
        if reply is None:
            raise ModelError(
                "not_recorded",
                f"no reply of {self.name!r} is recorded for this request: its prompt, tools, model"
                " or sampling differ from the recorded run",
            )
        return reply
