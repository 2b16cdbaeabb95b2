"""Pairs, a refiner trained from nothing, its answers, its scores: the served path on one GPU.

    python eval/gpu/refine_sft.py prepare WORK --data DATA    needs burnish's packages
    python eval/gpu/refine_sft.py fit WORK                    needs PyTorch and transformers only
    python eval/gpu/refine_sft.py score WORK                  needs burnish's packages

`--tiny` on all three tries the path on a CPU in minutes; its scores mean nothing.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if find_spec("burnish") is None:
    # Where burnish is not installed, its folders become its packages.
    sys.modules["burnish"] = ModuleType("burnish")
    sys.modules["burnish"].__path__ = [str(Path(__file__).resolve().parents[2])]

if TYPE_CHECKING:
    from burnish.eval.datasets.pages import Page
    from burnish.eval.gpu.generation import Written
    from burnish.tools.deletion.program import Program

TEST_FOLD = 0
Json = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> None:
    """Carry out one step and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["prepare", "fit", "score"])
    parser.add_argument("work", type=Path)
    parser.add_argument("--data", type=Path, help="folder with web_wcxb")
    parser.add_argument("--pairs", type=Path, help="train on these pairs (burnish distill) instead")
    parser.add_argument("--window", type=int, default=6000, help="characters of a window")
    parser.add_argument("--minutes", type=float, help="most minutes of training")
    parser.add_argument("--fold-model", type=Path, help="embedded weights that never saw the fold")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args(argv)
    steps = {"prepare": prepare, "fit": fit, "score": score_answers}
    print(json.dumps(steps[options.step](options), indent=1))


def prepare(options: argparse.Namespace) -> Json:
    """Write pairs of the training hosts, and prompts for the pages of the test hosts."""
    from burnish.agents.line_training.corpus import fold_of, host_of
    from burnish.agents.prompting.output_schemas import answer_schema
    from burnish.eval.datasets.pages import load_pages
    from burnish.eval.distillation.labelled_pairs import TextLabels, asked, pairs_of
    from burnish.tools.deletion.lines import Lines, windows

    options.work.mkdir(parents=True, exist_ok=True)
    pages = load_pages(options.data, "web_wcxb", limit=60 if options.tiny else None)
    tests = [page for page in pages if fold_of(host_of(page.host)) == TEST_FOLD]
    rest = [page for page in pages if fold_of(host_of(page.host)) != TEST_FOLD]
    pairs = [
        pair
        for page in rest
        for pair in pairs_of(page.raw, TextLabels(page.labels, page.partial), options.window)
    ]
    _write(options.work / "train.jsonl", pairs)
    prompts = [
        {"page": page.id, "window": window, "messages": asked(page.raw, lines, window)}
        for page in (tests[:4] if options.tiny else tests)
        for lines in [Lines.of(page.raw)]
        for window in windows(lines, options.window)
    ]
    _write(options.work / "prompts.jsonl", prompts)
    (options.work / "schema.json").write_text(json.dumps(answer_schema()), "utf-8")
    made = {"data": str(options.data.resolve()), "pages": len(tests), "pairs": len(pairs)}
    (options.work / "prepared.json").write_text(json.dumps(made), "utf-8")
    return made | {"prompts": len(prompts)}


def fit(options: argparse.Namespace) -> Json:
    """Train, answer the prompts, write answers and figures."""
    import dataclasses

    from burnish.agents.sft.learner import TrainingJob
    from burnish.agents.sft.recipes import RECIPES, ModelShape
    from burnish.agents.sft.train import train_served
    from burnish.eval.gpu.generation import generate

    # About 46 million parameters.
    shape = ModelShape(16_384, 512, 12, 8, 4, 64, 1536)
    recipe = dataclasses.replace(RECIPES["scratch"], max_length=8192, batch=128)
    if options.tiny:
        shape = ModelShape(2048, 128, 2, 2, 1, 64, 384)
        recipe = dataclasses.replace(recipe, max_length=4096, batch=8, max_minutes=0.7)
    if options.minutes:
        recipe = dataclasses.replace(recipe, max_minutes=options.minutes)
    # Answers are asked for in the one-shot form only, so nothing else is learnt.
    recipe = dataclasses.replace(recipe, answers="json")
    pairs = options.pairs or options.work / "train.jsonl"
    facts = train_served(
        TrainingJob(pairs, None, None, shape, recipe), options.work / "model", _say
    )
    prompts = list(_read(options.work / "prompts.jsonl"))
    schema = json.loads((options.work / "schema.json").read_text("utf-8"))
    most = 64 if options.tiny else 1024
    written = generate(options.work / "model", [row["messages"] for row in prompts], most, schema)
    answers = [
        {"page": row["page"], "window": row["window"], "answer": answer}
        for row, answer in zip(prompts, written.answers, strict=True)
    ]
    _write(options.work / "answers.jsonl", answers)
    figures = _figures(facts.tokens / facts.seconds, written) | {
        "parameters": facts.parameters,
        "steps": facts.steps,
        "loss": facts.loss,
        "pairs_left_out": facts.left_out,
    }
    (options.work / "fit.json").write_text(json.dumps(figures), "utf-8")
    return figures


