"""The profile of a QA set: where each item stands, how hard it is, what is wrong with it.

A `Profile` is what plans are made from. Two sets are profiled together, so that their cells have
the same codes and, where the same models answered both, their difficulties the same scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np

from burnish.corpora.questions.question_source import QuestionRow
from burnish.corpora.storage.spill import Chained
from burnish.tools.arrays import Floats, Ints, Vectors
from burnish.tools.distractors.bias import distractor_worth, pick_rates
from burnish.tools.items.flaws import DUPLICATE, NEAR_DUPLICATE, find_flaws
from burnish.tools.items.near_duplicates import THRESHOLD, Duplicate, find_duplicates, item_text
from burnish.tools.profile.cells import (
    UNKNOWN,
    Buckets,
    Coded,
    cell_name,
    code_names,
    code_strata,
    quantile_buckets,
)
from burnish.tools.profile.content_features import content_features
from burnish.tools.profile.content_prior import FOLDS, fit_with_content
from burnish.tools.profile.pairwise import Judgements, judged_difficulty
from burnish.tools.profile.rasch import Difficulty, Records, fit_rasch

BUCKETS: Final = 5
PRIOR_ITEMS: Final = 20 * FOLDS
"""Items with answers from which a prior is learnt from content."""


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """How a set is profiled."""

    buckets: int = BUCKETS
    """Difficulty buckets that hold equally many items of the target (or of the set alone)."""
    edges: tuple[float, ...] | None = None
    """Edges of the buckets in logits; they take the place of `buckets`."""
    content_prior: bool = True
    """Let an item's content say what its answers leave open; learnt on other items."""
    slopes: bool = False
    """Let each model have a slope of its own."""
    online_elo: bool = False
    """Rate judgements by online Elo, in their order, instead of Bradley and Terry's model."""
    similarity: float = THRESHOLD
    """From which two items are nearly the same."""
    seed: int = 0


class SetVectors(NamedTuple):
    """Vectors of a set's texts."""

    questions: Vectors
    """A unit row for each item: question and choices."""
    choices: Vectors
    """A unit row for each choice, item after item."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What is known of each item; all arrays are in the order of `ids`."""

    ids: tuple[str, ...]
    cells: Coded
    """The cell of each item; names may be in it that only the other set has."""
    difficulty: Floats
    """In logits, 0 for the average item; nan where nothing tells it."""
    error: Floats
    """Standard error of the difficulty, in logits."""
    answers: Ints
    """Answer records that each item has."""
    buckets: Buckets
    bucket: Ints
    """Difficulty bucket, 0 the easiest; UNKNOWN where nothing tells the difficulty."""
    flags: tuple[tuple[str, ...], ...]
    """What is wrong with each item; `item_flaws.MEANINGS` says what each flag means."""
    duplicates: tuple[Duplicate, ...] = ()
    signals: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    """Further figures by name (plausibility, diversity, top_distractor, working_distractors)."""

    @property
    def places(self) -> Coded:
        """Return cells crossed with difficulty buckets."""
        return code_strata(self.cells, self.bucket, len(self.buckets))

    def flagged(self, flag: str) -> Ints:
        """Return the items that carry a flag."""
        found = [at for at, flags in enumerate(self.flags) if flag in flags]
        return np.array(found, np.int64)


class Profiled(NamedTuple):
    """A set, and the reference set beside it where there is one."""

    profile: Profile
    target: Profile | None
    fit: Difficulty | None
    """The common fit: items of the set first, then those of the target."""
    models: tuple[str, ...]
    comparable: bool
    """Whether difficulties of the two sets are on one scale: some model answered both."""


def profile_sets(
    rows: Sequence[QuestionRow],
    target: Sequence[QuestionRow] = (),
    settings: ProfileSettings | None = None,
    vectors: SetVectors | None = None,
    target_vectors: SetVectors | None = None,
    judgements: Judgements | None = None,
) -> Profiled:
    """Profile a set, and a reference set on the same cells, scale and buckets.

    Args:
        rows: the set.
        target: the reference; empty for none.
        settings: how.
        vectors: of the set's texts, for the worth of distractors and the content prior.
        target_vectors: of the target's.
        judgements: which item of two is the harder, by place: first the set, then the target; they
            decide the difficulties, and answer records do not.
    """
    settings = settings or ProfileSettings()
    both = Chained(rows, target)
    names = [cell_name(row.item.domain, row.item.skill) for row in both]
    cells = code_names(names, sorted(set(names)))
    records, models = answer_records(both)
    shared = {int(model) for model in np.unique(records.model[records.item < len(rows)])}
    others = {int(model) for model in np.unique(records.model[records.item >= len(rows)])}
    if judgements is None:
        fit = fit_rows(both, records, settings, _stacked(vectors, target_vectors, target))
        comparable = bool(shared & others)
    else:
        fit = judged_difficulty(judgements, online=settings.online_elo)
        own = judgements.first < len(rows)
        comparable = bool((own != (judgements.second < len(rows))).any())
        models = ()
    known = _known(fit, len(both))
    edges = _buckets(known, len(rows), settings)
    parts = (slice(0, len(rows)), slice(len(rows), len(both)))
    profiles = [
        _profile(group, Coded(cells.names, cells.codes[own]), settings)
        for group, own in zip((rows, target), parts, strict=True)
    ]
    profiles = [
        _measured(one, known[own], fit, own, edges)
        for one, own in zip(profiles, parts, strict=True)
    ]
    first = _with_worth(profiles[0], rows, vectors)
    second = _with_worth(profiles[1], target, target_vectors) if target else None
    return Profiled(first, second, fit, models, not target or comparable)


