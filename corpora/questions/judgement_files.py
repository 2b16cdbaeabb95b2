"""Pairwise judgements of difficulty that lie in a file: which of two items is the harder."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.question_source import loose_rows
from burnish.corpora.readers.locations import find_parts

HARDER, EASIER, DRAW = "harder", "easier", "draw"
_TRUE: Final = frozenset({"true", "1", "yes"})


class Judgement(NamedTuple):
    """Two items by their places, and whether they were found equally hard."""

    harder: int
    easier: int
    draw: bool


def read_judgements(location: str, ids: Sequence[str]) -> list[Judgement]:
    """Read the judgements of some items, in the order of the file.

    A row names two items by id in the columns `harder` and `easier`; a true `draw` says that they
    are equally hard. Rows that name other items are passed over.

    Args:
        location: a file, folder or pattern.
        ids: of the items; the first of equal ids counts.

    Raises:
        SourceError: it cannot be read, has not these columns, names none of the items, or puts an
            item against itself.
    """
    place = {name: at for at, name in reversed(list(enumerate(ids)))}
    found: list[Judgement] = []
    for part in find_parts(location):
        for number, cells in enumerate(loose_rows(part), 1):
            if missing := [column for column in (HARDER, EASIER) if column not in cells]:
                why = f"{part.name}, row {number}: no {missing[0]!r}; a row names two items by id"
                raise SourceError(f"{why}, in {HARDER!r} and {EASIER!r}")
            harder, easier = (place.get(str(cells[column])) for column in (HARDER, EASIER))
            if harder is None or easier is None:
                continue
            if harder == easier:
                why = f"{part.name}, row {number}: an item is judged against itself"
                raise SourceError(f"{why}; take the row out")
            drawn = str(cells.get(DRAW)).casefold() in _TRUE
            found.append(Judgement(harder, easier, drawn))
    if not found:
        raise SourceError(f"{location}: no row of it names two of the items")
    return found
