"""A QA set in memory: its items in order, the rows they came from, and the columns they go to."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.columns import Layout
from burnish.corpora.questions.items import to_row
from burnish.corpora.questions.question_source import (
    BadRow,
    QuestionFields,
    QuestionRow,
    RawQuestion,
    RowSelection,
    make_question,
    open_questions,
)
from burnish.corpora.readers.locations import find_parts
from burnish.corpora.readers.schema import made_column, with_made, without_nulls
from burnish.corpora.records import QAItem, Value
from burnish.corpora.storage.spill import Mapped, Spill, pack
from burnish.corpora.storage.type_inference import Kinds, columns_of
from burnish.graphs.runs.question_settings import QaSettings
from burnish.graphs.runs.worker_pool import map_parts

ROWS_AT_ONCE = 1000
"""Rows that a worker makes items of, or items that it looks at or makes rows of, at once."""


class Means(NamedTuple):
    """What work on a set may use; what comes out does not depend on it."""

    folder: Path | None = None
    """Where texts lie while they are not needed; None: where temporary files go."""
    workers: int = 1
    """Processes that do what concerns one row or one item."""


HERE = Means()


@dataclass(frozen=True, slots=True)
class QASet:
    """The items of a set and what is needed to write them as its own rows."""

    location: str
    digest: str
    layout: Layout
    schema: pa.Schema
    rows: Sequence[QuestionRow]
    """Read anew from a file without a name each time they are gone through."""
    bad: Sequence[BadRow] = ()
    made_ids: str | None = None
    """Name of the column of ids, where the set has none and they are made."""
    places: Mapping[str, int] = field(default_factory=dict[str, int])
    """Where in `rows` an item is, by its id."""
    sources: tuple[str, ...] = ()
    """Names of the files, in order."""
    chars: int = 0
    """Characters of all questions."""

    @property
    def numbered(self) -> bool:
        """Tell whether ids are whole numbers."""
        at = -1 if self.layout.id is None else self.schema.get_field_index(self.layout.id)
        return at >= 0 and pa.types.is_integer(self.schema.field(at).type)

    @property
    def items(self) -> Sequence[QAItem]:
        """Return the items in order, each made when it is asked for."""
        return Mapped(_item_of, self.rows)

    def item(self, name: str) -> QAItem:
        """Return the item with an id.

        Raises:
            KeyError: there is none.
        """
        return self.rows[self.places[name]].item

    @property
    def form(self) -> "RowForm":
        """Return how items become rows of the set."""
        return RowForm(self.layout, self.schema, self.made_ids, self.numbered)

    def table(self, items: Iterable[QAItem]) -> pa.Table:
        """Return items as a table of the set's columns."""
        return self.form.table(items)

    def fits(self, item: QAItem) -> bool:
        """Tell whether the columns of the set can hold the item."""
        try:
            self.table([item])
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class RowForm:
    """How items become rows of a set; it travels to other processes."""

    layout: Layout
    schema: pa.Schema
    made_ids: str | None
    numbered: bool

    def row_of(self, item: QAItem) -> dict[str, Value]:
        """Return an item as a row of the set; what the set has no column for is left out."""
        row = to_row(item, self.layout)
        if self.made_ids is not None:
            row = {self.made_ids: item.id, **row}
        elif self.numbered and self.layout.id is not None:
            row[self.layout.id] = int(item.id)
        return {name: row.get(name) for name in self.schema.names}

    def table(self, items: Iterable[QAItem]) -> pa.Table:
        """Return items as a table of the set's columns."""
        rows = [self.row_of(item) for item in items]
        return pa.Table.from_batches([columns_of(rows, self.schema)])


def fields_of(settings: QaSettings, identity: str | None = None) -> QuestionFields:
    """Return the columns as the settings name them."""
    return QuestionFields(
        id=identity,
        question=settings.question,
        answer=settings.answer,
        choices=settings.choices,
        domain=settings.domain,
        skill=settings.skill,
        rationale=settings.rationale,
        context=settings.context,
        turns=settings.turns,
        records=None if settings.records is None else tuple(settings.records),
    )


