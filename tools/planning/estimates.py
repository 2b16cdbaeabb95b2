"""Estimated gains and costs as a table: one row for each thing that can be done to an item.

Columns `item, operation, gain, cost` and, if cells matter, `cell_from, cell_to`. An empty
`cell_from` is an item that does not exist yet; an empty `cell_to` is one that leaves the set.
`keep` needs no row (gain 0, cost 0), but may have one to make an item known that has no options.
"""

# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from burnish.corpora.errors import SourceError, UsageError
from burnish.tools.arrays import Flags, Floats, Ints
from burnish.tools.planning.problem import Codes

NEEDED = ("item", "operation", "gain", "cost")
CELLS = ("cell_from", "cell_to")
OUTSIDE = -1
"""The cell of an item that is not in the set."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """The table as arrays: names once, codes for each row."""

    items: pa.Array
    operations: tuple[str, ...]
    cells: tuple[str, ...]
    item: Codes
    operation: Codes
    gain: Floats
    cost: Floats
    """Tokens."""
    cell_from: Codes
    cell_to: Codes

    @property
    def keeps(self) -> Flags:
        """Mark the rows that leave an item as it is."""
        if "keep" not in self.operations:
            return np.zeros(len(self.item), np.bool_)
        return self.operation == self.operations.index("keep")

    @property
    def homes(self) -> Codes:
        """Return the cell each item is in now."""
        homes = np.full(len(self.items), OUTSIDE, np.int32)
        homes[self.item] = self.cell_from
        return homes

    @property
    def counts(self) -> Ints:
        """Count the items in each cell now."""
        homes = self.homes
        return np.bincount(homes[homes != OUTSIDE], minlength=len(self.cells)).astype(np.int64)

    def item_names(self, rows: Ints) -> list[str]:
        """Name the items of some rows."""
        return [str(name) for name in self.items.take(pa.array(self.item[rows])).to_pylist()]

    def counts_after(self, chosen: Ints) -> Ints:
        """Count the items in each cell once the chosen rows are carried out."""
        size = len(self.cells)
        left, joined = self.cell_from[chosen], self.cell_to[chosen]
        gone = np.bincount(left[left != OUTSIDE], minlength=size)
        come = np.bincount(joined[joined != OUTSIDE], minlength=size)
        return self.counts - gone + come


def read_estimates(path: Path) -> Estimates:
    """Read a table from Parquet or CSV.

    Raises:
        SourceError: the file, a column or a row cannot be used; the message names it and the mend.
    """
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file; give a Parquet or CSV table.")
    try:
        table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError, UnicodeDecodeError) as error:
        reason = str(error).split("\n", 1)[0]
        raise SourceError(
            f"{path}: not a readable Parquet or CSV table ({reason}); write it again."
        ) from error
    return from_table(table, str(path))


def _read_parquet(path: Path) -> pa.Table:
    names = set(pq.read_schema(path).names)
    return pq.read_table(path, columns=[name for name in (*NEEDED, *CELLS) if name in names])


def _read_csv(path: Path) -> pa.Table:
    with pacsv.open_csv(path) as reader:
        names = reader.schema.names
    return pacsv.read_csv(
        path,
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=[name for name in (*NEEDED, *CELLS) if name in names],
            strings_can_be_null=True,
            null_values=[""],
        ),
    )


def from_table(table: pa.Table, source: str) -> Estimates:
    """Check a table and turn it into arrays; `source` is its name in messages.

    Raises:
        SourceError: as for `read_estimates`.
    """
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise SourceError(
            f"{source}: column {missing[0]!r} is missing; the table needs {', '.join(NEEDED)} "
            "and may have cell_from, cell_to."
        )
    if not table.num_rows:
        raise SourceError(f"{source}: the table has no rows; give at least one option.")
    if ("cell_from" in table.column_names) != ("cell_to" in table.column_names):
        raise SourceError(f"{source}: cell_from and cell_to go together; give both or neither.")
    items, item = _codes(table, "item", source)
    operations, operation = _codes(table, "operation", source)
    names = tuple(str(name) for name in operations.to_pylist())
    gain, cost = _numbers(table, "gain", source), _numbers(table, "cost", source)
    _refuse(cost < 0, source, "the cost is negative", "give tokens, 0 or more")
    cells, cell_from, cell_to = _cells(table, names, operation)
    estimates = Estimates(items, names, cells, item, operation, gain, cost, cell_from, cell_to)
    _check(estimates, source)
    return estimates


def _codes(table: pa.Table, column: str, source: str) -> tuple[pa.Array, Codes]:
    values = _text(table, column)
    if values.null_count:
        nulls = pc.is_null(values).to_numpy()
        _refuse(nulls, source, f"{column} is empty", f"name the {column} or leave the row out")
    coded = values.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    return coded.dictionary, coded.indices.to_numpy(zero_copy_only=False).astype(np.int32)


def _text(table: pa.Table, column: str) -> pa.ChunkedArray:
    """Read a column as text; an empty text is no text, as in a CSV."""
    text = pc.cast(table[column], pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _numbers(table: pa.Table, column: str, source: str) -> Floats:
    values = table[column]
    if pa.types.is_string(values.type):
        text = pc.utf8_trim_whitespace(values)
        good = pc.match_substring_regex(text, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
        bad = ~pc.fill_null(good, fill_value=False).to_numpy()
        _refuse(bad, source, f"{column} is not a number", "write a plain number such as 12.5")
        values = text
    try:
        numbers = pc.cast(values, pa.float64()).to_numpy().astype(np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(
            f"{source}: column {column!r} holds {values.type}; give numbers."
        ) from error
    _refuse(~np.isfinite(numbers), source, f"{column} is empty or not finite", "give a number")
    return numbers


def _cells(
    table: pa.Table, operations: tuple[str, ...], operation: Codes
) -> tuple[tuple[str, ...], Codes, Codes]:
    """Code the cells; without cell columns all items share one, which `remove` leaves."""
    if "cell_from" not in table.column_names:
        cell_from = np.zeros(table.num_rows, np.int32)
        cell_to = np.zeros(table.num_rows, np.int32)
        if "remove" in operations:
            cell_to[operation == operations.index("remove")] = OUTSIDE
        return ("all",), cell_from, cell_to
    both = pa.chunked_array(
        [chunk for name in CELLS for chunk in _text(table, name).chunks],
        type=pa.string(),
    )
    coded = both.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    codes = pc.fill_null(coded.indices, OUTSIDE).to_numpy(zero_copy_only=False).astype(np.int32)
    names = tuple(str(name) for name in coded.dictionary.to_pylist())
    return names, codes[: table.num_rows], codes[table.num_rows :]


def _check(estimates: Estimates, source: str) -> None:
    """Refuse rows that contradict one another."""
    outside = (estimates.cell_from == OUTSIDE) & (estimates.cell_to == OUTSIDE)
    _refuse(outside, source, "cell_from and cell_to are both empty", "give the item's cell")
    moved = estimates.homes[estimates.item] != estimates.cell_from
    _refuse(moved, source, "its item has another cell_from elsewhere", "give it one cell")
    keeps = estimates.keeps
    priced = keeps & ((estimates.gain != 0) | (estimates.cost != 0))
    _refuse(priced, source, "keep has a gain or a cost", "write 0 for both: it does nothing")
    strays = keeps & (estimates.cell_from != estimates.cell_to)
    _refuse(strays, source, "keep changes the cell", "make cell_to the same as cell_from")
    width, cells = len(estimates.operations), len(estimates.cells) + 1
    key = (estimates.item.astype(np.int64) * width + estimates.operation) * cells
    key += estimates.cell_to + 1
    order = np.argsort(key, kind="stable")
    twice = np.zeros(len(key), np.bool_)
    twice[order[1:]] = key[order[1:]] == key[order[:-1]]
    _refuse(twice, source, "the same operation stands twice for its item", "leave one row")


def _refuse(bad: Flags, source: str, reason: str, mend: str) -> None:
    if bad.any():
        row = int(np.argmax(bad)) + 1
        raise SourceError(f"{source}: row {row}: {reason}; {mend}.")


def plan_table(estimates: Estimates, chosen: Ints) -> pa.Table:
    """List every item of the set or added to it, with its operation (keep where none)."""
    rows = np.full(len(estimates.items), -1, np.int64)
    rows[estimates.item[chosen]] = chosen
    homes = estimates.homes
    listed = np.flatnonzero((rows >= 0) | (homes != OUTSIDE))
    row = rows[listed]
    acts = row >= 0
    names = pa.array([*estimates.operations, "keep"])
    cells = pa.array(estimates.cells, pa.string())

    def pick(values: Floats) -> Floats:
        return np.where(acts, values[row], 0.0)

    def cell(codes: Codes) -> pa.Array:
        return cells.take(pa.array(codes, mask=codes == OUTSIDE))

    operation = np.where(acts, estimates.operation[row], len(estimates.operations))
    return pa.table({
        "item": estimates.items.take(pa.array(listed)),
        "operation": names.take(pa.array(operation)),
        "gain": pick(estimates.gain),
        "cost": pick(estimates.cost),
        "cell_from": cell(homes[listed]),
        "cell_to": cell(np.where(acts, estimates.cell_to[row], homes[listed])),
    })


def write_plan(path: Path, estimates: Estimates, chosen: Ints) -> None:
    """Write the plan as Parquet, or CSV where the name says so; whole or not at all.

    Raises:
        UsageError: the file cannot be written.
    """
    table = plan_table(estimates, chosen)
    partial = path.with_name(f".{path.name}.partial")
    try:
        if path.suffix.lower() == ".csv":
            pacsv.write_csv(table, partial)
        else:
            pq.write_table(table, partial, compression="zstd")
        partial.replace(path)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror}); choose another."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
