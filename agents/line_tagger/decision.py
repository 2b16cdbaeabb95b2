"""From P(keep) of the lines to a decision: the bar of a text, clean texts, worthless texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Masks: TypeAlias = list[NDArray[np.bool_]]
_Doubles: TypeAlias = NDArray[np.float64]
_Places: TypeAlias = NDArray[np.signedinteger[Any]]
_Flags: TypeAlias = NDArray[np.bool_]

ERROR_PAGE: Final = "error_page"
SPAM: Final = "spam"
_LEVELS: Final = 200


class Tagged(Protocol):
    """P(keep) and the number of words of each line of a text (0 words: a blank line)."""

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """P(keep) of each line."""
        ...

    @property
    def weights(self) -> NDArray[np.float32]:
        """Words of each line."""
        ...


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """What a decision depends on beside the probabilities; fitted by `fit_decision`.

    The bar of a text is half its best expected token F1, and at most `threshold`.
    A text without a line whose P(keep) is below `sure_noise` stays whole, unless its noise forms a
    frame: `frame_lines` lines or more at its start and as many at its end fall below the bar, as
    do `frame_share` of all its lines, and the mean P(keep) of these is under `frame_noise`.
    """

    threshold: float = 0.4
    sure_noise: float = 0.025
    frame_lines: int = 4
    frame_share: float = 0.4
    frame_noise: float = 0.18

    @classmethod
    def of(cls, values: Mapping[str, float]) -> DecisionRule:
        """The rule stored as `values`; ValueError where they are not those of a rule."""
        if set(values) != {field.name for field in fields(cls)}:
            raise ValueError("the decision rule has other values")
        numbers = {name: float(value) for name, value in values.items()}
        lines = int(numbers.pop("frame_lines"))
        return cls(**numbers, frame_lines=lines)

    def as_values(self) -> dict[str, float]:
        """The plain numbers, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Batch:
    """The lines that have words, of all texts together; `owner` is the text of each."""

    count: int
    owner: _Places
    keep: _Doubles
    weights: _Doubles

    def sums(self, values: _Doubles | _Flags) -> _Doubles:
        """The sum of `values` (one a line) over each text."""
        return np.bincount(self.owner, values, self.count).astype(np.float64, copy=False)


def decide(
    tagged: Sequence[Tagged], rule: DecisionRule, *, threshold: float | None = None
) -> Masks:
    """Which lines to keep, one flag a line for each text.

    A line is kept when its probability reaches the bar of its text, see `DecisionRule`. Half the
    best expected F1 is the bar that maximises the expected F1 of independent lines (Lipton,
    Elkan and Narayanaswamy 2014, "Optimal thresholding of classifiers to maximize F1 measure").
    `threshold` replaces that of the rule: 0 keeps everything, and a higher one deletes more.
    """
    if not tagged:
        return []
    sizes = [len(text.probabilities) for text in tagged]
    owner = np.repeat(np.arange(len(tagged)), sizes)
    keep = np.concatenate([text.probabilities for text in tagged]).astype(np.float64)
    weights = np.concatenate([text.weights for text in tagged]).astype(np.float64)
    shown = weights > 0
    batch = _Batch(len(tagged), owner[shown], keep[shown], weights[shown])
    best = _best_f1(batch) / 2
    whole = ~_has_sure_noise(batch, rule) & ~_is_framed(batch, best, rule)
    bars = np.minimum(best, rule.threshold if threshold is None else threshold)
    bars[whole] = 0
    return np.split(keep >= bars[owner], np.cumsum(sizes)[:-1])


def _best_f1(batch: _Batch) -> _Doubles:
    """The best expected token F1 of each text over all bars, with lines taken as independent."""
    # The lines fall into 200 levels, the surest first, so that one count and one running sum stand
    # for a sort of every text; the bar is off by less than 1/200. What stays above a bar has the
    # expected F1 2 E[right] / (words kept + E[words to keep]).
    level = _LEVELS - 1 - np.minimum((batch.keep * _LEVELS).astype(np.int64), _LEVELS - 1)
    slot = batch.owner * _LEVELS + level
    shape = batch.count, _LEVELS
    size = batch.count * _LEVELS
    weight = np.bincount(slot, weights=batch.weights, minlength=size).reshape(shape)
    gain = np.bincount(slot, weights=batch.weights * batch.keep, minlength=size).reshape(shape)
    gains = np.cumsum(gain, axis=1)
    f1 = 2 * gains / np.maximum(np.cumsum(weight, axis=1) + gains[:, -1:], 1e-9)
    return f1.max(axis=1)


def _has_sure_noise(batch: _Batch, rule: DecisionRule) -> _Flags:
    return batch.sums(batch.keep < rule.sure_noise) > 0


