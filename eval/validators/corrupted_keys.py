"""Items with right and wrong keys, and the recorded programs that are to find the wrong ones.

The items are the questions of GSM8K (and SVAMP) for which real programs are recorded. SVAMP's
records lack the story before the question: they are joined by question and gold answer, and left
out where that is ambiguous. Half of the keys, drawn by a seed, are replaced by a wrong one that is
plausible:

    intermediate   a result of another step of the rationale (GSM8K only)
    near           one more or one less, or a tenth more or less
    scaled         ten times, a tenth of, twice or half the value
    mistaken       what a recorded program answered that got the item wrong

The kind is drawn evenly among those that the item allows. `mistaken` is drawn only where asked for:
such a key agrees with a real program's error, so the vote never rejects it (it rejects no key that
a program found) and may accept it. The draw depends on the seed and the item's id alone.
The items are parted by a digest of the question: the settings of the reasoner were
chosen on the development part, the other part was kept aside.
"""

import gzip
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple, cast

import orjson

from burnish.corpora.errors import SourceError
from burnish.corpora.records import QAItem, digest
from burnish.eval.datasets.recorded_programs import Recorded, read_recorded
from burnish.tools.answers.calculations import check_calculations
from burnish.tools.answers.compare import compare

Corruption = Literal["clean", "intermediate", "near", "scaled", "mistaken"]
Part = Literal["development", "aside"]


@dataclass(frozen=True, slots=True)
class KeyCase:
    """One item with the key it bears, and the programs recorded for it."""

    item: QAItem
    gold: str
    corruption: Corruption
    programs: tuple[Recorded, ...]

    @property
    def corrupted(self) -> bool:
        """Whether the key is wrong."""
        return self.corruption != "clean"

    @property
    def part(self) -> Part:
        """The part of the data the item belongs to."""
        even = int(digest(self.item.question)[:8], 16) % 2 == 0
        return "development" if even else "aside"


class _Wrong(NamedTuple):
    kind: Corruption
    key: str


def read_cases(
    data: Path, *, dataset: str = "gsm8k", seed: int = 0, hard: bool = False
) -> list[KeyCase]:
    """Read items and programs and corrupt half of the keys.

    Args:
        data: the folder of the labelled sets.
        dataset: `gsm8k` or `svamp`.
        seed: of the draw.
        hard: whether wrong keys are errors of recorded programs, where there is one.

    Raises:
        SourceError: a file cannot be read.
    """
    rationales = _rationales(data) if dataset == "gsm8k" else dict[str, str]()
    grouped: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
    for recorded in read_recorded(data / "pot_programs" / "pot_programs.jsonl.gz"):
        if recorded.family.endswith(f"/{dataset}"):
            own = "" if dataset == "gsm8k" else _whole(recorded.gold)
            grouped[recorded.question, own].append(recorded)
    cases = [
        _case(question, own, programs, rationales.get(question))
        for (question, own), programs in grouped.items()
        if len({program.model for program in programs}) == len(programs)
    ]
    return [_drawn(case, seed, hard=hard) for case in sorted(cases, key=lambda case: case.item.id)]


def _case(question: str, own: str, programs: Sequence[Recorded], rationale: str | None) -> KeyCase:
    gold = _whole(programs[0].gold)
    name = f"{digest(question)[:12]}{own and f'-{own}'}"
    item = QAItem(name, question, gold, domain="mathematics", rationale=rationale)
    return KeyCase(item, gold, "clean", tuple(sorted(programs, key=lambda p: (p.model, p.id))))


def _whole(gold: str) -> str:
    return gold.removesuffix(".0")


def _drawn(case: KeyCase, seed: int, *, hard: bool) -> KeyCase:
    draw = random.Random(f"{seed} {case.item.id}")
    if draw.random() < 0.5:
        return case
    wrong: dict[Corruption, list[str]] = defaultdict(list)
    for kind, key in _wrong(case):
        if (kind == "mistaken") == hard and compare(key, case.gold).relation == "different":
            wrong[kind].append(key)
    if not wrong:
        return case
    kind = draw.choice(sorted(wrong))
    key = draw.choice(wrong[kind])
    rationale = case.item.rationale
    if rationale is not None:
        rationale = f"{rationale.rpartition('####')[0]}#### {key}"
    return replace(case, item=replace(case.item, answer=key, rationale=rationale), corruption=kind)


def _wrong(case: KeyCase) -> list[_Wrong]:
    gold = Fraction(case.gold.replace(",", ""))
    steps = check_calculations(case.item.rationale or "").steps
    found = [
        _Wrong("intermediate", written(step.value)) for step in steps if step.value is not None
    ]
    near = (gold + 1, gold - 1, gold * Fraction(11, 10), gold * Fraction(9, 10))
    found += [_Wrong("near", written(value)) for value in near]
    found += [_Wrong("scaled", written(gold * f)) for f in (10, Fraction(1, 10), 2, Fraction(1, 2))]
    numbers = [program.number for program in case.programs if program.number is not None]
    return found + [_Wrong("mistaken", written(Fraction(number))) for number in numbers]


def written(value: Fraction) -> str:
    """Write a number as keys are written: whole, or with at most two decimals."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def _rationales(data: Path) -> Mapping[str, str]:
    path = data / "gsm8k" / "test.jsonl.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [cast("dict[str, str]", orjson.loads(line)) for line in lines]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not gzipped JSON Lines"
        raise SourceError(f"{path}: {reason}; give gsm8k/test.jsonl.gz") from None
    return {row["question"].strip(): row["rationale"] for row in rows}