def _figures(trained_per_second: float, written: "Written") -> Json:
    return {
        "engine": written.engine,
        "prompts_too_long": written.unasked,
        "trained_tokens_per_second": trained_per_second,
        "written_tokens_per_second": written.written_tokens / written.seconds,
        "read_tokens_per_second": written.prompt_tokens / written.seconds,
        "written_per_input_token": written.written_tokens / written.prompt_tokens,
    }


def score_answers(options: argparse.Namespace) -> Json:
    """Apply the answers, and score them beside the embedded refiner and the untouched pages."""
    from burnish.agents.refiners.embedded import EmbeddedRefiner
    from burnish.eval.datasets.pages import load_pages
    from burnish.tools.deletion.program import Program

    prepared = json.loads((options.work / "prepared.json").read_text("utf-8"))
    programs, failed, answers = _programs(options.work / "answers.jsonl")
    pages = {page.id: page for page in load_pages(Path(prepared["data"]), "web_wcxb")}
    tested = [pages[name] for name in programs]
    embedded = EmbeddedRefiner.load(options.fold_model)
    by_embedded = embedded.propose([page.document for page in tested])
    return {
        "pages": len(tested),
        "answers": answers,
        "answers_that_do_not_parse": failed,
        "served": _scored(tested, [programs[page.id] for page in tested]),
        "embedded": _scored(tested, by_embedded),
        "untouched": _scored(tested, [Program()] * len(tested)),
        "note": "held-out embedded weights"
        if options.fold_model
        else "the shipped embedded weights were trained on these pages: an upper bound",
        "fit": json.loads((options.work / "fit.json").read_text("utf-8")),
    }


def _programs(path: Path) -> "tuple[dict[str, Program], int, int]":
    """Join the windows of each page; an answer that is no program keeps its window."""
    from burnish.corpora.errors import ReplyError
    from burnish.eval.distillation.labelled_pairs import within
    from burnish.tools.deletion.lines import Window
    from burnish.tools.deletion.notation import parse
    from burnish.tools.deletion.program import KeepAll, Program, RemoveAll, RemoveLines

    calls: dict[str, list[Any]] = {}
    failed = answers = 0
    for row in _read(path):
        window = Window(*row["window"])
        mine = calls.setdefault(row["page"], [])
        answers += 1
        try:
            program = parse(row["answer"])
        except ReplyError:
            failed += 1
            continue
        for call in within(program, window):
            if isinstance(call, RemoveAll):
                mine.append(RemoveLines(window.acts_from, window.last))
            elif not isinstance(call, KeepAll):
                mine.append(call)
    return {page: Program(tuple(made)) for page, made in calls.items()}, failed, answers


def _scored(pages: "Sequence[Page]", programs: "Sequence[Program]") -> Json:
    from burnish.eval.refiners.metrics import PageTarget, score
    from burnish.tools.deletion.program import cut, resolve

    scores: list[Any] = []
    for page, program in zip(pages, programs, strict=True):
        spans = resolve(program, page.raw).spans
        target = PageTarget.of(page.raw, page.labels, page.partial, page.gold)
        scores.append(score(target, cut(page.raw, spans), spans))
    gold = sum(one.gold_chars for one in scores)
    return {
        "f1": sum(one.f1 for one in scores) / len(scores),
        "harm": sum(one.harmed for one in scores) / max(gold, 1),
    }


def _read(path: Path) -> Iterator[Json]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)


def _write(path: Path, rows: Sequence[Json]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
