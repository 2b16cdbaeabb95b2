"""Scores of the line tagger on labelled pages, with intervals by resampling the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from burnish.agents.line_tagger.decision import DecisionRule, decide
from burnish.agents.line_tagger.tagger import TaggedText
from burnish.agents.line_training.corpus import LabelledPage, LinePageScore, PageScorer

RESAMPLES: Final = 1000
_BINS: Final = 15

DEFAULT_RULE: Final = DecisionRule()


@dataclass(frozen=True)
class SetScore:
    """Means over pages, but `harm` and `missed`, which are shares of all characters.

    `f1_low` and `f1_high` bound the 95 % interval of `f1`.
    """

    pages: int
    f1: float
    f1_low: float
    f1_high: float
    precision: float
    recall: float
    harm: float
    harm_page: float
    missed: float


def score_pages(
    scorers: Sequence[PageScorer],
    tagged: Sequence[TaggedText],
    rule: DecisionRule = DEFAULT_RULE,
) -> list[LinePageScore]:
    """The score of each page under the tagger's decision."""
    keeps = decide(tagged, rule)
    return [scorer.score(keep) for scorer, keep in zip(scorers, keeps, strict=True)]


def summarize(scores: Sequence[LinePageScore]) -> SetScore:
    """The summary of at least one page's score."""
    f1 = np.array([score.f1 for score in scores])
    rng = np.random.default_rng(0)
    means = f1[rng.integers(len(f1), size=(RESAMPLES, len(f1)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    lost = np.array([score.lost for score in scores], np.float64)
    kept = np.array([score.kept_characters for score in scores], np.float64)
    return SetScore(
        pages=len(scores),
        f1=round(float(f1.mean()), 4),
        f1_low=round(float(low), 4),
        f1_high=round(float(high), 4),
        precision=round(float(np.mean([score.precision for score in scores])), 4),
        recall=round(float(np.mean([score.recall for score in scores])), 4),
        harm=_ratio(float(lost.sum()), float(kept.sum())),
        harm_page=round(float((lost / np.maximum(kept, 1)).mean()), 4),
        missed=_ratio(
            sum(score.missed for score in scores), sum(score.noise_characters for score in scores)
        ),
    )


def by_group(
    pages: Sequence[LabelledPage], scores: Sequence[LinePageScore], key: str
) -> Mapping[str, SetScore]:
    """Summaries of the pages by an attribute of theirs: `kind`, `language` or `source`."""
    groups: dict[str, list[LinePageScore]] = {}
    for page, score in zip(pages, scores, strict=True):
        groups.setdefault(str(getattr(page, key)), []).append(score)
    return {name: summarize(groups[name]) for name in sorted(groups)}


def measure_calibration(
    pages: Sequence[LabelledPage], tagged: Sequence[TaggedText]
) -> Mapping[str, float]:
    """Expected calibration error and Brier score over the labelled lines."""
    keep, truth = _labelled(pages, tagged)
    slot = np.minimum((keep * _BINS).astype(np.int64), _BINS - 1)
    count = np.maximum(np.bincount(slot, minlength=_BINS), 1)
    gap = np.bincount(slot, weights=keep - truth, minlength=_BINS) / count
    share = np.bincount(slot, minlength=_BINS) / max(len(keep), 1)
    return {
        "ece": round(float((np.abs(gap) * share).sum()), 4),
        "brier": round(float(((keep - truth) ** 2).mean()), 4),
    }


def find_temperature(pages: Sequence[LabelledPage], tagged: Sequence[TaggedText]) -> float:
    """The temperature that gives the labelled lines the highest likelihood."""
    keep, truth = _labelled(pages, tagged)
    logits = np.log(np.clip(keep, 1e-4, 1 - 1e-4) / np.clip(1 - keep, 1e-4, 1 - 1e-4))
    losses: dict[float, float] = {}
    for step in range(10, 41):
        temperature = step / 20
        found = np.clip(1 / (1 + np.exp(-logits / temperature)), 1e-6, 1 - 1e-6)
        loss = truth * np.log(found) + (1 - truth) * np.log(1 - found)
        losses[temperature] = -float(loss.mean())
    return min(losses, key=lambda temperature: losses[temperature])


def share_untouched(tagged: Sequence[TaggedText], rule: DecisionRule = DEFAULT_RULE) -> float:
    """The share of texts of which every line is kept."""
    keeps = decide(tagged, rule)
    return round(float(np.mean([keep.all() for keep in keeps])), 4) if keeps else 1.0


def _labelled(
    pages: Sequence[LabelledPage], tagged: Sequence[TaggedText]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    keep = np.concatenate([text.probabilities for text in tagged]).astype(np.float64)
    truth = np.concatenate([page.keep for page in pages]).astype(np.float64)
    known = ~np.isnan(truth)
    return keep[known], (truth[known] > 0.5).astype(np.float64)


def _ratio(part: float, whole: float) -> float:
    return round(part / max(whole, 1), 4)


def as_rows(scores: Mapping[str, SetScore]) -> dict[str, dict[str, Any]]:
    """The scores as plain dictionaries, for JSON."""
    return {name: dict(vars(score)) for name, score in scores.items()}
