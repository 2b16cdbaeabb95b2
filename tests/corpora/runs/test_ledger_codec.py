"""Ledgers: what is written comes back, and a row's class says what its columns are."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.records import DOCUMENTS, QUESTIONS, Evidence, Verdict
from burnish.corpora.runs import document_ledger, question_ledger
from burnish.corpora.runs.ledger_codec import Float32, Int32, LedgerCodec
from burnish.corpora.runs.question_ledger import QAEntry
from burnish.corpora.storage.writers import write_table


class Step(NamedTuple):
    """A row in a row."""

    start: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """Has a column of every kind."""

    name: str
    kind: Literal["a", "b"]
    count: Int32
    share: Float32
    note: str | None
    steps: tuple[Step, ...] = ()


CODEC = LedgerCodec(Sample)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
steps = st.builds(Step, st.integers(0, 2**40), st.lists(texts, max_size=3).map(tuple))
samples = st.builds(
    Sample,
    texts,
    st.sampled_from(["a", "b"]),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.none() | texts,
    st.lists(steps, max_size=3).map(tuple),
)


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@given(rows=st.lists(samples, max_size=5))
def test_every_row_comes_back_as_it_was_written(
    form: Literal["parquet", "jsonl"], rows: list[Sample], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("ledger") / f"part.{form}"
    write_table(path, CODEC.table(rows), form)
    assert list(CODEC.read(path)) == rows


def test_the_class_of_a_row_says_what_the_columns_are() -> None:
    step = pa.struct([("start", pa.int64()), ("words", pa.list_(pa.string()))])
    assert CODEC.schema == pa.schema([
        ("name", pa.string()), ("kind", pa.string()), ("count", pa.int32()),
        ("share", pa.float32()), ("note", pa.string()), ("steps", pa.list_(step)),
    ])  # fmt: skip


@dataclass(frozen=True)
class Sparse:
    """Says more of some rows than of others."""

    id: str
    sizes: Mapping[str, int]
    length: int | None = None


def test_as_json_lines_a_row_is_silent_about_what_it_does_not_know() -> None:
    codec = LedgerCodec(Sparse)
    found = list(codec.rows([Sparse("a", {"x": 1}), Sparse("b", {}, 3)]))
    assert found == [{"id": "a", "sizes": {"x": 1}}, {"id": "b", "sizes": {}, "length": 3}]
    assert codec.table([Sparse("a", {"x": 1})])["sizes"].to_pylist() == [[("x", 1)]]


def test_verdicts_come_back_with_their_evidence(tmp_path: Path) -> None:
    evidence = (
        Evidence("program", "digest", "print(1)"),
        Evidence("passage", "p1", "Mills grind."),
    )
    said = Verdict("reasoner", "reject", 0.75, "so", "4", 9, paths=("program",), evidence=evidence)
    entry = QAEntry("q", "edited", "repair", round=1, verdicts=(said,))
    path = tmp_path / "part.parquet"
    write_table(path, question_ledger.LEDGER.table([entry]), "parquet")
    assert list(question_ledger.LEDGER.read(path)) == [entry]


def test_a_column_that_a_row_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    path.write_bytes(orjson.dumps({"id": "d", "outcome": "edited", "mood": "good"}))
    with pytest.raises(TypeError):
        list(document_ledger.LEDGER.read(path))


def test_the_table_of_outcomes_files_every_record_that_is_not_lost() -> None:
    for filing, nowhere in (
        (DOCUMENTS, {"quarantined"}),
        (QUESTIONS, {"quarantined", "not_added"}),
    ):
        assert set(filing.outcomes) - (filing.data | filing.aside) == nowhere
        assert set(filing.read) <= set(filing.outcomes)
    assert not DOCUMENTS.data & DOCUMENTS.aside
