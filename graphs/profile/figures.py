"""The figures of a profile as plain JSON: what the report, `--json` and the planner show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.questions.question_source import QuestionRow
from burnish.tools.arrays import Floats
from burnish.tools.balance.divergence import bootstrap, jsd, sampled_floor
from burnish.tools.distractors.bias import length_bias, place_bias
from burnish.tools.items.flaws import MEANINGS
from burnish.tools.profile.cells import UNKNOWN, Coded
from burnish.tools.profile.pairwise import elo
from burnish.tools.profile.profile import Profile, Profiled

Figures = Mapping[str, Any]

_COLUMNS: Final = 24
_SHOWN: Final = 20
_DRAWS: Final = 500


def figures_of(
    profiled: Profiled,
    rows: Sequence[QuestionRow],
    target_rows: Sequence[QuestionRow],
    bad_rows: int,
    locations: tuple[str, str | None],
) -> Figures:
    """Return everything the report shows, as values that JSON has."""
    profile, target = profiled.profile, profiled.target
    figures: dict[str, Any] = {
        "input": locations[0],
        "target": locations[1],
        "items": len(rows),
        "bad_rows": bad_rows,
        "cells": _cells(profile, target),
        "difficulty": _difficulty(profiled),
        "buckets": _buckets(profile, target),
        "key_places": _places(rows),
        "key_length": _lengths(rows),
        "distractors": {name: _summary(values) for name, values in profile.signals.items()},
        "flags": _flags(profile),
        "multi_turn": sum(1 for row in rows if row.item.turns),
        "rationales": sum(1 for row in rows if row.item.rationale),
        "divergence": {} if target is None else _divergences(profiled, target),
    }
    if target is not None:
        figures["target_items"] = len(target_rows)
    return figures


def _cells(profile: Profile, target: Profile | None) -> list[Figures]:
    counts = profile.cells.counts()
    wanted = None if target is None else target.cells.counts()
    found: list[Figures] = []
    for at, name in enumerate(profile.cells.names):
        inside = profile.difficulty[profile.cells.codes == at]
        known = inside[~np.isnan(inside)]
        row: dict[str, Any] = {
            "name": name,
            "items": int(counts[at]),
            "share": float(counts[at] / max(counts.sum(), 1)),
            "difficulty": float(known.mean()) if len(known) else None,
        }
        if wanted is not None:
            row["target_share"] = float(wanted[at] / max(wanted.sum(), 1))
        found.append(row)
    return sorted(found, key=lambda row: (-row["items"], row["name"]))


def _difficulty(profiled: Profiled) -> Figures:
    profile, fit = profiled.profile, profiled.fit
    known = ~np.isnan(profile.difficulty)
    if fit is None or not known.any():
        return {"known": 0, "models": len(profiled.models)}
    order = np.argsort(-fit.ability)
    low, high = np.quantile(profile.difficulty[known], [0.01, 0.99])
    counts, edges = np.histogram(np.clip(profile.difficulty[known], low, high), _COLUMNS)
    return {
        "known": int(known.sum()),
        "answers": int(profile.answers.sum()),
        "models": len(profiled.models),
        "told_by": "answers" if len(fit.ability) else "judgements",
        "median_error": _known(float(np.median(profile.error[known]))),
        "spread": fit.spread,
        "histogram": {
            "counts": [int(count) for count in counts],
            "low": float(edges[0]),
            "high": float(edges[-1]),
        },
        "abilities": [
            {
                "model": profiled.models[at],
                "ability": float(fit.ability[at]),
                "elo": float(elo(fit.ability[at : at + 1])[0]),
            }
            for at in order[:_SHOWN]
        ],
        "hardest": _extreme(profile, known, hardest=True),
        "easiest": _extreme(profile, known, hardest=False),
    }


def _extreme(profile: Profile, known: NDArray[np.bool_], *, hardest: bool) -> list[Figures]:
    places = np.flatnonzero(known)
    order = places[np.argsort(profile.difficulty[places], kind="stable")]
    chosen = order[::-1][:5] if hardest else order[:5]
    ratings = elo(profile.difficulty)
    return [
        {
            "id": profile.ids[at],
            "difficulty": float(profile.difficulty[at]),
            "error": _known(float(profile.error[at])),
            "elo": float(ratings[at]),
        }
        for at in chosen
    ]


def _known(value: float) -> float | None:
    """Return a value that JSON has: nothing for nan."""
    return None if np.isnan(value) else value


def _buckets(profile: Profile, target: Profile | None) -> Figures:
    labels = profile.buckets.labels()
    rows: list[Figures] = []
    for at in (*range(len(labels)), UNKNOWN):
        count = int((profile.bucket == at).sum())
        row: dict[str, Any] = {
            "bucket": at,
            "holds": "not known" if at == UNKNOWN else labels[at],
            "items": count,
            "share": count / max(len(profile.ids), 1),
        }
        if target is not None:
            row["target_share"] = float((target.bucket == at).mean())
        if at != UNKNOWN or count:
            rows.append(row)
    return {
        "edges": list(profile.buckets.edges),
        "elo_edges": [float(one) for one in elo(np.array(profile.buckets.edges))],
        "rows": rows,
    }


def _places(rows: Sequence[QuestionRow]) -> list[Figures]:
    found = place_bias([row.key for row in rows], [len(row.item.choices) for row in rows])
    by_items = sorted(found.items(), key=lambda one: -sum(one[1].counts))
    return [{"choices": size, **bias._asdict()} for size, bias in by_items]


def _lengths(rows: Sequence[QuestionRow]) -> Figures | None:
    found = length_bias([row.item.choices for row in rows], [row.key for row in rows])
    return None if found is None else found._asdict()


def _summary(values: Floats) -> Figures:
    known = values[~np.isnan(values)]
    if not len(known):
        return {"items": 0}
    low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
    return {
        "items": len(known),
        "mean": float(known.mean()),
        "low": float(low),
        "median": float(middle),
        "high": float(high),
    }


def _flags(profile: Profile) -> list[Figures]:
    counted = Counter(flag for flags in profile.flags for flag in flags)
    return [
        {
            "name": flag,
            "means": meaning,
            "items": counted[flag],
            "first": [profile.ids[at] for at in profile.flagged(flag)[:5]],
        }
        for flag, meaning in MEANINGS.items()
        if counted[flag]
    ]


def _divergences(profiled: Profiled, target: Profile) -> Figures:
    profile = profiled.profile
    found = {"cells": _divergence(profile.cells, target.cells)}
    measured = (profile.bucket != UNKNOWN).any() and (target.bucket != UNKNOWN).any()
    if measured and profiled.comparable:
        found["difficulty"] = _divergence(*_difficulty_codes(profile, target))
        found["cells_and_difficulty"] = _divergence(*_same_places(profile, target))
    return found


def _difficulty_codes(profile: Profile, target: Profile) -> tuple[Coded, Coded]:
    names = (*map(str, range(len(profile.buckets))), "?")
    codes = [
        np.where(one.bucket == UNKNOWN, len(names) - 1, one.bucket) for one in (profile, target)
    ]
    return Coded(names, codes[0]), Coded(names, codes[1])


def _same_places(profile: Profile, target: Profile) -> tuple[Coded, Coded]:
    """Cross cells with buckets over one list of places, `@?` included."""
    width = len(profile.buckets) + 1
    places: list[Coded] = []
    names = tuple(f"{cell} {at}" for cell in profile.cells.names for at in range(width))
    for one in (profile, target):
        own = np.where(one.bucket == UNKNOWN, width - 1, one.bucket)
        places.append(Coded(names, one.cells.codes * width + own))
    return places[0], places[1]


def _divergence(own: Coded, target: Coded) -> Figures:
    counts, wanted = own.counts(), target.counts()
    between = bootstrap(counts, wanted, draws=_DRAWS)
    floor = sampled_floor(wanted, int(counts.sum()), draws=_DRAWS)
    return {
        "bits": jsd(counts, wanted),
        "interval": [between.low, between.high],
        "floor": floor.value,
        "floor_interval": [floor.low, floor.high],
        "reducible": max(between.value - floor.value, 0.0),
    }