def read_set(
    location: str,
    fields: QuestionFields,
    selection: RowSelection,
    *,
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
    means: Means = HERE,
) -> QASet:
    """Read a set whole: its rows go to a file, ids stay in memory.

    Raises:
        SourceError: it cannot be read.
    """
    source = open_questions(location, fields, selection, strict=strict)
    heads = [(part.name, part.head().schema) for part in find_parts(location)]
    typed = frozenset(name for name, schema in heads if schema is not None)
    rows: Spill[QuestionRow] = Spill(folder=means.folder)
    bad: Spill[BadRow] = Spill(folder=means.folder)
    places: dict[str, int] = {}
    sources: set[str] = set()
    chars, kinds = 0, Kinds("")
    reader = _PartReader(source.layout, typed, strict)
    for part in map_parts(reader, _parts(source.raw_rows(progress)), means.workers):
        for name, packed in zip(part.ids, part.rows, strict=True):
            places[name] = len(rows)
            rows.append_packed(packed)
        bad.extend(part.bad)
        sources |= part.sources
        chars += part.chars
        kinds.join(part.kinds)
    made = None if source.layout.id is not None else made_column(list(source.layout.columns))
    schema = _schema(location, heads, kinds, made)
    return QASet(
        location,
        source.digest(),
        source.layout,
        schema,
        rows,
        bad,
        made,
        places,
        tuple(sorted(sources)),
        chars,
    )


class _ReadPart(NamedTuple):
    """Some rows in a row, as a worker hands them over."""

    ids: list[str]
    rows: list[bytes]
    bad: list[BadRow]
    sources: set[str]
    chars: int
    kinds: Kinds
    """Of the columns of rows whose file does not say what they are."""


def _parts(raw: Iterable[RawQuestion | BadRow]) -> Iterator[list[RawQuestion | BadRow]]:
    whole = iter(raw)
    while part := list(islice(whole, ROWS_AT_ONCE)):
        yield part


@dataclass(frozen=True, slots=True)
class _PartReader:
    """Makes items of rows; it travels to other processes."""

    layout: Layout
    typed: frozenset[str]
    """Files that say what their columns are."""
    strict: bool

    def __call__(self, part: Sequence[RawQuestion | BadRow]) -> _ReadPart:
        read = _ReadPart([], [], [], set(), 0, Kinds(""))
        chars = 0
        for raw in part:
            row = make_question(raw, self.layout, strict=self.strict)
            if isinstance(row, BadRow):
                read.bad.append(row)
                continue
            read.ids.append(row.item.id)
            read.rows.append(pack(row))
            read.sources.add(row.source)
            chars += len(row.item.question)
            if row.source not in self.typed:
                read.kinds.see(to_row(row.item, self.layout))
        return read._replace(chars=chars)


def _item_of(row: QuestionRow) -> QAItem:
    return row.item


def _schema(
    location: str, heads: Sequence[tuple[str, pa.Schema | None]], kinds: Kinds, made: str | None
) -> pa.Schema:
    """Return the columns of the source, after one for ids where they are made.

    Raises:
        SourceError: files hold one column as types that do not go together.
    """
    known = [schema for _, schema in heads if schema is not None]
    if len({name for name, schema in heads if schema is not None}) < len(heads):
        inferred = kinds.schema()
        known.append(without_nulls(inferred, inferred.names))
    try:
        schema = pa.unify_schemas(known, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError(
            f"{location}: its files do not fit together ({reason}); run them apart"
        ) from error
    schema = pa.schema([_as_read(field) for field in schema], metadata=schema.metadata)
    return schema if made is None else with_made(schema, made)


def _as_read(field: pa.Field) -> pa.Field:
    """Name the items of lists as Parquet gives them back, so that a rebuilt file is the same."""
    return field.with_type(_named(field.type))


def _named(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", _named(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(pa.field("element", _named(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([_as_read(field) for field in kind.fields])
    return kind
