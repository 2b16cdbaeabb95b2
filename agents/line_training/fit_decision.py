"""Fits the decision rule to probabilities of pages on hosts the taggers never saw.

`python -m burnish.agents.line_training.fit_decision DATA TAGGERS` tags the main set with
TAGGERS/foldN.npz, shows the cross-validated scores and prints the rule; `--weights FILE`
stores it in that file too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.agents.line_tagger.decision import DecisionRule, Tagged, decide, worthless
from burnish.agents.line_tagger.tagger import LineTagger
from burnish.agents.line_training.corpus import FOLDS, PageScorer, fold_of, load_pages
from burnish.corpora.storage.writers import write_atomic

_Doubles = NDArray[np.float64]
_Flags = NDArray[np.bool_]

MAIN: Final = "web_wcxb"
SURE_NOISE: Final = tuple(step / 400 for step in range(1, 25))
THRESHOLDS: Final = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


@dataclass(frozen=True, slots=True)
class DecisionLimits:
    """The least share of clean texts left whole, and the most harm (share of gold characters)."""

    untouched: float = 0.989
    harm: float = 0.036


class DecisionOutcome(NamedTuple):
    """Token F1 (mean over pages), harm over all characters and its mean over pages."""

    f1: float
    harm: float
    harm_page: float
    untouched: float


class _Scores(NamedTuple):
    """For each page its F1, characters lost of those to keep, and if its clean text is whole."""

    f1: _Doubles
    lost: _Doubles
    kept: _Doubles
    untouched: _Flags


@dataclass(frozen=True, slots=True)
class FittingSet:
    """Pages with their out-of-fold probabilities, those of their clean texts, and their folds.

    `clean[i]` is the tagged human main content of page i: nothing in it should be deleted.
    """

    scorers: Sequence[PageScorer]
    tagged: Sequence[Tagged]
    clean: Sequence[Tagged]
    folds: NDArray[np.int64]
    _known: dict[DecisionRule, _Scores] = field(default_factory=dict[DecisionRule, _Scores])
    _whole: dict[DecisionRule, _Flags] = field(default_factory=dict[DecisionRule, _Flags])

    def scores(self, rule: DecisionRule) -> _Scores:
        """The scores of all pages under `rule`, remembered."""
        if rule not in self._known:
            masks = decide(self.tagged, rule)
            page_scores = [s.score(keep) for s, keep in zip(self.scorers, masks, strict=True)]
            self._known[rule] = _Scores(
                np.array([score.f1 for score in page_scores]),
                np.array([score.lost for score in page_scores], np.float64),
                np.array([score.kept_characters for score in page_scores], np.float64),
                self.untouched(rule),
            )
        return self._known[rule]

    def untouched(self, rule: DecisionRule) -> _Flags:
        """Which clean texts `rule` leaves whole, remembered."""
        if rule not in self._whole:
            masks = decide(self.clean, rule)
            self._whole[rule] = np.array([keep.all() for keep in masks])
        return self._whole[rule]

    def outcome(self, rules: Sequence[DecisionRule], chosen: _Flags) -> DecisionOutcome:
        """The outcome on the pages `chosen` when fold k is decided by `rules[k]`."""
        tables = [self.scores(rule) for rule in rules]
        place = np.arange(len(self.folds))
        f1 = np.stack([table.f1 for table in tables])[self.folds, place]
        lost = np.stack([table.lost for table in tables])[self.folds, place]
        whole = np.stack([table.untouched for table in tables])[self.folds, place]
        kept = tables[0].kept
        return DecisionOutcome(
            float(f1[chosen].mean()),
            float(lost[chosen].sum() / max(kept[chosen].sum(), 1)),
            float((lost[chosen] / np.maximum(kept[chosen], 1)).mean()),
            float(whole[chosen].mean()),
        )


def fit(
    pages: FittingSet,
    chosen: _Flags,
    start: DecisionRule | None = None,
    limits: DecisionLimits | None = None,
) -> DecisionRule:
    """The rule with the best F1 on the pages `chosen` that keeps the limits.

    First the highest `sure_noise` that leaves enough clean texts whole, then the
    threshold with the highest mean F1 among those with little enough harm, or with the least harm
    where there is none. The frame is taken from `start` as it is.
    """
    start, limits = start or DecisionRule(), limits or DecisionLimits()
    rules = [dataclasses.replace(start, sure_noise=level) for level in SURE_NOISE]
    able = [r for r in rules if pages.untouched(r)[chosen].mean() >= limits.untouched]
    base = max(able, key=lambda rule: rule.sure_noise, default=rules[0])
    bars = [dataclasses.replace(base, threshold=threshold) for threshold in THRESHOLDS]
    outcomes = {rule: pages.outcome([rule] * FOLDS, chosen) for rule in bars}
    fair = [rule for rule in outcomes if outcomes[rule].harm <= limits.harm]
    if not fair:
        return min(outcomes, key=lambda rule: outcomes[rule].harm)
    return max(fair, key=lambda rule: outcomes[rule].f1)


def cross_validate(pages: FittingSet, limits: DecisionLimits | None = None) -> list[DecisionRule]:
    """For each fold the rule fitted to the other folds."""
    return [fit(pages, pages.folds != fold, limits=limits) for fold in range(FOLDS)]


def load_fitting_set(data: Path, taggers: Path) -> FittingSet:
    """The main set under `data`, tagged by the taggers that never saw its hosts."""
    pages = load_pages(data, MAIN)
    folds = np.array([fold_of(page.host) for page in pages], np.int64)
    tagged: dict[int, Tagged] = {}
    clean: dict[int, Tagged] = {}
    for fold in range(FOLDS):
        tagger = LineTagger.load(taggers / f"fold{fold}.npz")
        places = np.flatnonzero(folds == fold).tolist()
        tagged.update(zip(places, tagger.tag([pages[at].text for at in places]), strict=True))
        golds = [pages[at].gold or "" for at in places]
        clean.update(zip(places, tagger.tag(golds), strict=True))
    order = range(len(pages))
    scorers = [PageScorer(page) for page in pages]
    return FittingSet(scorers, [tagged[at] for at in order], [clean[at] for at in order], folds)


def false_alarms(data: Path, pages: FittingSet) -> list[str]:
    """The pages of the main set that would be dropped as worthless."""
    texts = load_pages(data, MAIN)
    return [p.id for p, t in zip(texts, pages.tagged, strict=True) if worthless(p.text, t)]


def store(rule: DecisionRule, weights: Path) -> None:
    """Writes `rule` as `decision` into the meta of a tagger's file."""
    with np.load(weights, allow_pickle=False) as file:
        arrays: dict[str, NDArray[Any]] = dict(file)
    meta = json.loads(str(arrays["meta"]))
    arrays["meta"] = np.array(json.dumps({**meta, "decision": rule.as_values()}))
    write_atomic(weights, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


def report(pages: FittingSet, limits: DecisionLimits | None = None) -> dict[str, Any]:
    """The cross-validated outcome of the fitted rules, in all and by fold, and their values."""
    rules = cross_validate(pages, limits)
    everywhere = np.ones(len(pages.folds), np.bool_)
    present = [fold for fold in range(FOLDS) if (pages.folds == fold).any()]
    return {
        "default": pages.outcome([DecisionRule()] * FOLDS, everywhere)._asdict(),
        "cross-validated": pages.outcome(rules, everywhere)._asdict(),
        "folds": {k: pages.outcome(rules, pages.folds == k)._asdict() for k in present},
        "rules": [rule.as_values() for rule in rules],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Fits the rule, as the module says."""
    parser = argparse.ArgumentParser(description="Fit the decision rule of the line tagger.")
    parser.add_argument("data", type=Path)
    parser.add_argument("taggers", type=Path)
    parser.add_argument("--weights", type=Path, nargs="*", default=[])
    parser.add_argument("--harm", type=float, default=DecisionLimits().harm)
    parser.add_argument("--untouched", type=float, default=DecisionLimits().untouched)
    chosen = parser.parse_args(arguments)
    limits = DecisionLimits(chosen.untouched, chosen.harm)
    pages = load_fitting_set(chosen.data, chosen.taggers)
    rule = fit(pages, np.ones(len(pages.folds), np.bool_), limits=limits)
    found = report(pages, limits) | {"false alarms": false_alarms(chosen.data, pages)}
    for weights in chosen.weights:
        store(rule, weights)
    sys.stdout.write(json.dumps(found | {"rule": rule.as_values()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
