"""What the tests of the client share."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.messages import Message, Request, Sampling
from burnish.agents.llm.openai_model import Connection, ServedModel
from tests.support.waiting import PATIENCE_S

Served = Callable[..., AbstractAsyncContextManager[ServedModel]]
Question = Callable[..., Request]


@pytest.fixture
def served() -> Served:
    """Open a model on a server's URL and close it afterwards."""

    @asynccontextmanager
    async def opened(
        url: str,
        *,
        timeout_s: float = PATIENCE_S,
        dialect: Dialect | None = None,
        key: str = "EMPTY",
    ) -> AsyncGenerator[ServedModel]:
        model = ServedModel(Connection(url, key, timeout_s), dialect or Dialect("m"))
        try:
            yield model
        finally:
            await model.close()

    return opened


@pytest.fixture
def question() -> Question:
    """Make a request of one user turn."""

    def asked(text: str = "Say fine.", *, max_tokens: int = 50, **fields: object) -> Request:
        messages = (Message("user", text),)
        return Request(messages, Sampling(max_tokens=max_tokens), **fields)  # type: ignore[arg-type]

    return asked
