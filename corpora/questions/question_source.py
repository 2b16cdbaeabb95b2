"""Streams the items of QA sets out of files and datasets, in the formats that `sources` reads.

A row without a question, or with an id that occurred before, is a bad row. A row without a key, or
with a key that names no choice, is an item: such faults are for the profile to count and for an
operation to mend.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple, cast

import orjson
import pyarrow as pa

from burnish.corpora.errors import SourceError, UsageError
from burnish.corpora.questions.answer_records import Answer, answers_of, find_records
from burnish.corpora.questions.columns import Layout, QuestionFields, Values, find_layout
from burnish.corpora.questions.items import read_item
from burnish.corpora.readers.columnar import BatchRow
from burnish.corpora.readers.document_source import made_id
from burnish.corpora.readers.locations import find_parts
from burnish.corpora.readers.row_checks import Gate, no_column
from burnish.corpora.readers.rows import BadRow, RowSelection, SourcePart, SourceRow
from burnish.corpora.readers.sampling import RowSample
from burnish.corpora.readers.schema import without_nulls
from burnish.corpora.records import QAItem, Value
from burnish.corpora.storage.arrow_json import json_lines
from burnish.corpora.storage.streams import Tap
from burnish.corpora.storage.type_inference import Kinds, columns_of

__all__ = [
    "BadRow",
    "QuestionFields",
    "QuestionRow",
    "QuestionSource",
    "open_questions",
    "table_of",
]

_SAMPLE = 200
"""Rows of a part that a layout is found from."""
_PARTS = 4
"""Parts whose rows are looked at for that."""
_FIELDS = QuestionFields()
_SELECTION = RowSelection()


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """An item where it was found."""

    item: QAItem
    source: str
    """Name of the file relative to the input folder, or of the dataset."""
    row: int
    """Counts from 1, as in `BadRow`."""
    key: int | None = None
    """Place of the keyed choice, from 0; None without choices, or where the key names none."""
    several_keys: bool = False
    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    """How each model answered, by its name."""


class RawQuestion(NamedTuple):
    """The cells of a row, before anything is made of them."""

    source: str
    row: int
    cells: Values
    id: str
    """The row's own, or one that is made from its question and place."""


def make_question(
    raw: RawQuestion | BadRow, layout: Layout, *, strict: bool = False
) -> QuestionRow | BadRow:
    """Return the item that a row holds; it looks at nothing but the row.

    Raises:
        SourceError: the row is bad and `strict` is set.
    """
    made = raw if isinstance(raw, BadRow) else _made(raw, layout)
    if strict and isinstance(made, BadRow):
        raise SourceError(
            f"{made.source} row {made.row}: {made.reason}; mend the row, or let "
            "it be set aside by leaving out --strict"
        )
    return made


def _made(raw: RawQuestion, layout: Layout) -> QuestionRow | BadRow:
    item, key, several = read_item(raw.cells, layout, raw.id)
    if not item.question:
        cells = orjson.dumps(raw.cells, default=str)
        return BadRow(raw.source, raw.row, "the conversation has no question", cells[: 1 << 20])
    answers = answers_of(raw.cells, layout.records, key, len(item.choices))
    return QuestionRow(item, raw.source, raw.row, key, several, answers)


class QuestionGate(Gate):
    """Judges rows of QA sets: the question may also be a conversation."""

    def refusal(self, source: str, number: int, text: object, given: object) -> str | None:
        """Return why the row cannot be an item, None when it can."""
        if isinstance(text, list):
            # The plain gate knows texts only; a conversation is judged once it is read.
            return super().refusal(source, number, "conversation" if text else "", given)
        return super().refusal(source, number, text, given)


