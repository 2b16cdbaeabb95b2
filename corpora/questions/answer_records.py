"""Records of who answered a question how, as the columns of a set give them.

Known forms: an object from model to True or False, or to the letter picked; a column for each
model, named by a prefix, that holds True, False, 0, 1, a letter, or an object with `correct` or
`is_correct`; a list of objects `{model, correct}` or `{model, answer}`.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, cast

from burnish.corpora.questions.choices import LETTERS
from burnish.corpora.questions.columns import Values
from burnish.corpora.records import Value

PREFIXES: Final = (
    "correct_",
    "is_correct_",
    "acc_",
    "pred_",
    "prediction_",
    "picked_",
    "answer_of_",
)
_CORRECT: Final = ("correct", "is_correct", "score", "acc")
_PICKED: Final = ("pred", "prediction", "answer", "picked", "choice")
_NAMES: Final = ("model", "name", "solver", "user")


class Answer(NamedTuple):
    """How one model answered."""

    correct: bool
    picked: int | None = None
    """Place of the choice it took; None where that is not told, or was none of them."""


def find_records(
    columns: Sequence[str], sample: Sequence[Values], taken: set[str], wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the columns that hold answer records: those named, or those that look like it."""
    if wanted is not None:
        return tuple(
            name for name in columns if any(fnmatchcase(name, pattern) for pattern in wanted)
        )
    free = [name for name in columns if name not in taken]
    return tuple(name for name in free if _looks_recorded(name, sample))


def answers_of(
    row: Values, columns: Sequence[str], key: int | None, choices: int
) -> dict[str, Answer]:
    """Return how each model answered, by the model's name; who did not answer is not in it.

    Args:
        row: the cells, those of the record columns at least.
        columns: where records are.
        key: place of the keyed choice; where there is none, letters say nothing.
        choices: how many choices there are.
    """
    found: dict[str, Answer] = {}
    for name in columns:
        value = row.get(name)
        several = cast("dict[str, Value]", value) if isinstance(value, dict) else {}
        if isinstance(value, list):
            for entry in cast("list[Value]", value):
                _take_entry(found, entry, key, choices)
        elif several and not any(mark in several for mark in _CORRECT):
            for model, one in several.items():
                _take(found, model, one, key, choices)
        else:
            _take(found, _bare_name(name), row.get(name), key, choices)
    return found


def _take(
    found: dict[str, Answer], model: str, value: Value, key: int | None, choices: int
) -> None:
    answer = _answer(value, key, choices)
    if answer is not None:
        # Two columns may tell of one model: its correctness, and what it picked.
        before = found.get(model)
        found[model] = answer if before is None or before.picked is None else before


def _take_entry(found: dict[str, Answer], entry: Value, key: int | None, choices: int) -> None:
    if not isinstance(entry, dict):
        return
    said = cast("dict[str, Value]", entry)
    name = next((said[one] for one in _NAMES if one in said), None)
    if name is not None:
        _take(found, str(name), said, key, choices)


def _answer(value: Value, key: int | None, choices: int) -> Answer | None:
    if isinstance(value, dict):
        said = cast("dict[str, Value]", value)
        marks = [said[one] for one in _CORRECT if one in said]
        picks = [said[one] for one in _PICKED if one in said]
        answer = _answer(marks[0], None, 0) if marks else None
        picked = _answer(picks[0], key, choices) if picks else None
        if answer is None or picked is None:
            return answer or picked
        return Answer(answer.correct, picked.picked)
    if isinstance(value, bool):
        return Answer(value)
    if isinstance(value, int | float):
        return Answer(bool(value)) if value in {0, 1} else None
    if not isinstance(value, str) or not value:
        return None
    if key is None:
        lowered = value.strip().lower()
        return Answer(lowered in {"1", "true"}) if lowered in {"0", "1", "true", "false"} else None
    if len(value) == 1 and value.isalpha():
        place = LETTERS.find(value.upper())
        return Answer(place == key, place if 0 <= place < choices else None)
    place = LETTERS.find(value.strip().strip("()[].: ").upper()) if len(value.strip()) < 4 else -1
    return Answer(place == key, place if 0 <= place < choices else None)


def _bare_name(column: str) -> str:
    lowered = column.lower()
    prefix = next((one for one in PREFIXES if lowered.startswith(one)), "")
    return column[len(prefix) :]


def _looks_recorded(name: str, sample: Sequence[Values]) -> bool:
    # An empty object or list says that nobody answered.
    held = [row[name] for row in sample if row.get(name) not in (None, [], {})]
    if not held:
        return False
    if name.lower().startswith(PREFIXES):
        return all(_is_record(value) or _is_mark(value) for value in held)
    return sum(map(_is_record, held)) * 10 >= len(held) * 9


def _is_mark(value: Value) -> bool:
    if isinstance(value, str):
        bare = value.strip().strip("()[].: ").lower()
        return bare in {"0", "1", "true", "false"} or (len(bare) == 1 and bare.isalpha())
    return isinstance(value, bool) or (isinstance(value, int | float) and value in {0, 1})


def _is_record(value: Value) -> bool:
    if isinstance(value, dict):
        said = cast("Mapping[str, Value]", value)
        if any(isinstance(said.get(mark), bool) for mark in _CORRECT):
            return True
        some = [one for one in said.values() if one is not None]
        if len(some) < 2:
            return False
        if all(isinstance(one, bool) for one in some):
            return True
        letters = sum(1 for one in some if isinstance(one, str) and one.strip("() .") in LETTERS)
        return letters * 2 > len(some)
    if isinstance(value, list):
        entries = cast("list[Value]", value)
        return bool(entries) and all(_is_entry(entry) for entry in entries)
    return False


def _is_entry(entry: Value) -> bool:
    if not isinstance(entry, dict):
        return False
    marked = any(mark in entry for mark in (*_CORRECT, *_PICKED))
    return marked and any(name in entry for name in _NAMES)
