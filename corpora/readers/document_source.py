"""Streams rows out of files and datasets: one pass to survey them, one to cut them into shards.

Both passes read rows alike, so they agree on every bad row, and the same input with the same
settings gives the same shards always. Memory is bounded by a shard, a block of input and the ids
(which go to a temporary file when they are many), whatever the size of the input.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import hashlib
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import NamedTuple

import pyarrow as pa

from burnish.corpora.errors import SourceError, UsageError
from burnish.corpora.readers.columnar import joined
from burnish.corpora.readers.locations import find_parts
from burnish.corpora.readers.row_checks import Gate
from burnish.corpora.readers.rows import (
    BadRow,
    Fields,
    RowSelection,
    Shard,
    SourcePart,
    SourceRow,
    Survey,
)
from burnish.corpora.readers.sampling import RowSample
from burnish.corpora.readers.schema import (
    check_head,
    id_column,
    made_column,
    one_schema,
    with_made,
    without_nulls,
)
from burnish.corpora.storage.streams import Tap
from burnish.corpora.storage.type_inference import Kinds

__all__ = ["BadRow", "Fields", "RowSelection", "Shard", "Source", "Survey", "open_source"]

_FIELDS = Fields()
_SELECTION = RowSelection()


def open_source(
    location: str,
    fields: Fields = _FIELDS,
    selection: RowSelection = _SELECTION,
    *,
    strict: bool = False,
) -> "Source":
    """Open a file, a folder, a glob pattern, or `hf:org/name[@split][#config]`.

    Folders that `save_to_disk` made are recognised; `folder@split` takes one split of theirs.

    Args:
        location: where the rows are.
        fields: which columns hold text and id.
        selection: which rows to take.
        strict: raise at the first bad row instead of setting it aside.

    Raises:
        SourceError: nothing is there, a part cannot be opened, or its columns do not fit.
        UsageError: the selection is below zero.
    """
    if min(selection.limit or 0, selection.sample or 0) < 0:
        raise UsageError("--limit and --sample must not be below 0")
    return Source(find_parts(location), fields, selection, strict=strict)


class _Found(NamedTuple):
    """A row where it was found."""

    part: SourcePart
    position: int
    """Counts from 1 over all rows of the input, good and bad."""
    item: SourceRow | BadRow


class Source:
    """The rows of some parts, as documents that can be told apart and counted."""

    def __init__(
        self, parts: Sequence[SourcePart], fields: Fields, selection: RowSelection, *, strict: bool
    ) -> None:
        self._parts = parts
        self._heads = [part.head() for part in parts]
        for part, head in zip(parts, self._heads, strict=True):
            check_head(part, head, fields)
        self._text = fields.text
        self._id = id_column(self._heads, fields)
        self._selection = selection
        self._strict = strict
        self._drawn: Sequence[int] | None = None

    def id_name(self, survey: Survey) -> str:
        """Return the output column that holds the ids, given or made."""
        return self._id or survey.schema.names[0]

    def survey(self, progress: Callable[[int], None] | None = None) -> Survey:
        """Read the input once and say what is in it.

        Args:
            progress: told how many more bytes were read, time and again.

        Raises:
            SourceError: no row has the column of texts, or a row is bad and `strict` is set.
        """
        taps = {part.name: Tap(progress) for part in self._parts}
        draw = RowSample(self._selection.sample, self._selection.seed)
        kinds = Kinds(self._text)
        typed = {
            part.name
            for part, head in zip(self._parts, self._heads, strict=True)
            if head.schema is not None
        }
        with closing(self._gate()) as gate:
            for part, position, item in self._read(gate, taps):
                if isinstance(item, BadRow):
                    draw.offer(position, None)
                    continue
                draw.offer(position, len(item.text))
                if part.name not in typed:
                    kinds.see(_object(item))
            first = next((h.columns for h in self._heads if h.columns is not None), None)
            gate.require_columns(self._parts[0].name, first)
        self._drawn = draw.positions()
        whole = hashlib.sha256()
        for name, tap in taps.items():
            whole.update(f"{len(name)} {name}\n".encode("utf-8", "surrogateescape") + tap.digest())
        return Survey(
            *draw.counts(),
            digest=whole.hexdigest(),
            schema=self._schema(kinds.schema()),
            sources=tuple(taps),
        )

    def shards(
        self,
        survey: Survey,
        *,
        max_rows: int = 2_000,
        max_chars: int = 16_000_000,
        done: Container[int] = (),
    ) -> Iterator[Shard]:
        """Yield the shards in order, leaving out those whose index is in `done`.

        A shard ends before the row that would exceed a bound; one row may exceed `max_chars` alone.
        Rows count their characters, or a quarter of their bytes where that is more; bad rows count
        too.

        Raises:
            SourceError: the input is not what was surveyed, or a row is bad and `strict` is set.
        """
        index = rows = weight = 0
        wanted = 0 not in done
        found: list[_Found] = []
        with closing(self._gate()) as gate:
            for one in self._selected(gate):
                own = one.item.weight if isinstance(one.item, SourceRow) else len(one.item.raw) // 4
                if rows and (rows == max_rows or weight + own > max_chars):
                    if wanted:
                        yield self._shard(index, found, survey.schema)
                    index, rows, weight, found = index + 1, 0, 0, []
                    wanted = index not in done
                rows += 1
                weight += own
                if wanted:
                    found.append(one)
        if found:
            yield self._shard(index, found, survey.schema)

    def _gate(self) -> Gate:
        return Gate(self._text, self._id)

    def _read(self, gate: Gate, taps: dict[str, Tap] | None) -> Iterator[_Found]:
        position = 0
        limit = self._selection.limit
        if limit == 0:
            return
        for part in self._parts:
            tap = None if taps is None else taps[part.name]
            for item in part.rows(gate, tap):
                position += 1
                if self._strict and isinstance(item, BadRow):
                    raise SourceError(
                        f"{item.source} row {item.row}: {item.reason}; mend the row, or let it "
                        "be set aside by leaving out --strict"
                    )
                yield _Found(part, position, item)
                if position == limit:
                    return

    def _selected(self, gate: Gate) -> Iterator[_Found]:
        if self._selection.sample is None:
            yield from self._read(gate, None)
            return
        if self._drawn is None:
            self.survey()
        drawn = iter(self._drawn or ())
        next_drawn = next(drawn, None)
        for found in self._read(gate, None):
            if next_drawn is None:
                return
            if found.position == next_drawn:
                yield found
                next_drawn = next(drawn, None)

    def _schema(self, inferred: pa.Schema) -> pa.Schema:
        named: list[tuple[str, pa.Schema]] = []
        lines_seen = False
        for part, head in zip(self._parts, self._heads, strict=True):
            if head.schema is not None:
                named.append((part.name, head.schema))
            elif not lines_seen:
                lines_seen = True
                named.append((part.name, inferred))
        schema = without_nulls(one_schema(named, self._text), inferred.names)
        return schema if self._id is not None else with_made(schema, made_column(schema.names))

    def _shard(self, index: int, found: Sequence[_Found], schema: pa.Schema) -> Shard:
        bad = [one.item for one in found if isinstance(one.item, BadRow)]
        good = [
            (one.part, one.position, one.item) for one in found if isinstance(one.item, SourceRow)
        ]
        texts = [row.text for _, _, row in good]
        ids = [row.id or made_id(row.text, position) for _, position, row in good]
        # The column of made ids is the first of the schema.
        kept = schema if self._id is not None else schema.remove(0)
        kept = kept.remove(kept.get_field_index(self._text))
        batches: list[pa.RecordBatch] = []
        for _, group in groupby(good, key=lambda one: one[0].name):
            run = list(group)
            batches.append(self._batch(run[0][0], [row.rest for _, _, row in run], kept))
        arrays = list(joined(batches, kept).columns)
        if self._id is None:
            arrays.insert(0, pa.array(ids, pa.string()))
        rest = schema.remove(schema.get_field_index(self._text))
        return Shard(index, ids, texts, pa.RecordBatch.from_arrays(arrays, schema=rest), bad)

    def _batch(
        self, part: SourcePart, rests: Sequence[object], schema: pa.Schema
    ) -> pa.RecordBatch:
        try:
            return part.batch(rests, schema)
        except (pa.ArrowException, OverflowError, TypeError) as error:
            raise SourceError(
                f"{part.name}: its rows no longer fit the columns that the survey found; "
                "the file has changed, so start the run anew"
            ) from error


def made_id(text: str, position: int) -> str:
    """Return the id of a text that came without one; `position` counts rows over all the input."""
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{position}"


def _object(row: SourceRow) -> dict[str, object]:
    return row.rest if isinstance(row.rest, dict) else {}