def open_questions(
    location: str,
    fields: QuestionFields = _FIELDS,
    selection: RowSelection = _SELECTION,
    *,
    strict: bool = False,
) -> "QuestionSource":
    """Open a QA set: a file, a folder, a glob pattern, or `hf:org/name[@split][#config]`.

    Args:
        location: where the rows are.
        fields: which columns hold what; those not named are found.
        selection: which rows to take.
        strict: raise at the first bad row instead of setting it aside.

    Raises:
        SourceError: nothing is there, a part cannot be opened, or no column is the question.
        UsageError: the selection is below zero.
    """
    if min(selection.limit or 0, selection.sample or 0) < 0:
        raise UsageError("--limit and --sample must not be below 0")
    return QuestionSource(find_parts(location), fields, selection, strict=strict)


class QuestionSource:
    """The items of some parts; every pass reads the same ones in the same order."""

    def __init__(
        self,
        parts: Sequence[SourcePart],
        fields: QuestionFields,
        selection: RowSelection,
        *,
        strict: bool,
    ) -> None:
        self._parts = parts
        self._selection = selection
        self.strict = strict
        self.layout: Layout = _layout(parts, fields)
        """Which columns hold what, for reading and for `to_row`."""
        self.schema: pa.Schema | None = _schema(parts)
        """The columns of typed files, for `table_of`; None for JSON lines."""
        self._digests: list[bytes] | None = None
        """Of the bytes of the parts, once all of them were read."""

    def rows(self, progress: Callable[[int], None] | None = None) -> Iterator[QuestionRow | BadRow]:
        """Yield the rows selected, good and bad, in order.

        Args:
            progress: told how many more bytes were read, time and again.

        Raises:
            SourceError: a row is bad and `strict` is set, or no row has a question.
        """
        return (
            make_question(raw, self.layout, strict=self.strict) for raw in self.raw_rows(progress)
        )

    def raw_rows(
        self, progress: Callable[[int], None] | None = None
    ) -> Iterator[RawQuestion | BadRow]:
        """Yield the rows selected, for `make_question`; their ids are made here, and differ.

        Args:
            progress: told how many more bytes were read, time and again.

        Raises:
            SourceError: no row has a question.
        """
        taps = {part.name: Tap(progress) for part in self._parts}
        selection = self._selection
        if selection.sample is None:
            yield from islice(self._read(taps), selection.limit)
            return
        draw = RowSample(selection.sample, selection.seed)
        for position, row in enumerate(islice(self._read(taps), selection.limit)):
            draw.offer(position, None if isinstance(row, BadRow) else 0)
        drawn = set(draw.positions())
        for position, row in enumerate(islice(self._read(None), selection.limit)):
            if position in drawn:
                yield row

    def items(self) -> list[QAItem]:
        """Return all good rows as items."""
        return [row.item for row in self.rows() if isinstance(row, QuestionRow)]

    def digest(self) -> str:
        """Return the SHA-256 (hexadecimal) over the names and bytes of all parts, in order."""
        whole = hashlib.sha256()
        read = self._digests or [self._read_through(part) for part in self._parts]
        for part, digest in zip(self._parts, read, strict=True):
            whole.update(f"{len(part.name)} {part.name}\n".encode("utf-8", "surrogateescape"))
            whole.update(digest)
        return whole.hexdigest()

    def _read_through(self, part: SourcePart) -> bytes:
        tap = Tap()
        with closing(self._gate()) as gate:
            for _ in part.rows(gate, tap):
                pass
        return tap.digest()

    def _gate(self) -> QuestionGate:
        layout = self.layout
        return QuestionGate(layout.question or layout.turns or "question", layout.id)

    def _read(self, taps: Mapping[str, Tap] | None) -> Iterator[RawQuestion | BadRow]:
        position = 0
        with closing(self._gate()) as gate:
            for part in self._parts:
                cells = _Cells()
                for row in part.rows(gate, None if taps is None else taps[part.name]):
                    position += 1
                    yield row if isinstance(row, BadRow) else _raw(part, position, row, cells)
            if taps is not None:
                self._digests = [taps[part.name].digest() for part in self._parts]
            head = self._parts[0].head() if self._parts else None
            gate.require_columns(self._parts[0].name, head.columns if head else None)


