"""The one module that talks to model servers: `AsyncOpenAI`, one attempt a call, plain errors."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    DefaultAioHttpClient,
    OpenAIError,
)

from burnish.agents.llm.chat_format import Dialect, body_of, error_of, parse_body
from burnish.agents.llm.http_errors import read_retry_after
from burnish.agents.llm.messages import Reply, Request
from burnish.corpora.errors import ModelError

_TALKATIVE = ("openai", "openai._base_client", "httpx2")


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a server."""

    url: str
    """Base URL, ending in `/v1` for most servers."""
    key: str = "EMPTY"
    """API key; servers of one's own take any."""
    timeout_s: float = 180.0
    """Seconds for a whole request, from sending to the last byte."""
    connect_s: float = 5.0
    """Seconds to reach the server."""

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, timeout_s={self.timeout_s})"


class ServedModel:
    """A model behind an OpenAI-compatible server; use it inside one event loop, then close it.

    It sends each request once: retries, limits and the budget belong to `Client`.
    """

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        # At DEBUG the SDK logs whole requests, prompts included.
        for logger in map(logging.getLogger, _TALKATIVE):
            if logger.getEffectiveLevel() < logging.WARNING:
                logger.setLevel(logging.WARNING)
        self._dialect = dialect
        self._timeout_s = connection.timeout_s
        timeout = httpx2.Timeout(connection.timeout_s, connect=connection.connect_s)
        self._client = AsyncOpenAI(
            base_url=connection.url,
            api_key=connection.key,
            timeout=timeout,
            max_retries=0,
            http_client=DefaultAioHttpClient(timeout=timeout),
        )

    @property
    def name(self) -> str:
        """Name of the model as the server knows it."""
        return self._dialect.model

    @property
    def dialect(self) -> Dialect:
        """How requests are written for this server."""
        return self._dialect

    async def ask(self, request: Request) -> Reply:
        """Send one request once.

        Raises:
            ModelError: of the kind that fits; `charged` when tokens may have been spent.
        """
        body = body_of(request, self._dialect)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.post(
                    "/chat/completions", body=body, cast_to=httpx2.Response
                )
        except TimeoutError:
            raise self._late() from None
        except APIStatusError as error:
            raise _status_error(error) from None
        except APIConnectionError as error:
            if isinstance(error, APITimeoutError) and _is_timeout(error):
                raise self._late() from None
            raise _connection_error(error) from None
        except OpenAIError as error:
            text = f"model server: {type(error).__name__}"
            raise ModelError("malformed", text, charged=True) from None
        return parse_body(response.text)

    def _late(self) -> ModelError:
        text = f"model server: no reply within {self._timeout_s:g} s"
        return ModelError("timeout", text, charged=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _status_error(error: APIStatusError) -> ModelError:
    return error_of(
        error.status_code, error.response.text, retry_after=read_retry_after(error.response.headers)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _is_timeout(error: APIConnectionError) -> bool:
    """Tell a late answer from a broken connection.

    The aiohttp transport reports a connection that breaks after sending as a connect timeout, so
    only aiohttp's own exception, further down the chain, tells what happened.
    """
    return any(isinstance(cause, aiohttp.SocketTimeoutError) for cause in _causes(error))


def _connection_error(error: APIConnectionError) -> ModelError:
    causes = list(_causes(error))
    name = type(causes[-1] if causes else error).__name__
    unsent = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    if any(isinstance(cause, (*unsent, httpx2.UnsupportedProtocol)) for cause in causes):
        return ModelError("unsent", f"model server: cannot connect ({name})")
    return ModelError("connection", f"model server: the connection broke ({name})", charged=True)
