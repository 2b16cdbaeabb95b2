"""Datasets by their Hugging Face hub name; the one module that knows the `datasets` package.

Folders made by `save_to_disk` need no such package: their Arrow files are read directly.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from burnish.corpora.errors import SourceError
from burnish.corpora.readers.columnar import head_of, table_rows, taken
from burnish.corpora.readers.row_checks import Gate
from burnish.corpora.readers.rows import BadRow, Head, SourcePart, SourceRow
from burnish.corpora.storage.streams import Tap

_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class HubSplit:
    """One split of a dataset, memory-mapped; its digest is taken over the Arrow bytes it holds."""

    name: str
    table: pa.Table

    def head(self) -> Head:
        """Return the schema of the split."""
        return head_of(self.table.schema)

    def rows(self, gate: Gate, tap: Tap | None) -> Iterator[SourceRow | BadRow]:
        """Yield the rows of the split."""
        return table_rows(self.name, self._batches(tap), gate)

    def batch(self, rests: Sequence[object], schema: pa.Schema) -> pa.RecordBatch:
        """Take the columns of the rows out of their batches."""
        return taken(rests, schema)

    def _batches(self, tap: Tap | None) -> Iterator[pa.RecordBatch]:
        for table in self.table.to_batches():
            step = _BATCH_BYTES * table.num_rows // max(table.nbytes, 1)
            step = min(max(step, 1), _BATCH_ROWS)
            for start in range(0, table.num_rows, step):
                batch = table.slice(start, step)
                if tap is not None:
                    tap.feed(batch.serialize())
                yield batch


def open_hub(location: str) -> list[SourcePart]:
    """Open `org/name[@split][#config]`, downloading it into the cache of `datasets` if need be.

    Raises:
        SourceError: the package is not installed, or the dataset cannot be had.
    """
    rest, _, config = location.partition("#")
    name, _, split = rest.partition("@")
    try:
        import datasets
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise SourceError(
            f'hf:{location}: needs the datasets package; pip install "burnish[hf]"'
        ) from error
    try:
        found = datasets.load_dataset(name, config or None, split=split or None)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = " ".join(str(error).split())[:300]
        raise SourceError(f"hf:{location}: cannot be loaded ({reason})") from error
    if isinstance(found, datasets.Dataset):
        return [_part(name, split, found)]
    return [_part(name, str(key), one) for key, one in found.items()]


def _part(name: str, split: str, dataset: object) -> SourcePart:
    table: pa.Table = dataset.data.table  # pyright: ignore[reportAttributeAccessIssue]
    return HubSplit(f"{name}@{split}" if split else name, table)
