import asyncio
from pathlib import Path

import pytest

from burnish.agents.llm.endpoints import (
    DEFAULT_ROLE,
    Endpoint,
    ModelPool,
    check_url,
    open_services,
)
from burnish.agents.llm.messages import Message, Request, Sampling
from burnish.corpora.errors import UsageError
from burnish.eval.robustness.loopback import completion, in_turn, serving


@pytest.mark.parametrize(
    ("url", "message"),
    [("localhost:1", "give a URL"), ("http://me:pw@x/v1", "key_env"), ("ftp://x/v1", "give a URL")],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(
    url: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        check_url(url, "llm.endpoint")
    assert str(caught.value).startswith("llm.endpoint: ")
    assert "pw" not in str(caught.value)


def test_each_role_has_its_model_and_others_the_default() -> None:
    async def work() -> None:
        async with serving(in_turn(completion())) as server:
            endpoints = {
                DEFAULT_ROLE: Endpoint(server.url, "small"),
                "judge": Endpoint(server.url, "big", limit_field="max_completion_tokens"),
            }
            async with ModelPool(endpoints) as pool:
                names = [pool.client(role).name for role in ("judge", "refiner", DEFAULT_ROLE)]
                assert names == ["big", "small", "small"]
                await pool.client("judge").ask(
                    Request((Message("user", "Hi"),), Sampling(max_tokens=5))
                )
            assert server.bodies[0]["max_completion_tokens"] == 5

    asyncio.run(work())


def test_a_pool_sends_the_key_of_the_environment_and_shares_one_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BURNISH_LLM_KEY", "sk-from-the-environment")

    async def work() -> None:
        store, budget = open_services(tmp_path, 10_000)
        async with serving(in_turn(completion())) as server:
            endpoints = {DEFAULT_ROLE: Endpoint(server.url, "m")}
            async with ModelPool(endpoints, store=store, budget=budget) as pool:
                request = Request((Message("user", "Hi"),), Sampling(max_tokens=5), task="judge")
                await pool.client("judge").ask(request)
                assert pool.client("judge") is pool.client("refiner")
            assert server.headers[0]["Authorization"] == "Bearer sk-from-the-environment"
        assert [row.task for row in budget.invoice()] == ["judge"]
        store.close()
        budget.close()

    asyncio.run(work())