def _raw(part: SourcePart, position: int, row: SourceRow, cells: "_Cells") -> RawQuestion:
    identity = row.id
    if identity is None:
        # Where the question is a conversation, that is what stands in place of the text.
        held = cast("object", row.text)
        text = held if isinstance(held, str) else orjson.dumps(held, default=str).decode()
        identity = made_id(text, position)
    return RawQuestion(part.name, row.number, cells.of(row), identity)


class _Cells:
    """Turns what a part keeps of a row into its cells, a batch of columns at once."""

    def __init__(self) -> None:
        self._batch: object = None
        self._rows: list[dict[str, Value]] = []

    def of(self, row: SourceRow) -> Values:
        """Return the cells of a row by column."""
        if not isinstance(row.rest, BatchRow):
            return cast("dict[str, Value]", row.rest)
        batch, index = row.rest
        if batch is not self._batch:
            self._batch = batch
            try:
                self._rows = batch.to_pylist()
            except UnicodeDecodeError:
                self._rows = [orjson.loads(line) for line in json_lines(batch)]
        return self._rows[index]


def _layout(parts: Sequence[SourcePart], fields: QuestionFields) -> Layout:
    columns: dict[str, None] = {}
    heads = [part.head() for part in parts]
    for head in heads:
        columns |= dict.fromkeys(head.columns or ())
    sample = [row for part in parts[:_PARTS] for row in islice(loose_rows(part), _SAMPLE)]
    for row in sample:
        columns |= dict.fromkeys(row)
    layout = find_layout(parts[0].name, tuple(columns), sample, fields)
    asked = layout.question or layout.turns or ""
    for part, head in zip(parts, heads, strict=True):
        if head.schema is not None and asked not in (head.columns or ()):
            raise SourceError(no_column(part.name, asked, head.columns, "--set qa.question=COLUMN"))
    shown = [head.columns for head in heads if head.columns is not None]
    if fields.id is None and not all(layout.id in names for names in shown):
        layout = replace(layout, id=None)
    taken = {*layout.mapped(), *([layout.id] if layout.id else [])}
    return replace(layout, records=find_records(tuple(columns), sample, taken, fields.records))


def _schema(parts: Sequence[SourcePart]) -> pa.Schema | None:
    schemas = [part.head().schema for part in parts]
    known = [schema for schema in schemas if schema is not None]
    if len(known) < len(schemas):
        return None
    try:
        return pa.unify_schemas(known, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None


def loose_rows(part: SourcePart) -> Iterator[Values]:
    """Yield the rows that can be read at all, whatever their columns are."""
    cells = _Cells()
    first = (part.head().columns or ("",))[0]
    for row in part.rows(_Open(first), None):
        if isinstance(row, SourceRow):
            yield cells.of(row)
            continue
        # What is refused comes back as JSON, unless it cannot be read.
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(row.raw)
            if isinstance(value, dict):
                yield cast("dict[str, Value]", value)


class _Open(Gate):
    """Lets every row pass whose first column is text, which is all that a part can weigh."""

    def __init__(self, first: str) -> None:
        super().__init__(first, None)

    def refusal(self, source: str, number: int, text: object, given: object) -> str | None:
        """Refuse a row whose first column is no text."""
        del source, number, given
        return None if isinstance(text, str) else "its first column is no text"


def table_of(rows: Sequence[Values], layout: Layout, schema: pa.Schema | None = None) -> pa.Table:
    """Return rows that `to_row` made as a table, for `sinks.write_table`.

    Args:
        rows: the rows, in order.
        layout: whose columns come first, in their order.
        schema: the source's, where it has one; columns it does not name are added. Without one the
            columns get the types that hold all their values, JSON text at worst.
    """
    kinds = Kinds("")
    for row in rows:
        kinds.see({name: row[name] for name in layout.columns if name in row} | dict(row))
    found = without_nulls(kinds.schema(), kinds.schema().names)
    if schema is None:
        return pa.Table.from_batches([columns_of(rows, found)])
    fields = [field for field in found if schema.get_field_index(field.name) < 0]
    batch = columns_of(rows, pa.schema([*schema, *fields]))
    return pa.Table.from_batches([batch])
