"""Real programs that models wrote, with the outputs recorded when they were first run.

The recording harnesses differ and are followed here: ToRA's kept what was printed; the harness of
Program of Thoughts (Chen et al. 2022) had SymPy's names, `math` and `np` imported and a `solve_it`
at hand and took the first of several answers; for MultiArith and for SVAMP with examples in the
prompt it kept the absolute value.
"""

import gzip
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import orjson

from burnish.corpora.errors import SourceError
from burnish.tools.sandbox.results import Execution

RELATIVE_TOLERANCE = 1e-6

_PRELUDE = "import math, datetime, statistics\nimport numpy as np\n"
_SYMPY_PRELUDE = """\
from sympy import *
def solve_it(equations, unknowns):
    found = solve(equations, unknowns, dict=True)
    several = unknowns if isinstance(unknowns, (list, tuple)) else [unknowns]
    return found[0] if found else dict.fromkeys(several)
"""
_SYMPY_NAMES = re.compile(r"\b(?:[Ss]ymbols?|Eq|solve|solve_it|simplify|Rational)\b")
_EPILOGUE = """
if hasattr(globals().get("ans"), "tolist"): ans = ans.tolist()
if isinstance(globals().get("ans"), dict): ans = list(ans.values())
if isinstance(globals().get("ans"), (list, tuple)): ans = ans[0]
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One program, ready to be run, and the number recorded for it."""

    id: str
    family: str
    """Harness and data set, such as `PoT/svamp`."""
    code: str
    number: float | None
    """None where the recorded output is not a number."""
    printed: bool
    """Whether the number was printed, rather than the value of `ans`."""
    absolute: bool
    question: str = ""
    gold: str = ""
    model: str = ""
    """The model, with the run where it was recorded in several."""


def read_recorded(path: Path) -> Iterator[Recorded]:
    """Read the last program of each record that has one.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = cast("dict[str, object]", orjson.loads(line))
                if row.get("programs"):
                    yield _recorded(row)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not gzipped JSON Lines"
        raise SourceError(f"{path}: {reason}; give pot_programs.jsonl.gz") from None


def agrees(recorded: Recorded, result: Execution) -> bool:
    """Say whether a run gave the recorded number, sign aside where the harness dropped it."""
    if recorded.printed:
        number = _float(result.stdout)
    else:
        number = _float(result.value.number) if result.value is not None else None
    if number is None or recorded.number is None:
        return False
    number = abs(number) if recorded.absolute else number
    return math.isclose(number, recorded.number, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-9)


def _recorded(row: dict[str, object]) -> Recorded:
    program = cast("list[str]", row["programs"])[-1]
    output = cast("list[object]", row["recorded_outputs"])[-1]
    source, dataset = str(row["source"]), str(row["dataset"])
    printed = source == "ToRA"
    return Recorded(
        id=str(row["id"]),
        family=f"{source}/{dataset}",
        code=program if printed else _prelude(program) + program + _EPILOGUE,
        number=_float(output),
        printed=printed,
        absolute=str(row.get("file")).startswith(("svamp_s0", "multiarith")),
        question=str(row.get("question", "")).strip(),
        gold=str(row.get("gold", "")),
        model=" ".join(str(row[name]) for name in ("model", "file") if row.get(name)),
    )


def _prelude(program: str) -> str:
    sympy = _SYMPY_PRELUDE if _SYMPY_NAMES.search(program) else ""
    return sympy + _PRELUDE


def _float(text: object) -> float | None:
    try:
        return float(Fraction(str(text).strip()))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
