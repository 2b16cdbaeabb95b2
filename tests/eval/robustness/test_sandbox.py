import gzip
import json
from pathlib import Path

import pytest

from burnish.corpora.errors import SourceError
from burnish.eval.datasets.recorded_programs import Recorded, agrees, read_recorded
from burnish.tools.sandbox.pool import Sandbox, layers
from burnish.tools.sandbox.results import Cost, Execution, Value


def result(text: str | None = None, number: str | None = None, stdout: str = "") -> Execution:
    value = None if text is None else Value("int", text, number, cut=False)
    return Execution("finished", stdout, value, "", "", None, Cost(0.0, 0.0, 0), ())


def recorded(number: float | None, *, printed: bool = False, absolute: bool = False) -> Recorded:
    return Recorded("1", "PoT/gsm8k", "", number, printed, absolute)


def row(source: str, dataset: str, program: str, output: object) -> dict[str, object]:
    return {
        "id": "1",
        "source": source,
        "dataset": dataset,
        "file": f"{dataset}_s0_run.jsonl",
        "programs": [program],
        "recorded_outputs": [output],
    }


@pytest.mark.parametrize(
    ("expected", "given", "agreeing"),
    [
        (recorded(0.25), result("1/4", "1/4"), True),
        (recorded(3.0), result("3", "3"), True),
        (recorded(3.0), result("-3", "-3"), False),
        (recorded(3.0, absolute=True), result("-3", "-3"), True),
        (recorded(3.0, printed=True), result(None, None, "3.0\n"), True),
        (recorded(3.0, printed=True), result("3", "3"), False),
        (recorded(3.0), result(), False),
        (recorded(1e9), result("1000000001", "1000000001"), True),
        (recorded(None), result("3", "3"), False),
    ],
)
def test_agreement_follows_the_recording(
    expected: Recorded, given: Execution, *, agreeing: bool
) -> None:
    assert agrees(expected, given) is agreeing


@pytest.mark.skipif(
    any(layer.required and not layer.available for layer in layers()),
    reason="this system lacks a layer the sandbox needs",
)
def test_recorded_programs_run_as_their_harness_ran_them(tmp_path: Path) -> None:
    rows = [
        row("ToRA", "gsm8k", "print(6 * 7)", "42\n"),
        row("PoT", "svamp", "ans = 3 - 8", 5.0),
        row("PoT", "gsm8k", "ans = (4, 5)", 4.0),
        row("PoT", "aqua", "x = Symbol('x')\nans = solve_it(2 * x - 9, x)", 4.5),
        {"id": "2", "source": "PAL", "dataset": "aqua"},
    ]
    path = tmp_path / "programs.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    programs = list(read_recorded(path))
    assert len(programs) == 4
    with Sandbox(workers=1) as sandbox:
        assert all(agrees(program, sandbox.run(program.code)) for program in programs)


def test_a_file_of_something_else_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "programs.jsonl.gz"
    path.write_bytes(b"plain text")
    with pytest.raises(SourceError, match="programs"):
        list(read_recorded(path))
