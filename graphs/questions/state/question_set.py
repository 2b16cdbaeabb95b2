"""A QA set in memory: its items in order, the rows they came from, and the columns they go to."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.columns import Layout
from burnish.corpora.questions.items import to_row
from burnish.corpora.questions.question_source import (
    BadRow,
    QuestionFields,
    QuestionRow,
    Selection,
    open_questions,
)
from burnish.corpora.readers.locations import find_parts
from burnish.corpora.readers.schema import made_column, with_made, without_nulls
from burnish.corpora.records import QAItem, Value
from burnish.corpora.storage.spill import Mapped, Spill
from burnish.corpora.storage.type_inference import Kinds, columns_of
from burnish.graphs.runs.question_settings import QaSettings


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

    def fits(self, item: QAItem) -> bool:
        """Tell whether the columns of the set can hold the item."""
        try:
            self.table([item])
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            return False
        return True


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
    selection: Selection,
    *,
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
    folder: Path | None = None,
) -> QASet:
    """Read a set whole: its rows go to a file in `folder`, ids stay in memory.

    Raises:
        SourceError: it cannot be read.
    """
    source = open_questions(location, fields, selection, strict=strict)
    rows: Spill[QuestionRow] = Spill(folder=folder)
    bad: Spill[BadRow] = Spill(folder=folder)
    places: dict[str, int] = {}
    sources: set[str] = set()
    chars = 0
    for row in source.rows(progress):
        if isinstance(row, QuestionRow):
            places[row.item.id] = len(rows)
            sources.add(row.source)
            chars += len(row.item.question)
            rows.append(row)
        else:
            bad.append(row)
    made = None if source.layout.id is not None else made_column(list(source.layout.columns))
    schema = _schema(location, source.layout, rows, made)
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


def _item_of(row: QuestionRow) -> QAItem:
    return row.item


def _schema(
    location: str, layout: Layout, rows: Sequence[QuestionRow], made: str | None
) -> pa.Schema:
    """Return the columns of the source, after one for ids where they are made.

    Raises:
        SourceError: files hold one column as types that do not go together.
    """
    heads = [(part.name, part.head().schema) for part in find_parts(location)]
    typed = {name for name, schema in heads if schema is not None}
    known = [schema for _, schema in heads if schema is not None]
    if len(typed) < len(heads):
        kinds = Kinds("")
        for row in rows:
            if row.source not in typed:
                kinds.see(to_row(row.item, layout))
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
