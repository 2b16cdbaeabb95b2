"""Measure the validators on keys that are known to be right or wrong.

`python -m burnish.eval.validators` prints a table a part (with `--json` an object).

    corrupted    GSM8K (and SVAMP) keys, half of them made wrong, judged by the reasoner from real
                 recorded programs, which are replayed through its own code and the real sandbox:
                 one program a model, and the vote of all. The rationale is withheld.
    calculated   the same keys judged from GSM8K's own calculations, no model, and by both paths
    redux        MMLU-Redux, with human labels: where the router sends its items, what can be said
                 of them without a model, and what the recorded language models said
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import cast

from rich.table import Table

from burnish.agents.llm.chat_format import Dialect, key_of
from burnish.agents.llm.messages import Reply
from burnish.agents.llm.reply_store import ReplayClient, ReplyStore
from burnish.agents.llm.scripted import raw_body
from burnish.agents.validators.reasoner import Reasoner, ReasonerConfig
from burnish.agents.validators.validation import combine
from burnish.corpora.records import Verdict
from burnish.eval.stats.bootstrap import ConfidenceInterval
from burnish.eval.stats.harness import (
    benchmark_parser,
    carry_out,
    data_root,
    plain_or_rich,
    tell_line,
)
from burnish.eval.validators.corrupted_keys import KeyCase, read_cases
from burnish.eval.validators.detection import KeyOpinion, detection
from burnish.eval.validators.redux import redux
from burnish.tools.answers.compare import compare
from burnish.tools.sandbox.pool import Sandbox

DIALECT = Dialect("recorded")
_NEEDS_RIGHT_KEYS = frozenset({"precision", "false_rejects", "auroc"})


@dataclass(frozen=True, slots=True)
class ValidatorBenchmark:
    """What to measure and on what."""

    data: Path
    dataset: str
    part: str
    """`development`, `aside` or `all`."""
    limit: int
    """Most items, 0 for all."""
    seed: int
    hard: bool
    """Whether wrong keys are errors that recorded programs made."""
    workers: int


Row = dict[str, object]


def corrupted(plan: ValidatorBenchmark) -> list[Row]:
    """Judge keys from recorded programs: each model's alone, and the vote of all."""
    cases = [_without_rationale(case) for case in _cases(plan)]
    models = sorted({program.model for case in cases for program in case.programs})
    rows: list[Row] = []
    with Sandbox(workers=plan.workers) as sandbox:
        for model in models:
            own = [_only(case, model) for case in cases]
            own = [case for case in own if case.programs]
            rows.append(_row(f"one program: {model[:40]}", own, _judged(own, sandbox)))
        verdicts = _judged(cases, sandbox)
    rows.append(_row("vote of all programs", cases, verdicts))
    for kind in sorted({case.corruption for case in cases if case.corrupted}):
        pairs = [pair for pair in zip(cases, verdicts, strict=True) if pair[0].corruption == kind]
        row = _row(f"  wrong keys: {kind}", [p[0] for p in pairs], [p[1] for p in pairs])
        rows.append({name: value for name, value in row.items() if name not in _NEEDS_RIGHT_KEYS})
    return rows


def calculated(plan: ValidatorBenchmark) -> list[Row]:
    """Judge keys from GSM8K's calculations, and from calculations and programs together."""
    cases = _cases(replace(plan, dataset="gsm8k"))
    with Sandbox(workers=plan.workers) as sandbox:
        alone = asyncio.run(_check_all(Reasoner(sandbox), cases))
        both = _judged(cases, sandbox)
    edits = [
        (case, decision)
        for case, verdict in zip(cases, both, strict=True)
        if (decision := combine([verdict])).may_edit_key
    ]
    mended = sum(compare(case.gold, decision.answer or "").same for case, decision in edits)
    rows = [
        _row("calculations, no model", cases, alone),
        _row("calculations and vote", cases, both),
    ]
    rows[-1] |= {"keys_that_may_be_edited": len(edits), "edits_to_the_right_key": mended}
    return rows