def answer_records(rows: Sequence[QuestionRow]) -> tuple[Records, tuple[str, ...]]:
    """Return all answers as records, and the names of the models."""
    models = tuple(sorted({model for row in rows for model in row.answers}))
    place = {name: at for at, name in enumerate(models)}
    count = [len(row.answers) for row in rows]
    item = np.repeat(np.arange(len(rows)), count)
    model = np.array([place[name] for row in rows for name in row.answers], np.int64)
    right = [answer.correct for row in rows for answer in row.answers.values()]
    records = Records(item, model, np.array(right, np.bool_), len(rows), len(models))
    return records, models


def _stacked(
    first: SetVectors | None, second: SetVectors | None, target: Sequence[QuestionRow]
) -> Vectors | None:
    if first is None or (target and second is None):
        return None
    return first.questions if second is None else np.vstack([first.questions, second.questions])


def fit_rows(
    rows: Sequence[QuestionRow],
    records: Records,
    settings: ProfileSettings,
    vectors: Vectors | None = None,
) -> Difficulty | None:
    """Fit how hard items are, with what their content tells where enough have answers.

    None stands for no answer to any item.

    Args:
        rows: the items.
        records: their answers.
        settings: whether content counts, and its seed.
        vectors: a unit row for each item.
    """
    if not len(records.item):
        return None
    answered = int((records.answers() > 0).sum())
    if not settings.content_prior or answered < PRIOR_ITEMS:
        return fit_rasch(records, slopes=settings.slopes)
    cells = [cell_name(row.item.domain, row.item.skill) for row in rows]
    domains = [cell_name(row.item.domain, None) for row in rows]
    items = (row.item for row in rows)
    features = content_features(items, cells, vectors, seed=settings.seed)
    codes = code_names(domains, sorted(set(domains))).codes
    return fit_with_content(records, features, codes, slopes=settings.slopes, seed=settings.seed)


def _known(fit: Difficulty | None, items: int) -> Floats:
    """Return the difficulties, nan where there is no answer and so no measurement."""
    if fit is None:
        return np.full(items, np.nan)
    return np.where(fit.answers > 0, fit.difficulty, np.nan)


def _buckets(known: Floats, own: int, settings: ProfileSettings) -> Buckets:
    if settings.edges is not None:
        return Buckets(settings.edges)
    target = known[own:]
    measured = target if (~np.isnan(target)).any() else known[:own]
    return quantile_buckets(measured, settings.buckets)


def _profile(rows: Sequence[QuestionRow], cells: Coded, settings: ProfileSettings) -> Profile:
    """Return all of a profile that needs no difficulties."""
    copies = find_duplicates(
        (item_text(row.item) for row in rows), threshold=settings.similarity, seed=settings.seed
    )
    marks = {one.item: DUPLICATE if one.exact else NEAR_DUPLICATE for one in copies}
    flags = tuple(
        (
            *find_flaws(row.item, several_keys=row.several_keys),
            *([marks[at]] if at in marks else []),
        )
        for at, row in enumerate(rows)
    )
    nothing = np.full(len(rows), np.nan)
    return Profile(
        tuple(row.item.id for row in rows),
        cells,
        nothing,
        nothing,
        np.zeros(len(rows), np.int64),
        Buckets(()),
        np.full(len(rows), UNKNOWN),
        flags,
        tuple(copies),
        _pick_signals(rows),
    )


def _measured(
    profile: Profile, known: Floats, fit: Difficulty | None, own: slice, buckets: Buckets
) -> Profile:
    if fit is None:
        return profile
    return replace(
        profile,
        difficulty=known,
        error=np.where(np.isnan(known), np.nan, fit.error[own]),
        answers=fit.answers[own],
        buckets=buckets,
        bucket=buckets.of(known),
    )


def _pick_signals(rows: Sequence[QuestionRow]) -> dict[str, Floats]:
    picks = [
        pick_rates(
            [one.picked for one in row.answers.values() if one.picked is not None],
            len(row.item.choices),
            row.key,
        )
        for row in rows
    ]
    if not any(picks):
        return {}
    nan = float("nan")
    return {
        "top_distractor": np.array([nan if one is None else one.top for one in picks]),
        "working_distractors": np.array([nan if one is None else one.working for one in picks]),
    }


def _with_worth(
    profile: Profile, rows: Sequence[QuestionRow], vectors: SetVectors | None
) -> Profile:
    if vectors is None:
        return profile
    starts = np.cumsum([0, *(len(row.item.choices) for row in rows)])
    worth = distractor_worth(vectors.choices, starts, [row.key for row in rows])
    signals = {
        "plausibility": np.array([one.plausibility for one in worth]),
        "diversity": np.array([one.diversity for one in worth]),
    }
    return replace(profile, signals={**profile.signals, **signals})
