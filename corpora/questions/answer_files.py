"""Answer records that lie in a file of their own, and name the items they are of."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.answer_records import Answer, answers_of, find_records
from burnish.corpora.questions.question_source import QuestionRow, loose_rows
from burnish.corpora.readers.locations import find_parts
from burnish.corpora.readers.row_checks import no_column

_SAMPLE: Final = 200


def join_answers(rows: Sequence[QuestionRow], location: str, name: str) -> list[QuestionRow]:
    """Add the answers in a file to the items they are of; items that it does not name stay.

    Args:
        rows: the items.
        location: a file, folder or pattern with a column of ids and columns of records.
        name: the column of ids.

    Raises:
        SourceError: it cannot be read, has no such column or no records, or names no item here.
    """
    parts = find_parts(location)
    sample = [row for part in parts for row in islice(loose_rows(part), _SAMPLE)]
    columns = tuple(dict.fromkeys(column for row in sample for column in row))
    if name not in columns:
        raise SourceError(no_column(parts[0].name, name, columns, "--id-field"))
    records = find_records(columns, sample, {name}, None)
    if not records:
        raise SourceError(f"{parts[0].name}: no column tells how models answered")
    place = {row.item.id: at for at, row in enumerate(rows)}
    joined = list(rows)
    found = 0
    for part in parts:
        for cells in loose_rows(part):
            at = place.get(str(cells.get(name)))
            if at is None:
                continue
            found += 1
            own = joined[at]
            more = answers_of(cells, records, own.key, len(own.item.choices))
            answers: dict[str, Answer] = {**own.answers, **more}
            joined[at] = replace(own, answers=answers)
    if not found:
        raise SourceError(f"{parts[0].name}: its {name!r} names none of the items")
    return joined