def _cases(plan: ValidatorBenchmark) -> list[KeyCase]:
    cases = read_cases(plan.data, dataset=plan.dataset, seed=plan.seed, hard=plan.hard)
    chosen = [case for case in cases if plan.part in {case.part, "all"}]
    return chosen[: plan.limit or None]


def _without_rationale(case: KeyCase) -> KeyCase:
    return replace(case, item=replace(case.item, rationale=None))


def _only(case: KeyCase, model: str) -> KeyCase:
    return replace(case, programs=tuple(p for p in case.programs if p.model == model)[:1])


def _judged(cases: Sequence[KeyCase], sandbox: Sandbox) -> list[Verdict]:
    """Put the programs into a reply store and let the reasoner ask it."""
    with tempfile.TemporaryDirectory() as folder:
        store = ReplyStore(Path(folder) / "replies.sqlite")
        try:
            return asyncio.run(_judge_all(cases, sandbox, store))
        finally:
            store.close()


async def _judge_all(
    cases: Sequence[KeyCase], sandbox: Sandbox, store: ReplyStore
) -> list[Verdict]:
    replay = ReplayClient(store, DIALECT)
    verdicts: list[Verdict] = []
    for case in cases:
        reasoner = Reasoner(sandbox, replay, ReasonerConfig(samples=len(case.programs)))
        for sample, program in enumerate(case.programs):
            reply = Reply(f"```python\n{program.code}\n```", finish="stop", model=DIALECT.model)
            key = key_of(reasoner.request(case.item, sample), DIALECT)
            await store.keep(key, DIALECT.model, replace(reply, raw=raw_body(reply)))
        verdicts.append(await reasoner.check(case.item))
    return verdicts


async def _check_all(reasoner: Reasoner, cases: Sequence[KeyCase]) -> list[Verdict]:
    return [await reasoner.check(case.item) for case in cases]


def _row(name: str, cases: Sequence[KeyCase], verdicts: Sequence[Verdict]) -> Row:
    told = [
        KeyOpinion(case.corrupted, verdict.opinion, verdict.confidence)
        for case, verdict in zip(cases, verdicts, strict=True)
    ]
    failures = Counter(verdict.failure for verdict in verdicts if verdict.failure)
    found = detection(told)
    figures = {field.name: getattr(found, field.name) for field in fields(found)}
    return {"judged_by": name, **figures, "failures": dict(failures)}


PARTS: Mapping[str, Callable[[ValidatorBenchmark], list[Row]]] = {
    "corrupted": corrupted,
    "calculated": calculated,
    "redux": lambda plan: redux(plan.data),
}


def table_of(name: str, rows: Sequence[Row]) -> Table:
    """Lay out rows for people; intervals as `value [low, high]`."""
    table = Table(title=name, title_justify="left")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(row.get(column, "")) for column in columns))
    return table


def _plain(row: Row) -> Row:
    """Return a row with intervals as objects of value, low and high."""
    return {
        name: value._asdict() if isinstance(value, ConfidenceInterval) else value
        for name, value in row.items()
    }


def _cell(value: object) -> str:
    if isinstance(value, ConfidenceInterval):
        return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"
    if isinstance(value, Mapping):
        counts = cast("Mapping[str, object]", value)
        return ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts asked for; return the exit code."""
    parser = benchmark_parser("validators", __doc__)
    parser.add_argument("--data", type=Path, default=data_root())
    parser.add_argument("--dataset", choices=["gsm8k", "svamp"], default="gsm8k")
    parser.add_argument("--part", choices=["development", "aside", "all"], default="development")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hard", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    return carry_out(parser, _run, argv)


def _run(options: argparse.Namespace) -> None:
    plan = ValidatorBenchmark(
        options.data, options.dataset, options.part, options.limit, options.seed, options.hard,
        options.workers,
    )  # fmt: skip
    console = plain_or_rich()
    for name in options.only:
        rows = PARTS[name](plan)
        if options.json:
            tell_line({name: [_plain(row) for row in rows]})
        else:
            console.print(table_of(name, rows))
