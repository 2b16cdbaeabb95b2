import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.corpora.errors import SourceError
from burnish.tools.sandbox.expectations import check_programs, read_expectations
from burnish.tools.sandbox.pool import Limits, Sandbox, layers
from tests.support.places import DATA as SHARED

ATTACKS = SHARED.parent / "facts" / "sandbox_attacks.jsonl"

needs_sandbox = pytest.mark.skipif(
    any(layer.required and not layer.available for layer in layers()),
    reason="this system lacks a layer the sandbox needs",
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(cpu_seconds=2, wall_seconds=6.0), workers=1) as opened:
        yield opened


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@needs_sandbox
def test_rows_that_differ_say_how(tmp_path: Path, sandbox: Sandbox) -> None:
    path = write(
        tmp_path / "programs.jsonl",
        {"id": "right", "code": "answer = 2", "expect": "ok", "answer": "2"},
        {"id": "value", "code": "answer = 2", "expect": "finished", "answer": "3"},
        {"id": "none", "code": "answer = 2", "expect": "finished", "answer": None},
        {"id": "class", "code": "1 / 0", "expect": "ok"},
        {"id": "either", "code": "1 / 0", "expect": "ok", "accept": ["runtime_error"]},
        {"id": "output", "code": "print(1)", "expect": "ok", "stdout": "2\n"},
        {"id": "stable", "code": "{'a', 'b'}", "expect": "ok", "stable": True},
        {"id": "unstable", "code": "import time\ntime.time()", "expect": "ok", "stable": True},
    )
    rows = {row.id: row for row in check_programs(path, sandbox)}
    assert [name for name, row in rows.items() if row.agrees] == ["right", "either", "stable"]
    assert rows["value"].reason == "another answer"
    assert rows["none"].reason == "another answer"
    assert rows["class"].reason == "raised instead of finished"
    assert rows["output"].reason == "another output"
    assert rows["unstable"].reason == "a second run gave another answer"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ('{"code": "1", "expect": "ok"}', "id is not a text"),
        ('{"id": "a", "code": 1, "expect": "ok"}', "code is not a text"),
        ('{"id": "a", "code": "1", "expect": "maybe"}', "expect is not a class"),
        ('{"id": "a", "code": "1"}', "expect is not a class"),
        ('{"id": "a", "code": "1", "expect": ["ok"]}', "expect is not a class"),
        ('{"id": "a", "code": "1", "expect": "ok", "stdout": 1}', "stdout is not a text"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, row: str, reason: str) -> None:
    path = tmp_path / "programs.jsonl"
    path.write_text('{"id": "a", "code": "1", "expect": "ok"}\n' + row + "\n", encoding="utf-8")
    with pytest.raises(SourceError, match=rf"programs\.jsonl:2: {reason}"):
        read_expectations(path)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_expectations(tmp_path / "absent.jsonl")


@needs_sandbox
@pytest.mark.slow
@pytest.mark.skipif(not ATTACKS.exists(), reason="the shared collection of attacks is not here")
def test_every_shared_attack_is_contained_and_every_benign_program_right(sandbox: Sandbox) -> None:
    assert [row for row in check_programs(ATTACKS, sandbox) if not row.agrees] == []
