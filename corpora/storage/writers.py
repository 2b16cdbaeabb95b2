"""Writes files that are there whole or not at all, with the same bytes for the same content."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as parquet

from burnish.corpora.errors import UsageError
from burnish.corpora.storage.arrow_json import json_lines

_ROW_GROUP = 1 << 16
_LINES_AT_ONCE = 1_000


def write_atomic(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file so that even a power cut leaves the old one or the new one, never a part.

    Whatever `write` raises passes through, and leaves no file behind.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            write(cast("BinaryIO", file))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write lines, or other pieces, one after another, atomically."""
    write_atomic(path, lambda file: file.writelines(lines))


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8 atomically; what UTF-8 cannot hold becomes a question mark."""
    write_lines(path, [text.encode("utf-8", "replace")])


def copy_file(source: Path, path: Path) -> None:
    """Copy a file atomically.

    Raises:
        OSError: the source cannot be read.
    """
    with source.open("rb") as kept:
        write_atomic(path, lambda file: shutil.copyfileobj(kept, file))


def write_table(path: Path, table: pa.Table, kind: Literal["parquet", "jsonl"]) -> None:
    """Write a table atomically.

    In JSONL, columns of JSON text become the values they are, times ISO 8601 text, decimals text,
    bytes base64.

    Raises:
        UsageError: Parquet cannot hold a column's type.
    """
    if kind == "jsonl":
        write_atomic(path, lambda file: _write_lines(file, table))
        return
    _parquet_or_refuse(path, lambda file: _write_groups(file, [table], table.schema))


def _parquet_or_refuse(path: Path, write: Callable[[BinaryIO], None]) -> None:
    try:
        write_atomic(path, write)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{path.name}: Parquet cannot hold these columns ({reason}); write JSONL instead"
        ) from error


def write_tables(
    path: Path, tables: Iterable[pa.Table], schema: pa.Schema, kind: Literal["parquet", "jsonl"]
) -> None:
    """Write tables of one schema as one file, atomically: the bytes are those of `write_table`.

    At most one group of rows (65,536) is held at a time.

    Raises:
        UsageError: Parquet cannot hold a column's type.
    """
    if kind == "jsonl":

        def write(file: BinaryIO) -> None:
            for table in tables:
                _write_lines(file, table)

        write_atomic(path, write)
        return
    _parquet_or_refuse(path, lambda file: _write_groups(file, tables, schema))


def write_jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write small records atomically, one JSON object a line, keys in the order they have."""
    write_lines(path, (orjson.dumps(dict(r), option=orjson.OPT_APPEND_NEWLINE) for r in rows))


def _write_groups(file: BinaryIO, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    with parquet.ParquetWriter(
        file,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=True,
        write_statistics=True,
        store_schema=True,
    ) as writer:
        for group in _groups(tables, schema):
            writer.write_table(group, row_group_size=_ROW_GROUP)


def _groups(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield rows in groups of `_ROW_GROUP`, the last one smaller; no rows: one empty group."""
    waiting: list[pa.Table] = []
    rows = groups = 0
    for table in tables:
        at = 0
        while at < table.num_rows:
            part = table.slice(at, _ROW_GROUP - rows)
            waiting.append(part)
            at, rows = at + part.num_rows, rows + part.num_rows
            if rows == _ROW_GROUP:
                yield _one_chunk(waiting)
                waiting, rows, groups = [], 0, groups + 1
    if rows or not groups:
        yield _one_chunk(waiting) if rows else schema.empty_table()


def _one_chunk(tables: Iterable[pa.Table]) -> pa.Table:
    # Pages are cut at the borders of chunks: one chunk a column makes the bytes depend on the
    # content alone.
    return pa.concat_tables(tables).combine_chunks()


def _write_lines(file: BinaryIO, table: pa.Table) -> None:
    for batch in table.to_batches(max_chunksize=_LINES_AT_ONCE):
        file.writelines(json_lines(batch))


def _umask() -> int:
    # There is no way to read the mask without setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