def _is_framed(batch: _Batch, best: _Doubles, rule: DecisionRule) -> _Flags:
    # Under the rule's own threshold, so that a higher one given to `decide` never keeps more.
    low = batch.keep < np.minimum(best, rule.threshold)[batch.owner]
    lines = batch.sums(np.ones(len(low)))
    noise = batch.sums(low)
    mean = batch.sums(np.where(low, batch.keep, 0)) / np.maximum(noise, 1)
    stops = np.cumsum(lines).astype(np.int64)
    starts = stops - lines.astype(np.int64)
    # Kept lines are in order over the whole batch: those from `first` to `last` are a text's own,
    # none where first > last. The pad is for places after the last of all.
    kept = np.flatnonzero(~low)
    first = np.searchsorted(kept, starts)
    last = np.searchsorted(kept, stops) - 1
    padded = np.concatenate((kept, [0]))
    head, tail = padded[first] - starts, stops - 1 - padded[last]
    return (
        (first <= last)
        & (np.minimum(head, tail) >= rule.frame_lines)
        & (noise >= rule.frame_share * lines)
        & (mean < rule.frame_noise)
    )


ERROR_WORDS: Final = 60
"""An error page is expected to have fewer words of content than this."""

_ERROR: Final = re.compile(
    r"^\W*(?:http |error |erreur |fehler )?(?:40[0134]|410|50[0234])\b\W*"
    r"(?:$|page|not|error|forbidden|unauthorized|gone|internal|bad|service|gateway)"
    r"|\b(?:page|file|url|address|content) (?:was |is |could |can ?)?(?:not|n.t|not be|n.t be)"
    r" (?:be )?(?:found|available)\b|^\W*(?:error\W+)?(?:page )?not found\W*$|\bpage can.t be found"
    r"|\bpage (?:that )?you (?:requested|are looking for|were looking for)\b"
    r"|\bpage (?:is )?no longer (?:available|exists)\b|\bnot found on this server\b"
    r"|^\W*(?:access (?:denied|forbidden)|internal server error|service unavailable|bad gateway)"
    r"|\bplease (?:enable|turn on) (?:javascript|cookies)\b|^\W*this domain (?:name )?is for sale"
    r"|\b(?:site|website|page) is (?:down for|under(?:going)?) maintenance\b"
    r"|\bseite (?:wurde )?nicht gefunden\b|\bpage (?:introuvable|non trouvée)\b"
    r"|\bpágina no encontrada\b|\bpagina non trovata\b|页面不存在"
    r"|找不到.{0,6}页面|未找到.{0,6}页面",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST_ERROR: Final = 4000

_SPAM_CHARACTERS: Final = 2500
_SPAM_WORDS: Final = 45
_SPAM_VARIETY: Final = 0.45
_SPAM_SCORE: Final = 0.55
_SPAM_PAIR: Final = 0.07
_LETTERS: Final = re.compile(r"[^\W\d_]{3,}")
_SELLING_TEXT: Final = (
    "approved backlinks best bonus buy casino cheap cheapest click codes deal deals "
    "discount download free loan loans now offer offers online order pills poker price "
    "prices replica sale seo today"
)
_SELLING: Final = frozenset(_SELLING_TEXT.split())
_JOINING_TEXT: Final = (
    "about all also and any are been but can for from had has have her here his into its "
    "may more not one our out she than that the their them then there they this use was "
    "were what when which who will with you your"
)
_JOINING: Final = frozenset(_JOINING_TEXT.split())


def worthless(text: str, tagged: Tagged) -> str:
    """Why nothing of `text` is worth keeping: ERROR_PAGE, SPAM, or "" where something is.

    An error page says so on a line and is expected to have little content; spam repeats a few
    words and sells. Both avoid false alarms: a text that only looks poor is left to `decide`.
    """
    expected = float(tagged.probabilities @ tagged.weights)
    if expected < ERROR_WORDS and len(text) <= _LONGEST_ERROR and _ERROR.search(text):
        return ERROR_PAGE
    return SPAM if _is_spam(text[:_SPAM_CHARACTERS].lower()) else ""


def _is_spam(text: str) -> bool:
    # The cheap bound first: few texts have so few different words, and only they are counted.
    rough = text.split()
    if len(rough) < _SPAM_WORDS or len(set(rough)) > _SPAM_VARIETY * len(rough):
        return False
    # Each line once: a menu that stands twice on a page is no spam.
    words = _LETTERS.findall("\n".join(dict.fromkeys(text.split("\n"))))
    if len(words) < _SPAM_WORDS:
        return False
    counts = Counter(words)
    pair = max(Counter(pairwise(words)).values())
    content = Counter({word: n for word, n in counts.items() if word not in _JOINING})
    top = sum(n for _, n in content.most_common(2))
    selling = sum(counts[word] for word in _SELLING)
    return pair >= _SPAM_PAIR * len(words) and top + selling >= _SPAM_SCORE * len(words)
