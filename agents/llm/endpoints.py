"""Which model does which job: endpoints by role, opened together on one store and one budget."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.client import Client, ClientPolicy
from burnish.agents.llm.rate_limits import GatePolicy, RequestGate
from burnish.agents.llm.reply_store import ReplyStore
from burnish.agents.llm.token_budget import TokenBudget
from burnish.corpora.errors import UsageError

DEFAULT_ROLE = "default"
"""The role that stands in for every role without an endpoint of its own."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model on a server, as the settings describe it."""

    url: str
    model: str
    revision: str = ""
    """Digest or version of the weights; part of the cache key and a run's fingerprint."""
    key_env: str = "BURNISH_LLM_KEY"
    """Environment variable that holds the API key; unset means none is needed."""
    timeout_s: float = 180.0
    """Seconds for a whole request."""
    concurrency: int = 64
    """The most requests in flight from one process."""
    patience_s: float = 300.0
    """Seconds the server may be down before requests are given up."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Field that bounds an answer; reasoning models of OpenAI know only the second."""
    extra: dict[str, object] = field(default_factory=dict[str, object])
    """Fields for this server only, sent with every request."""


def check_url(url: str, where: str) -> None:
    """Refuse what is no plain web address; a password in it would end up in logs.

    Raises:
        UsageError: it is not `http(s)://host…`, or holds user information.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{where}: give a URL such as http://127.0.0.1:8000/v1")
    if "@" in parts.netloc:
        raise UsageError(f"{where}: no user or password in the URL; use key_env")


class ModelPool:
    """The clients of a run, one for each endpoint that is used, on one store and one budget.

    Args:
        endpoints: by role; the role `default` stands in for those without an endpoint.
        store: replies of the run.
        budget: tokens of the run.
        recall_faults: whether faulty replies of the store are not asked for again.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        store: ReplyStore | None = None,
        budget: TokenBudget | None = None,
        recall_faults: bool = False,
    ) -> None:
        from burnish.agents.llm.openai_model import Connection, ServedModel

        self._clients: dict[str, Client] = {}
        self._transports: list[ServedModel] = []
        gates: dict[str, RequestGate] = {}
        for role, endpoint in endpoints.items():
            key = os.environ.get(endpoint.key_env) or "EMPTY"
            transport = ServedModel(
                Connection(endpoint.url, key, endpoint.timeout_s), dialect_of(endpoint)
            )
            self._transports.append(transport)
            limits = GatePolicy(highest_limit=endpoint.concurrency, patience_s=endpoint.patience_s)
            gate = gates.setdefault(re.sub(r"/+$", "", endpoint.url), RequestGate(limits))
            policy = ClientPolicy(recall_faults=recall_faults)
            self._clients[role] = Client(
                transport, store=store, budget=budget, gate=gate, policy=policy
            )

    def client(self, role: str) -> Client:
        """Return the client that plays a role."""
        return self._clients.get(role) or self._clients[DEFAULT_ROLE]

    async def close(self) -> None:
        """Close all connections; store and budget belong to whoever opened them."""
        for transport in self._transports:
            await transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def dialect_of(endpoint: Endpoint) -> Dialect:
    """Return how requests to an endpoint are written; also what a replay of it needs."""
    return Dialect(
        model=endpoint.model,
        revision=endpoint.revision,
        limit_field=endpoint.limit_field,
        extra=endpoint.extra,
    )


def open_services(folder: Path, ceiling: int | None) -> tuple[ReplyStore, TokenBudget]:
    """Open the reply store and the budget that live in a run folder."""
    return ReplyStore(folder / "replies.sqlite"), TokenBudget(folder / "budget.sqlite", ceiling)
