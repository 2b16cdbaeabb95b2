"""What a model learns for the GPU script is what the served refiner asks."""

import asyncio
from typing import cast

from burnish.agents.llm.messages import Request
from burnish.agents.llm.scripted import ScriptedClient
from burnish.agents.refiners.served import ServedConfig, ServedRefiner
from burnish.corpora.records import Document
from burnish.eval.distillation.labelled_pairs import TextLabels, asked, pairs_of
from burnish.graphs.documents.conversation_graph import converse
from burnish.tools.deletion.lines import Lines, Span, windows
from burnish.tools.deletion.program import apply
from burnish.tools.distill.pairs import program_in

RAW = "\n".join(["Home", "Login", *(f"Sentence {n} about the old mill. More" for n in range(40))])
LABELS = TextLabels("DD" + "P" * 40, {n: [Span(0, len(f"Sentence {n - 2} about the old mill."))]
                                  for n in range(2, 42)})  # fmt: skip
WINDOW = 500


def test_the_prompts_are_those_of_the_served_refiner() -> None:
    def keep(request: Request) -> str:
        del request
        return '{"calls": [{"name": "keep_all"}]}'

    model = ScriptedClient(keep)
    config = ServedConfig(window_chars=WINDOW)
    refiner = ServedRefiner(model, converse, config)
    asyncio.run(refiner.propose_one(Document("d", RAW), ()))
    sent = [
        [{"role": turn.role, "content": turn.content} for turn in request.messages]
        for request in model.requests
    ]
    lines = Lines.of(RAW)
    learnt = [pair["messages"] for pair in pairs_of(RAW, LABELS, WINDOW)]
    shown = [asked(RAW, lines, window) for window in windows(lines, WINDOW)]
    key = repr
    assert len(sent) > 2
    assert sorted(sent, key=key) == sorted(shown, key=key)
    assert [turns[:2] for turns in learnt if isinstance(turns, list)] == shown


def test_the_pairs_do_what_the_labels_say() -> None:
    (row,) = pairs_of(RAW, LABELS, 100_000)
    turns = cast("list[dict[str, object]]", row["messages"])
    refined = apply(program_in(turns[-1]), RAW)
    assert refined == "\n".join(f"Sentence {n} about the old mill." for n in range(40))
