"""The report of a run over questions: its figures as JSON, a page for people, a dataset card."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from burnish.corpora.records import QUESTIONS, QAItem
from burnish.corpora.runs.balance import balance
from burnish.corpora.runs.folder import RunFolder, read_json, write_json
from burnish.corpora.runs.question_ledger import LEDGER, QAEntry
from burnish.corpora.storage.writers import write_text
from burnish.graphs.questions.operate.assembly import solver_ability
from burnish.graphs.questions.plan.invoice import charges, divergences
from burnish.graphs.questions.plan.plan_file import plan_path
from burnish.graphs.questions.state.journal import tokens_of
from burnish.graphs.questions.state.working_set import WorkingSet
from burnish.graphs.reports.question_card import render_question_card
from burnish.graphs.reports.question_page import render
from burnish.graphs.runs.settings import Settings
from burnish.tools.balance.divergence import bootstrap
from burnish.tools.planning.invoice import invoice

SAMPLES = 12
_DRAWS = 300
_TEXT = 600


def write_qa_report(folder: RunFolder, working: WorkingSet, settings: Settings) -> dict[str, Any]:
    """Write `report.json`, `report.html` and the card `README.md`; return the figures."""
    manifest = read_json(folder.manifest)
    figures = figures_of(folder, working, settings, manifest)
    write_json(folder.report.with_suffix(".json"), figures)
    write_text(folder.report, render(figures))
    write_text(folder.root / "README.md", render_question_card(figures, folder.format))
    return figures


def figures_of(
    folder: RunFolder, working: WorkingSet, settings: Settings, manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """Gather all figures of a run."""
    entries = _Ledger(folder.part("ledger", 0))
    tokens = _tokens(folder, settings)
    told = invoice(charges(working), tokens["budget"])
    before, after = working.source_strata, working.strata()
    return {
        "burnish": manifest["burnish"],
        "kind": "qa",
        "created": manifest["created"],
        "input": {k: v for k, v in manifest["input"].items() if k not in {"sources", "layout"}},
        "target": settings.qa.target,
        "balance": balance(
            manifest["input"], Counter(entry.outcome for entry in entries), QUESTIONS
        ),
        "divergence": divergences(working.target, before, after)
        | _intervals(working, before, after),
        "cells": _cells(working, before, after),
        "rounds": _rounds(folder, working),
        "tokens": tokens
        | {
            "planned": told.planned,
            "under_planned": told.under_planned,
            "work": tokens_of(working.done),
        },
        "invoice": [asdict(line) for line in told.lines],
        "calibration": [point._asdict() for point in told.points],
        "difficulty": difficulty(entries, working, settings),
        "review": read_json(folder.marker(0))["review"],
        "verdicts": _verdicts(entries),
        "samples": samples(working),
        "quarantined": [
            {"row": e.id, "reason": e.flag}
            for e in islice((e for e in entries if e.flag and not e.status), SAMPLES)
        ],
    }


class _Ledger(Iterable[QAEntry]):
    """The rows of a ledger, read anew each time they are gone through."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[QAEntry]:
        return LEDGER.read(self._path)


def _intervals(working: WorkingSet, before: list[str], after: list[str]) -> dict[str, Any]:
    """Return 90 % intervals of the divergence; of items at strata that the target knows."""
    found: dict[str, Any] = {}
    for name, held in (("before_interval", before), ("after_interval", after)):
        counts = working.target.counts(held)
        if counts.sum():
            low, _, high = bootstrap(counts, working.target.shares, draws=_DRAWS)
            found[name] = [low, high]
    return found


def _cells(working: WorkingSet, before: list[str], after: list[str]) -> list[dict[str, Any]]:
    first, last = Counter(before), Counter(after)
    target = dict(zip(working.target.strata, working.target.shares.tolist(), strict=True))
    names = sorted(target.keys() | first.keys())
    return [
        {
            "cell": name,
            "before": first[name],
            "after": last[name],
            "before_share": first[name] / max(len(before), 1),
            "after_share": last[name] / max(len(after), 1),
            "target_share": target.get(name, 0.0),
        }
        for name in names
    ]


def _rounds(folder: RunFolder, working: WorkingSet) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    number = 1
    while (path := plan_path(folder.root, number)).exists():
        figures = read_json(path)["figures"]
        orders = sum(one.round == number for one in working.done)
        found.append(
            {"round": number, "orders": orders}
            | {key: figures.get(key) for key in _PLAN}
            | {"before": figures["before"]}
        )
        number += 1
    return found


_PLAN = (
    "value", "bound", "gap", "cost", "budget", "reserve", "price_per_1000_tokens", "operations",
    "baselines", "curve",
)  # fmt: skip


def difficulty(
    entries: Iterable[QAEntry], working: WorkingSet, settings: Settings
) -> dict[str, Any]:
    """Say of how many new and changed items the difficulty is known, and why it is not."""
    written = [e for e in entries if e.difficulty_note and e.outcome in {"edited", "added"}]
    scored = [entry for entry in written if entry.difficulty is not None]
    name = settings.qa.solver or settings.llm.model
    why = ""
    if solver_ability(settings, working) is None and written:
        why = "no model answers them"
        if settings.llm.endpoint and settings.qa.solver_answers:
            why = f"no answers of {name} to the set are recorded: see burnish profile --panel"
    return {
        "solver": name if scored else None,
        "scored": len(scored),
        "unverified": len(written) - len(scored),
        "why": why,
    }


def _tokens(folder: RunFolder, settings: Settings) -> dict[str, Any]:
    from burnish.graphs.runs.llm import account_of

    account = account_of(settings.llm, folder.root) if settings.llm.endpoint else None
    spent = account.spent + account.held if account else 0
    budget = settings.llm.budget
    left = None if budget is None else budget - spent
    return {"budget": budget, "spent": spent, "left": left}


def _verdicts(entries: Iterable[QAEntry]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for entry in entries:
        for verdict in entry.verdicts:
            found.setdefault(verdict.validator, Counter())[verdict.opinion] += 1
    return {name: dict(sorted(counts.items())) for name, counts in sorted(found.items())}


def samples(working: WorkingSet) -> list[dict[str, Any]]:
    """Return a few changes of each operation, before and after."""
    shown: Counter[str] = Counter()
    found: list[dict[str, Any]] = []
    for one in working.done:
        name = one.planned.order.operation
        if shown[name] >= SAMPLES:
            continue
        shown[name] += 1
        found.append({
            "operation": name,
            "status": one.status,
            "reason": one.reason,
            "from": one.planned.cell_from,
            "to": one.planned.cell_to,
            "before": None if one.before is None else _words(one.before),
            "after": None if one.after is None else _words(one.after),
            "verdicts": [f"{v.validator}: {v.opinion}, {v.reason}"[:_TEXT] for v in one.verdicts],
        })
    return found


def _words(item: QAItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "question": item.question[:_TEXT],
        "choices": [choice[:_TEXT] for choice in item.choices],
        "answer": item.answer[:_TEXT],
    }
