"""Which model does which job: roles mapped to endpoints by the settings, and opened together."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.client import Client, ClientPolicy
from burnish.agents.llm.messages import Usage
from burnish.agents.llm.rate_limits import GatePolicy, RequestGate
from burnish.agents.llm.reply_store import ReplyStore
from burnish.agents.llm.token_budget import TokenBudget
from burnish.agents.llm.token_counts import Counting, TokenCounter
from burnish.corpora.errors import UsageError

DEFAULT_ROLE = "default"
"""The role that stands in for every role without an endpoint of its own."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in the currency of the price list."""

    prompt: float
    completion: float
    cached: float | None = None
    """Prompt tokens from the server's cache; None: as `prompt`."""

    def cost(self, usage: Usage) -> float:
        """Return what a request cost."""
        cached = self.prompt if self.cached is None else self.cached
        fresh = usage.prompt_tokens - usage.cached_tokens
        total = (
            fresh * self.prompt
            + usage.cached_tokens * cached
            + usage.completion_tokens * self.completion
        )
        return total / 1e6


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
    limit_field: str = "max_tokens"
    """`max_tokens`, or `max_completion_tokens` for servers that know only that."""
    stream: bool = False
    """Whether answers are streamed."""
    extra: dict[str, object] = field(default_factory=dict[str, object])
    """Fields for this server only, sent with every request."""
    price: Price | None = None
    """None: unknown, and so is every cost."""

    def cost(self, usage: Usage) -> float | None:
        """Return what a request cost, or None where no price is known."""
        return None if self.price is None else self.price.cost(usage)


@dataclass(frozen=True, slots=True)
class RoleMap:
    """Endpoints by name, and the endpoint each role uses."""

    endpoints: Mapping[str, Endpoint]
    roles: Mapping[str, str]

    def endpoint(self, role: str) -> Endpoint:
        """Return the endpoint of a role, or that of `default`.

        Raises:
            UsageError: neither is set.
        """
        name = self.roles.get(role, self.roles.get(DEFAULT_ROLE))
        if name is None:
            known = ", ".join(sorted(self.roles)) or "none"
            raise UsageError(f"llm.roles: no model for role {role!r} (set: {known}); add it")
        return self.endpoints[name]


def one_endpoint(endpoint: Endpoint) -> RoleMap:
    """Return a cast in which one endpoint plays every role."""
    return RoleMap({"default": endpoint}, {DEFAULT_ROLE: "default"})


def cast_of(settings: Mapping[str, object]) -> RoleMap:
    """Read the `[llm]` table: `endpoints.NAME = {url, model, …}` and `roles.ROLE = NAME`.

    Raises:
        UsageError: a field is unknown or wrong, or a role names no endpoint.
    """
    unknown = set(settings) - {"endpoints", "roles"}
    if unknown:
        raise UsageError(f"llm: unknown setting {min(unknown)!r}")
    try:
        tables = TypeAdapter(dict[str, dict[str, object]]).validate_python(
            settings.get("endpoints", {})
        )
        roles = TypeAdapter(dict[str, str]).validate_python(settings.get("roles", {}))
    except ValidationError as error:
        raise UsageError(f"llm: {_first(error)}") from None
    endpoints = {name: _endpoint(name, table) for name, table in tables.items()}
    for role, name in roles.items():
        if name not in endpoints:
            raise UsageError(f"llm.roles.{role}: there is no endpoint {name!r}")
    return RoleMap(endpoints, roles)


def _endpoint(name: str, table: Mapping[str, object]) -> Endpoint:
    where = f"llm.endpoints.{name}"
    unknown = set(table) - set(Endpoint.__dataclass_fields__)
    if unknown:
        raise UsageError(f"{where}: unknown setting {min(unknown)!r}")
    try:
        endpoint = TypeAdapter(Endpoint).validate_python(table)
    except ValidationError as error:
        raise UsageError(f"{where}.{_first(error)}") from None
    check_url(endpoint.url, where)
    if endpoint.limit_field not in {"max_tokens", "max_completion_tokens"}:
        raise UsageError(f"{where}.limit_field: max_tokens or max_completion_tokens")
    if endpoint.timeout_s <= 0 or endpoint.concurrency < 1:
        raise UsageError(f"{where}: timeout_s and concurrency must be positive")
    return endpoint


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


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


class ModelPool:
    """The clients of a run, one for each endpoint that is used, on one store and one budget.

    Args:
        cast: roles and endpoints.
        store: replies of the run.
        budget: tokens of the run.
        counters: tokenizers by model name, where known; others are bounded by bytes.
        recall_faults: whether faulty replies of the store are not asked for again.
    """

    def __init__(
        self,
        cast: RoleMap,
        *,
        store: ReplyStore | None = None,
        budget: TokenBudget | None = None,
        counters: Mapping[str, TokenCounter] | None = None,
        recall_faults: bool = False,
    ) -> None:
        from burnish.agents.llm.openai_model import Connection, ServedModel

        self._cast = cast
        self._clients: dict[str, Client] = {}
        self._transports: list[ServedModel] = []
        gates: dict[str, RequestGate] = {}
        for name, endpoint in cast.endpoints.items():
            key = os.environ.get(endpoint.key_env) or "EMPTY"
            transport = ServedModel(
                Connection(endpoint.url, key, endpoint.timeout_s), dialect_of(endpoint)
            )
            self._transports.append(transport)
            policy = GatePolicy(highest_limit=endpoint.concurrency, patience_s=endpoint.patience_s)
            gate = gates.setdefault(re.sub(r"/+$", "", endpoint.url), RequestGate(policy))
            counting = Counting(count=(counters or {}).get(endpoint.model))
            rules = ClientPolicy(counting=counting, recall_faults=recall_faults)
            self._clients[name] = Client(
                transport, store=store, budget=budget, gate=gate, rules=rules
            )

    def client(self, role: str) -> Client:
        """Return the client that plays a role.

        Raises:
            UsageError: the role has no endpoint and there is no default.
        """
        endpoint = self._cast.endpoint(role)
        name = next(key for key, value in self._cast.endpoints.items() if value is endpoint)
        return self._clients[name]

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
        limit_field="max_completion_tokens"
        if endpoint.limit_field == "max_completion_tokens"
        else "max_tokens",
        stream=endpoint.stream,
        extra=endpoint.extra,
    )


def open_services(folder: Path, ceiling: int | None) -> tuple[ReplyStore, TokenBudget]:
    """Open the reply store and the budget that live in a run folder."""
    return ReplyStore(folder / "replies.sqlite"), TokenBudget(folder / "budget.sqlite", ceiling)
