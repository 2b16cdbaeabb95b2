import asyncio
from pathlib import Path

import pytest

from burnish.agents.llm.endpoints import (
    Endpoint,
    ModelPool,
    Price,
    cast_of,
    one_endpoint,
    open_services,
)
from burnish.agents.llm.messages import Message, Request, Sampling, Usage
from burnish.corpora.errors import UsageError
from burnish.eval.robustness.loopback import completion, in_turn, serving

LOCAL = {"url": "http://127.0.0.1:8000/v1", "model": "small"}


def test_roles_find_their_endpoint_and_others_the_default() -> None:
    cast = cast_of({
        "endpoints": {"a": LOCAL, "b": LOCAL | {"model": "big", "timeout_s": 9}},
        "roles": {"default": "a", "judge": "b"},
    })
    assert cast.endpoint("judge").model == "big"
    assert cast.endpoint("refiner").model == "small"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"endpoint": {}}, "unknown setting 'endpoint'"),
        ({"endpoints": {"a": LOCAL | {"modle": "x"}}}, r"endpoints\.a: unknown setting 'modle'"),
        ({"endpoints": {"a": {"url": "http://x/v1"}}}, r"endpoints\.a\.model"),
        ({"endpoints": {"a": LOCAL | {"url": "localhost:1"}}}, "give a URL"),
        ({"endpoints": {"a": LOCAL | {"url": "http://me:pw@x/v1"}}}, "key_env"),
        ({"endpoints": {"a": LOCAL | {"concurrency": 0}}}, "positive"),
        ({"endpoints": {"a": LOCAL | {"limit_field": "n"}}}, "limit_field"),
        ({"endpoints": {"a": LOCAL | {"timeout_s": "soon"}}}, r"a\.timeout_s"),
        ({"endpoints": {"a": LOCAL}, "roles": {"judge": "c"}}, "no endpoint 'c'"),
        ({"roles": [1]}, "roles|llm:"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        cast_of(settings)
    assert "\n" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_role_without_endpoint_or_default_is_told() -> None:
    cast = cast_of({"endpoints": {"a": LOCAL}, "roles": {"judge": "a"}})
    with pytest.raises(UsageError, match="refiner"):
        cast.endpoint("refiner")


def test_money_is_known_only_where_a_price_is() -> None:
    usage = Usage(1_000_000, 500_000, cached_tokens=200_000)
    assert Endpoint("http://x/v1", "m").cost(usage) is None
    assert Endpoint("http://x/v1", "m", price=Price(1, 4)).cost(usage) == pytest.approx(3.0)
    cheap = Endpoint("http://x/v1", "m", price=Price(1, 4, cached=0.5))
    assert cheap.cost(usage) == pytest.approx(2.9)


def test_a_company_sends_the_key_of_the_environment_and_shares_one_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BURNISH_LLM_KEY", "sk-from-the-environment")

    async def work() -> None:
        store, budget = open_services(tmp_path, 10_000)
        async with serving(in_turn(completion())) as server:
            cast = one_endpoint(Endpoint(server.url, "m"))
            async with ModelPool(cast, store=store, budget=budget) as company:
                request = Request((Message("user", "Hi"),), Sampling(max_tokens=5), task="judge")
                await company.client("judge").ask(request)
                assert company.client("judge") is company.client("refiner")
            assert server.headers[0]["Authorization"] == "Bearer sk-from-the-environment"
        assert [row.task for row in budget.invoice()] == ["judge"]
        store.close()
        budget.close()

    asyncio.run(work())
